// Element by element: add, scale, divide, fill, sum, pack, record, increment. Running means: lerp and running_share.
#include "simd.h"

KERNEL(add) {
    OPERANDS { X, Y, Z };
    for (int32_t i = 0, size = SIZE(Z); i < size; i += 4)
        store_partial(FLOATS(Z) + i, size - i, load_partial(FLOATS(X) + i, size - i, 0.0f) + load_partial(FLOATS(Y) + i, size - i, 0.0f));
}

KERNEL(scale) {
    OPERANDS { X, Y };
    CONSTANTS { FACTOR };
    Lanes factor = splat(NUMBER(FACTOR));
    for (int32_t i = 0, size = SIZE(Y); i < size; i += 4)
        store_partial(FLOATS(Y) + i, size - i, load_partial(FLOATS(X) + i, size - i, 0.0f) * factor);
}

KERNEL(divide) {
    OPERANDS { X, BY, Y };
    CONSTANTS { EPSILON };
    Lanes by = splat(FLOATS(BY)[0] + NUMBER(EPSILON));
    for (int32_t i = 0, size = SIZE(Y); i < size; i += 4)
        store_partial(FLOATS(Y) + i, size - i, load_partial(FLOATS(X) + i, size - i, 0.0f) / by);
}

KERNEL(fill) {
    OPERANDS { Y };
    CONSTANTS { VALUE };
    Lanes value = splat(NUMBER(VALUE));
    for (int32_t i = 0, size = SIZE(Y); i < size; i += 4) store_partial(FLOATS(Y) + i, size - i, value);
}

KERNEL(sum) {
    OPERANDS { X, Y };
    CONSTANTS { R, C };
    int32_t rows = INTEGER(R), width = INTEGER(C);
    for (int32_t block = 0; block < SIZE(Y) / width; block++) {
        const float *x = FLOATS(X) + block * rows * width;
        float *y = FLOATS(Y) + block * width;
        for (int32_t row = 0; row < rows; row++, x += width)
            for (int32_t c = 0; c < width; c += 4) {
                Lanes v = load_partial(x + c, width - c, 0.0f);
                if (row) v += load_partial(y + c, width - c, 0.0f);
                store_partial(y + c, width - c, v);
            }
    }
}

KERNEL(pack) {
    OPERANDS { A, B, C, D, E, F, G, Y };
    CONSTANTS { START_A, LENGTH_A, START_B, LENGTH_B, START_C, LENGTH_C, START_D, LENGTH_D, START_E, LENGTH_E, START_F,
                LENGTH_F, START_G, LENGTH_G };
    for (int32_t i = 0; i < 7; i++) {
        int32_t length = INTEGER(LENGTH_A + 2 * i);
        float *to = FLOATS(Y) + INTEGER(START_A + 2 * i);
        for (int32_t j = 0; j < length; j += 4) store_partial(to + j, length - j, load_partial(FLOATS(A + i) + j, length - j, 0.0f));
    }
}

KERNEL(record) {
    OPERANDS { VALUE, STEP, HISTORY };
    FLOATS(HISTORY)[WORDS(STEP)[0] % (uint32_t)SIZE(HISTORY)] = FLOATS(VALUE)[0];
}

KERNEL(increment) {
    OPERANDS { STEP };
    CONSTANTS { AMOUNT };
    WORDS(STEP)[0] += WORD(AMOUNT);
}

KERNEL(lerp) {
    OPERANDS { X, SHARES, STEP, Y };
    uint32_t step = WORDS(STEP)[0], last = (uint32_t)SIZE(SHARES) - 1;
    const Lanes share = splat(FLOATS(SHARES)[step < last ? step : last]);
    for (int32_t i = 0, size = SIZE(Y); i < size; i += 4) {
        Lanes y = load_partial(FLOATS(Y) + i, size - i, 0.0f);
        store_partial(FLOATS(Y) + i, size - i, y + share * (load_partial(FLOATS(X) + i, size - i, 0.0f) - y));
    }
}

KERNEL(running_share) {
    OPERANDS { COUNT, TOTAL, SHARE };
    float count = FLOATS(COUNT)[0], total = FLOATS(TOTAL)[0] + count;
    FLOATS(TOTAL)[0] = total;
    FLOATS(SHARE)[0] = count / larger(1.0f, total);
}
