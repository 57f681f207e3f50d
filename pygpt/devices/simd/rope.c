// Transformations of attention's queries and keys: rope, qk_norm and its gradient.
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

KERNEL(qk_norm) {
    OPERANDS { QKV, Y, INVERSE_RMS };
    CONSTANTS { D, HEADS, NORMED, EPSILON };
    int32_t size = INTEGER(D), heads = INTEGER(HEADS), normed = INTEGER(NORMED);
    for (int32_t head = 0; head < SIZE(QKV) / size; head++) {
        const float *x = FLOATS(QKV) + head * size;
        Lanes squares = splat(0.0f);
        for (int32_t i = 0; i < size; i += 4) {
            Lanes v = load_partial(x + i, size - i, 0.0f);
            squares = multiply_add(v, v, squares);
        }
        float inverse = 1.0f / __builtin_sqrtf(sum_lanes(squares) / (float)size + NUMBER(EPSILON));
        if (head % heads < normed) FLOATS(INVERSE_RMS)[head / heads * normed + head % heads] = inverse;
        Lanes factor = splat(head % heads < normed ? inverse : 1.0f);
        for (int32_t i = 0; i < size; i += 4) store_partial(FLOATS(Y) + head * size + i, size - i, load_partial(x + i, size - i, 0.0f) * factor);
    }
}

KERNEL(qk_norm_gradient) {
    OPERANDS { DY, QKV, INVERSE_RMS, DQKV };
    CONSTANTS { D, HEADS, NORMED };
    int32_t size = INTEGER(D), heads = INTEGER(HEADS), normed = INTEGER(NORMED);
    for (int32_t head = 0; head < SIZE(QKV) / size; head++) {
        const float *dy = FLOATS(DY) + head * size, *x = FLOATS(QKV) + head * size;
        int32_t copied = head % heads >= normed;
        Lanes along = splat(0.0f), inverse = splat(copied ? 1.0f : FLOATS(INVERSE_RMS)[head / heads * normed + head % heads]);
        for (int32_t i = 0; i < size; i += 4)
            along = multiply_add(load_partial(dy + i, size - i, 0.0f), load_partial(x + i, size - i, 0.0f) * inverse, along);
        Lanes mean = splat(copied ? 0.0f : sum_lanes(along) / (float)size);
        for (int32_t i = 0; i < size; i += 4) {
            Lanes n = load_partial(x + i, size - i, 0.0f) * inverse;
            store_partial(FLOATS(DQKV) + head * size + i, size - i, (load_partial(dy + i, size - i, 0.0f) - n * mean) * inverse);
        }
    }
}
