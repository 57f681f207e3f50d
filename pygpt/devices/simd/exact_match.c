// Scoring: exact_match.
#include "simd.h"

KERNEL(exact_match) {
    OPERANDS { LOGITS, TARGETS, CORRECT, SCORED };
    CONSTANTS { T, V };
    int32_t time = INTEGER(T), vocabulary = INTEGER(V);
    for (int32_t row = 0; row < SIZE(CORRECT); row++) {
        int32_t valid = 0, wrong = 0;
        for (int32_t t = row * time; t < (row + 1) * time; t++) {
            if (INTEGERS(TARGETS)[t] == -1) continue;
            const float *x = FLOATS(LOGITS) + t * vocabulary;
            // Every logit before the target's must be less, none after it greater; a NaN is neither.
            int32_t target = INTEGERS(TARGETS)[t], largest = target < vocabulary;
            for (int32_t i = 0; i < vocabulary && largest; i++) largest = x[i] < x[target] || (x[i] == x[target] && i >= target);
            valid++;
            wrong += !largest;
        }
        FLOATS(CORRECT)[row] = valid && !wrong ? 1.0f : 0.0f;
        INTEGERS(SCORED)[row] = valid ? 0 : -1;
    }
}
