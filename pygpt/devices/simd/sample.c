// Text generation, token by token: repetition_penalty, sample and append_token.
#include "simd.h"

#define SAMPLE 0x50000u
#define NO_TOKEN 0xffffffffu

// An unsigned integer that sorts like the float; equal for both zeros.
static inline uint32_t rank(float x) {
    union { float number; uint32_t bits; } parts = {x == 0.0f ? 0.0f : x};
    return parts.bits >> 31 ? ~parts.bits : parts.bits | 0x80000000u;
}

// The rank of the k-th largest element, found bit by bit: the greatest rank that at least k elements reach.
static uint32_t rank_of_largest(const float *x, int32_t length, int32_t k) {
    uint32_t threshold = 0;
    for (uint32_t bit = 0x80000000u; bit; bit >>= 1) {
        int32_t reached = 0;
        for (int32_t i = 0; i < length && reached < k; i++) reached += rank(x[i]) >= (threshold | bit);
        if (reached >= k) threshold |= bit;
    }
    return threshold;
}

// Four weights: exp((x - top) / temperature), and 0 for elements that are excluded or do not exist.
static inline Lanes weights(const float *x, int32_t left, float top, float temperature, uint32_t threshold) {
    Lanes values = load_partial(x, left, -__builtin_inff());
    Lanes found = exponential((values - splat(top)) / splat(temperature));
    if (threshold)
        for (int32_t lane = 0; lane < 4; lane++)
            if (rank(values[lane]) < threshold) found[lane] = 0.0f;
    return found;
}

static float total_weight(const float *x, int32_t length, float top, float temperature, uint32_t threshold, float least) {
    float total = 0.0f;
    for (int32_t i = 0; i < length; i += 4) {
        Lanes some = weights(x + i, length - i, top, temperature, threshold);
        for (int32_t lane = 0; lane < 4; lane++)
            if (!(some[lane] < least)) total += some[lane];
    }
    return total;
}

// The greatest threshold, at least `least`, whose elements have `share` of the weight of those that reach `least`.
static uint32_t rank_of_share(const float *x, int32_t length, float top, float temperature, uint32_t least, float share) {
    float goal = share * total_weight(x, length, top, temperature, least, 0.0f);
    uint32_t threshold = 0;
    for (uint32_t bit = 0x80000000u; bit; bit >>= 1) {
        uint32_t candidate = threshold | bit;
        if (total_weight(x, length, top, temperature, candidate > least ? candidate : least, 0.0f) >= goal) threshold = candidate;
    }
    return threshold > least ? threshold : least;
}

KERNEL(repetition_penalty) {
    OPERANDS { LOGITS, POSITION, WINDOW, STRENGTH, Y };
    CONSTANTS { V };
    int32_t vocabulary = INTEGER(V), last = SIZE(LOGITS) / vocabulary - 1;
    uint32_t position = WORDS(POSITION)[0];
    const float *x = FLOATS(LOGITS) + (position < (uint32_t)last ? (int32_t)position : last) * vocabulary;
    for (int32_t i = 0; i < vocabulary; i++) FLOATS(Y)[i] = x[i];
    for (uint32_t place = 0; place <= position && place < (uint32_t)SIZE(WINDOW); place++) {
        uint32_t i = WORDS(WINDOW)[place];
        FLOATS(Y)[i] = x[i] > 0.0f ? x[i] / FLOATS(STRENGTH)[0] : x[i] * FLOATS(STRENGTH)[0];
    }
}

KERNEL(sample) {
    OPERANDS { LOGITS, POSITION, SEED, COUNT, SETTINGS, TOKEN, BROKEN };
    CONSTANTS { V };
    int32_t vocabulary = INTEGER(V), last = SIZE(LOGITS) / vocabulary - 1, best = 0;
    uint32_t position = WORDS(POSITION)[0];
    const float *x = FLOATS(LOGITS) + (position < (uint32_t)last ? (int32_t)position : last) * vocabulary;
    float temperature = FLOATS(SETTINGS)[0];
    int32_t nans = 0;
    for (int32_t i = 0; i < vocabulary; i++) {
        if (x[i] > x[best]) best = i;
        nans += x[i] != x[i];
    }
    WORDS(BROKEN)[0] = nans > 0 || __builtin_isinf(x[best]);
    int32_t drawn = best;
    if (temperature > 0.0f) {
        int32_t top_k = (int32_t)FLOATS(SETTINGS)[1];
        uint32_t threshold = top_k > 0 && top_k < vocabulary ? rank_of_largest(x, vocabulary, top_k) : 0;
        float top_p = FLOATS(SETTINGS)[2], min_p = FLOATS(SETTINGS)[3];
        if (top_p < 1.0f) threshold = rank_of_share(x, vocabulary, x[best], temperature, threshold, top_p);
        float total = total_weight(x, vocabulary, x[best], temperature, threshold, min_p), running = 0.0f;
        uint32_t word = threefry_word(WORDS(SEED)[0], SAMPLE, WORDS(COUNT)[0], 0);
        float mark = (float)(word >> 8) * 0x1p-24f * total;
        // Rounding can put the mark beyond the last token with nonzero weight; then that token is drawn.
        for (int32_t i = 0; i < vocabulary && running <= mark; i += 4) {
            Lanes some = weights(x + i, vocabulary - i, x[best], temperature, threshold);
            for (int32_t lane = 0; lane < 4 && running <= mark; lane++)
                if (some[lane] > 0.0f && !(some[lane] < min_p)) {
                    drawn = i + lane;
                    running += some[lane];
                }
        }
    }
    WORDS(TOKEN)[0] = (uint32_t)drawn;
}

KERNEL(append_token) {
    OPERANDS { TOKEN, BROKEN, WINDOW, POSITION, OUTPUT, COUNT };
    CONSTANTS { T };
    uint32_t time = WORD(T), kept = time / 2, *window = WORDS(WINDOW), *position = WORDS(POSITION), *count = WORDS(COUNT);
    if (*position + 1 < time) {
        ++*position;
    } else {
        for (uint32_t i = 0; i < kept; i++) window[i] = window[time - kept + i];
        *position = kept;
    }
    window[*position] = WORDS(TOKEN)[0];
    WORDS(OUTPUT)[*count % (uint32_t)SIZE(OUTPUT)] = WORDS(BROKEN)[0] ? NO_TOKEN : WORDS(TOKEN)[0];
    ++*count;
}
