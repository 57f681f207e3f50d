// Root mean square normalization of rows: rmsnorm and its gradient.
#include "simd.h"

KERNEL(rmsnorm) {
    OPERANDS { X, WEIGHT, Y, INVERSE_RMS };
    CONSTANTS { C, EPSILON, HAS_WEIGHT };
    int32_t width = INTEGER(C);
    const float *weight = FLOATS(WEIGHT);
    for (int32_t row = 0; row < SIZE(INVERSE_RMS); row++) {
        const float *x = FLOATS(X) + row * width;
        float *y = FLOATS(Y) + row * width;
        Lanes squares = splat(0.0f);
        for (int32_t c = 0; c < width; c += 4) {
            Lanes v = load_partial(x + c, width - c, 0.0f);
            squares = multiply_add(v, v, squares);
        }
        float inverse = 1.0f / __builtin_sqrtf(sum_lanes(squares) / (float)width + NUMBER(EPSILON));
        for (int32_t c = 0; c < width; c += 4) {
            Lanes v = load_partial(x + c, width - c, 0.0f) * splat(inverse);
            if (weight) v *= load_partial(weight + c, width - c, 0.0f);
            store_partial(y + c, width - c, v);
        }
        FLOATS(INVERSE_RMS)[row] = inverse;
    }
}

KERNEL(rmsnorm_gradient) {
    OPERANDS { DY, X, WEIGHT, INVERSE_RMS, RESIDUAL, DX, DWEIGHT };
    CONSTANTS { C, PART, HAS_WEIGHT, HAS_RESIDUAL };
    int32_t width = INTEGER(C), part = INTEGER(PART);
    const float *weight = FLOATS(WEIGHT), *residual = FLOATS(RESIDUAL);
    if (!weight) FLOATS(DWEIGHT)[0] = 0.0f;
    for (int32_t row = 0; row < SIZE(INVERSE_RMS); row++) {
        const float *dy = FLOATS(DY) + row * width, *x = FLOATS(X) + row * width;
        float *dx = FLOATS(DX) + row * width, *dweight = FLOATS(DWEIGHT) + row / part * width;
        Lanes inverse = splat(FLOATS(INVERSE_RMS)[row]), along = splat(0.0f);
        for (int32_t c = 0; c < width; c += 4) {
            int32_t left = width - c;
            Lanes d = load_partial(dy + c, left, 0.0f), n = load_partial(x + c, left, 0.0f) * inverse;
            along = multiply_add(weight ? (Lanes)(d * load_partial(weight + c, left, 0.0f)) : d, n, along);
            if (weight) store_partial(dweight + c, left, multiply_add(d, n, row % part ? load_partial(dweight + c, left, 0.0f) : splat(0.0f)));
        }
        Lanes mean = splat(sum_lanes(along) / (float)width);
        for (int32_t c = 0; c < width; c += 4) {
            int32_t left = width - c;
            Lanes g = load_partial(dy + c, left, 0.0f), n = load_partial(x + c, left, 0.0f) * inverse;
            if (weight) g *= load_partial(weight + c, left, 0.0f);
            Lanes d = (g - n * mean) * inverse;
            if (residual) d += load_partial(residual + row * width + c, left, 0.0f);
            store_partial(dx + c, left, d);
        }
    }
}
