// The tanh form of GELU, element by element: gelu and its gradient.
#include "simd.h"

#define SLOPE 0.7978845608028654f
#define CUBIC 0.044715f

// 1 / (1 + e^-2u), which is (1 + tanh u) / 2, for u = SLOPE (x + CUBIC x^3).
static inline Lanes gate(Lanes x) {
    Lanes cubic = multiply_add(x * x, constant(CUBIC), constant(1.0f));
    return splat(1.0f) / (splat(1.0f) + exponential(constant(-2.0f * SLOPE) * x * cubic));
}

KERNEL(gelu) {
    OPERANDS { X, Y };
    const float *x = FLOATS(X);
    float *y = FLOATS(Y);
    for (int32_t i = 0, size = SIZE(Y); i < size; i += 4) {
        Lanes v = load_partial(x + i, size - i, 0.0f);
        store_partial(y + i, size - i, v * gate(v));
    }
}

KERNEL(gelu_gradient) {
    OPERANDS { DY, X, DX };
    const float *dy = FLOATS(DY), *x = FLOATS(X);
    float *dx = FLOATS(DX);
    for (int32_t i = 0, size = SIZE(DX); i < size; i += 4) {
        Lanes v = load_partial(x + i, size - i, 0.0f), s = gate(v);
        Lanes inner = multiply_add(v * v, splat(6.0f * SLOPE * CUBIC), splat(2.0f * SLOPE)) * v;
        store_partial(dx + i, size - i, load_partial(dy + i, size - i, 0.0f) * s * multiply_add(inner, splat(1.0f) - s, splat(1.0f)));
    }
}
