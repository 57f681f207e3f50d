// Optimizers over the flat parameters: adamw, momentum and sgd_step. Gradient clipping: square_sum and clip_scale.
#include "simd.h"

#define LANES 64

// Inlined once per value of `coupled`: a branch in the loop changes which products compilers fuse, and so AdamW's bits.
static inline __attribute__((always_inline)) void adam(const Launch *launch, const int coupled) {
    OPERANDS { GRADIENT, SCALE, SCHEDULE, STEP, PARAMETER, FIRST_MOMENT, SECOND_MOMENT };
    CONSTANTS { BETA1, REST1, BETA2, REST2, EPSILON, WEIGHT_DECAY, DECAYED };
    int32_t last = SIZE(SCHEDULE) / 3 - 1, decayed = INTEGER(DECAYED);
    uint32_t step = WORDS(STEP)[0];
    const float *row = FLOATS(SCHEDULE) + 3 * (step < (uint32_t)last ? (int32_t)step : last);
    const Lanes scale = splat(FLOATS(SCALE)[0]), beta1 = splat(NUMBER(BETA1)), rest1 = splat(NUMBER(REST1)),
                beta2 = splat(NUMBER(BETA2)), rest2 = splat(NUMBER(REST2)), epsilon = splat(NUMBER(EPSILON)),
                rate = splat(row[0] / row[1]), root = splat(1.0f / __builtin_sqrtf(row[2]));
    const float kept = 1.0f - row[0] * NUMBER(WEIGHT_DECAY);
    for (int32_t i = 0, size = SIZE(PARAMETER); i < size; i += 4) {
        int32_t left = size - i;
        float *parameter = FLOATS(PARAMETER) + i, *first = FLOATS(FIRST_MOMENT) + i, *second = FLOATS(SECOND_MOMENT) + i;
        Lanes g = load_partial(FLOATS(GRADIENT) + i, left, 0.0f) * scale;
        if (coupled && i < decayed)
            g += choose((IntegerLanes){i, i + 1, i + 2, i + 3} < decayed, splat(NUMBER(WEIGHT_DECAY)), splat(0.0f)) *
                 load_partial(parameter, left, 0.0f);
        Lanes m = load_partial(first, left, 0.0f) * beta1 + g * rest1;
        Lanes v = load_partial(second, left, 0.0f) * beta2 + g * g * rest2;
        Lanes held = load_partial(parameter, left, 0.0f);
        if (!coupled && i < decayed)
            held *= choose((IntegerLanes){i, i + 1, i + 2, i + 3} < decayed, splat(kept), splat(1.0f));
        store_partial(first, left, m);
        store_partial(second, left, v);
        store_partial(parameter, left, held - rate * m / (square_root(v) * root + epsilon));
    }
}

KERNEL(adamw) {
    OPERANDS { GRADIENT, SCALE, SCHEDULE, STEP, PARAMETER, FIRST_MOMENT, SECOND_MOMENT };
    CONSTANTS { BETA1, REST1, BETA2, REST2, EPSILON, WEIGHT_DECAY, DECAYED, COUPLED };
    if (INTEGER(COUPLED))
        adam(launch, 1);
    else
        adam(launch, 0);
}

KERNEL(momentum) {
    OPERANDS { PARAMETER, SCALE, GRADIENT, VELOCITY };
    CONSTANTS { BETA, NESTEROV, WEIGHT_DECAY, DECAYED };
    const Lanes scale = splat(FLOATS(SCALE)[0]), beta = splat(NUMBER(BETA)), decay = splat(NUMBER(WEIGHT_DECAY));
    for (int32_t i = 0, size = SIZE(GRADIENT), decayed = INTEGER(DECAYED); i < size; i += 4) {
        int32_t left = size - i;
        float *gradient = FLOATS(GRADIENT) + i, *velocity = FLOATS(VELOCITY) + i;
        Lanes g = load_partial(gradient, left, 0.0f) * scale;
        if (i < decayed)
            g += choose((IntegerLanes){i, i + 1, i + 2, i + 3} < decayed, decay, splat(0.0f)) *
                 load_partial(FLOATS(PARAMETER) + i, left, 0.0f);
        Lanes v = load_partial(velocity, left, 0.0f) * beta + g;
        store_partial(velocity, left, v);
        store_partial(gradient, left, INTEGER(NESTEROV) ? (Lanes)(g + beta * v) : v);
    }
}

KERNEL(sgd_step) {
    OPERANDS { DIRECTION, SCALE, SCHEDULE, STEP, PARAMETER };
    CONSTANTS { WEIGHT_DECAY, DECAYED };
    int32_t last = SIZE(SCHEDULE) / 3 - 1, decayed = INTEGER(DECAYED);
    uint32_t step = WORDS(STEP)[0];
    const float learning_rate = FLOATS(SCHEDULE)[3 * (step < (uint32_t)last ? (int32_t)step : last)];
    const Lanes rate = splat(learning_rate * FLOATS(SCALE)[0]), kept = splat(1.0f - learning_rate * NUMBER(WEIGHT_DECAY));
    for (int32_t i = 0, size = SIZE(PARAMETER); i < size; i += 4) {
        int32_t left = size - i;
        float *parameter = FLOATS(PARAMETER) + i;
        Lanes held = load_partial(parameter, left, 0.0f);
        if (i < decayed) held *= choose((IntegerLanes){i, i + 1, i + 2, i + 3} < decayed, kept, splat(1.0f));
        store_partial(parameter, left, held - rate * load_partial(FLOATS(DIRECTION) + i, left, 0.0f));
    }
}

// The sum as a tree: add the upper half to the lower until one value is left.
static inline float joined(float lanes[LANES]) {
    for (int32_t half = LANES / 2; half; half /= 2)
        for (int32_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    return lanes[0];
}

KERNEL(square_sum) {
    OPERANDS { X, PARTIAL };
    CONSTANTS { P };
    int32_t parts = INTEGER(P), size = SIZE(X);
    const float *x = FLOATS(X);
    for (int32_t part = 0; part < parts; part++) {
        float lanes[LANES] = {0};
        for (int32_t start = part * LANES; start < size; start += parts * LANES)
            for (int32_t lane = 0; lane < LANES && start + lane < size; lane += 4) {
                Lanes v = load_partial(x + start + lane, size - start - lane, 0.0f);
                store(lanes + lane, multiply_add(v, v, load(lanes + lane)));
            }
        FLOATS(PARTIAL)[part] = joined(lanes);
    }
}

KERNEL(clip_scale) {
    OPERANDS { PARTIAL, SCALE, NORM };
    CONSTANTS { MAX_NORM };
    float lanes[LANES] = {0};
    for (int32_t i = 0; i < SIZE(PARTIAL); i++) lanes[i % LANES] += FLOATS(PARTIAL)[i];
    float norm = __builtin_sqrtf(joined(lanes)), most = NUMBER(MAX_NORM), scale = most / (norm + 1e-6f);
    FLOATS(NORM)[0] = norm;
    FLOATS(SCALE)[0] = most > 0.0f && !(scale > 1.0f) ? scale : 1.0f;
}
