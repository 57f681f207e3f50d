// Layer normalization of rows: layernorm and its gradient.
#include "simd.h"

KERNEL(layernorm) {
    OPERANDS { X, WEIGHT, BIAS, Y, STATISTICS };
    CONSTANTS { C, EPSILON, HAS_BIAS };
    int32_t width = INTEGER(C);
    const float *weight = FLOATS(WEIGHT), *bias = FLOATS(BIAS);
    for (int32_t row = 0; row < SIZE(X) / width; row++) {
        const float *x = FLOATS(X) + row * width;
        float *y = FLOATS(Y) + row * width;
        Lanes sum = splat(0.0f), squares = splat(0.0f);
        for (int32_t c = 0; c < width; c += 4) sum += load_partial(x + c, width - c, 0.0f);
        float mean = sum_lanes(sum) / (float)width;
        for (int32_t c = 0; c < width; c += 4) {
            Lanes d = load_partial(x + c, width - c, mean) - splat(mean);
            squares = multiply_add(d, d, squares);
        }
        float inverse_std = 1.0f / __builtin_sqrtf(sum_lanes(squares) / (float)width + NUMBER(EPSILON));
        for (int32_t c = 0; c < width; c += 4) {
            int32_t left = width - c;
            Lanes n = (load_partial(x + c, left, 0.0f) - splat(mean)) * splat(inverse_std);
            Lanes shift = bias ? load_partial(bias + c, left, 0.0f) : splat(0.0f);
            store_partial(y + c, left, multiply_add(n, load_partial(weight + c, left, 0.0f), shift));
        }
        FLOATS(STATISTICS)[2 * row] = mean;
        FLOATS(STATISTICS)[2 * row + 1] = inverse_std;
    }
}

KERNEL(layernorm_gradient) {
    OPERANDS { DY, X, WEIGHT, STATISTICS, RESIDUAL, DX, DWEIGHT, DBIAS };
    CONSTANTS { C, PART, HAS_RESIDUAL };
    int32_t width = INTEGER(C), part = INTEGER(PART);
    const float *weight = FLOATS(WEIGHT), *statistics = FLOATS(STATISTICS), *residual = FLOATS(RESIDUAL);
    for (int32_t row = 0; row < SIZE(X) / width; row++) {
        const float *dy = FLOATS(DY) + row * width, *x = FLOATS(X) + row * width;
        float *dx = FLOATS(DX) + row * width;
        float *dweight = FLOATS(DWEIGHT) + row / part * width, *dbias = FLOATS(DBIAS) + row / part * width;
        float mean = statistics[2 * row], inverse_std = statistics[2 * row + 1];
        Lanes sum = splat(0.0f), along = splat(0.0f);
        for (int32_t c = 0; c < width; c += 4) {
            int32_t left = width - c;
            Lanes d = load_partial(dy + c, left, 0.0f), g = d * load_partial(weight + c, left, 0.0f);
            Lanes n = (load_partial(x + c, left, 0.0f) - splat(mean)) * splat(inverse_std);
            sum += g;
            along = multiply_add(g, n, along);
            int32_t first = row % part == 0;
            store_partial(dweight + c, left, multiply_add(d, n, first ? splat(0.0f) : load_partial(dweight + c, left, 0.0f)));
            store_partial(dbias + c, left, d + (first ? splat(0.0f) : load_partial(dbias + c, left, 0.0f)));
        }
        Lanes g_mean = splat(sum_lanes(sum) / (float)width), n_mean = splat(sum_lanes(along) / (float)width);
        for (int32_t c = 0; c < width; c += 4) {
            int32_t left = width - c;
            Lanes g = load_partial(dy + c, left, 0.0f) * load_partial(weight + c, left, 0.0f);
            Lanes n = (load_partial(x + c, left, 0.0f) - splat(mean)) * splat(inverse_std);
            Lanes d = (g - g_mean - n * n_mean) * splat(inverse_std);
            if (residual) d += load_partial(residual + row * width + c, left, 0.0f);
            store_partial(dx + c, left, d);
        }
    }
}
