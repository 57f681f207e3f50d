// Transformations of attention's queries and keys: rope, qk_norm and its gradients.
#include "simd.h"

KERNEL(rope) {
    OPERANDS { QKV, TABLE, START, Y };
    CONSTANTS { T, POSITIONS, D, HEADS, ROTATED, INVERSE, HAS_START };
    int32_t time = INTEGER(T), size = INTEGER(D), half = size / 2, heads = INTEGER(HEADS), rotated = INTEGER(ROTATED);
    uint32_t first = INTEGER(HAS_START) ? WORDS(START)[0] : 0, last = WORD(POSITIONS) - 1;
    Lanes sign = splat(INTEGER(INVERSE) ? -1.0f : 1.0f);
    for (int32_t head = 0; head < SIZE(QKV) / size; head++) {
        const float *x = FLOATS(QKV) + head * size;
        float *y = FLOATS(Y) + head * size;
        uint32_t position = first + (uint32_t)(head / heads % time);
        const float *table = FLOATS(TABLE) + (position < last ? position : last) * (uint32_t)size;
        for (int32_t i = 0; i < half; i += 4) {
            int32_t left = half - i;
            Lanes a = load_partial(x + i, left, 0.0f), b = load_partial(x + half + i, left, 0.0f);
            if (head % heads >= rotated) {
                store_partial(y + i, left, a);
                store_partial(y + half + i, left, b);
                continue;
            }
            Lanes cosine = load_partial(table + i, left, 0.0f), sine = load_partial(table + half + i, left, 0.0f) * sign;
            store_partial(y + i, left, a * cosine - b * sine);
            store_partial(y + half + i, left, b * cosine + a * sine);
        }
    }
}

// The part of the weight for a head of a row; null without a weight, and for values.
static const float *weight_of(const float *weight, int32_t head, int32_t queries, int32_t normed, int32_t size) {
    if (!weight || head >= normed) return 0;
    return head < queries ? weight : weight + size;
}

KERNEL(qk_norm) {
    OPERANDS { QKV, WEIGHT, Y, INVERSE_RMS };
    CONSTANTS { D, H, HEADS, NORMED, HAS_WEIGHT, EPSILON };
    int32_t size = INTEGER(D), heads = INTEGER(HEADS), normed = INTEGER(NORMED);
    for (int32_t head = 0; head < SIZE(QKV) / size; head++) {
        const float *x = FLOATS(QKV) + head * size, *weight = weight_of(FLOATS(WEIGHT), head % heads, INTEGER(H), normed, size);
        Lanes squares = splat(0.0f);
        for (int32_t i = 0; i < size; i += 4) {
            Lanes v = load_partial(x + i, size - i, 0.0f);
            squares = multiply_add(v, v, squares);
        }
        float inverse = 1.0f / __builtin_sqrtf(sum_lanes(squares) / (float)size + NUMBER(EPSILON));
        if (head % heads < normed) FLOATS(INVERSE_RMS)[head / heads * normed + head % heads] = inverse;
        Lanes factor = splat(head % heads < normed ? inverse : 1.0f);
        for (int32_t i = 0; i < size; i += 4) {
            Lanes v = load_partial(x + i, size - i, 0.0f) * factor;
            if (weight) v *= load_partial(weight + i, size - i, 0.0f);
            store_partial(FLOATS(Y) + head * size + i, size - i, v);
        }
    }
}

KERNEL(qk_norm_gradient) {
    OPERANDS { DY, QKV, WEIGHT, INVERSE_RMS, DQKV };
    CONSTANTS { D, H, HEADS, NORMED, HAS_WEIGHT };
    int32_t size = INTEGER(D), heads = INTEGER(HEADS), normed = INTEGER(NORMED);
    for (int32_t head = 0; head < SIZE(QKV) / size; head++) {
        const float *dy = FLOATS(DY) + head * size, *x = FLOATS(QKV) + head * size;
        const float *weight = weight_of(FLOATS(WEIGHT), head % heads, INTEGER(H), normed, size);
        int32_t copied = head % heads >= normed;
        Lanes along = splat(0.0f), inverse = splat(copied ? 1.0f : FLOATS(INVERSE_RMS)[head / heads * normed + head % heads]);
        for (int32_t i = 0; i < size; i += 4) {
            Lanes g = load_partial(dy + i, size - i, 0.0f);
            if (weight) g *= load_partial(weight + i, size - i, 0.0f);
            along = multiply_add(g, load_partial(x + i, size - i, 0.0f) * inverse, along);
        }
        Lanes mean = splat(copied ? 0.0f : sum_lanes(along) / (float)size);
        for (int32_t i = 0; i < size; i += 4) {
            Lanes g = load_partial(dy + i, size - i, 0.0f), n = load_partial(x + i, size - i, 0.0f) * inverse;
            if (weight) g *= load_partial(weight + i, size - i, 0.0f);
            store_partial(FLOATS(DQKV) + head * size + i, size - i, (g - n * mean) * inverse);
        }
    }
}

KERNEL(qk_norm_weight_gradient) {
    OPERANDS { DY, QKV, INVERSE_RMS, DWEIGHT };
    CONSTANTS { D, H, HEADS, NORMED, PART };
    int32_t size = INTEGER(D), heads = INTEGER(HEADS), normed = INTEGER(NORMED), part = INTEGER(PART);
    for (int32_t i = 0; i < SIZE(DWEIGHT); i += 4) store_partial(FLOATS(DWEIGHT) + i, SIZE(DWEIGHT) - i, splat(0.0f));
    for (int32_t row = 0; row < SIZE(INVERSE_RMS) / normed; row++) {
        for (int32_t head = 0; head < normed; head++) {
            const float *dy = FLOATS(DY) + (row * heads + head) * size, *x = FLOATS(QKV) + (row * heads + head) * size;
            float *total = FLOATS(DWEIGHT) + row / part * 2 * size + (head < INTEGER(H) ? 0 : size);
            Lanes inverse = splat(FLOATS(INVERSE_RMS)[row * normed + head]);
            for (int32_t i = 0; i < size; i += 4) {
                int32_t left = size - i;
                Lanes n = load_partial(x + i, left, 0.0f) * inverse;
                store_partial(total + i, left, multiply_add(load_partial(dy + i, left, 0.0f), n, load_partial(total + i, left, 0.0f)));
            }
        }
    }
}
