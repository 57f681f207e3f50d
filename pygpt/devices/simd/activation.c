// Activations, gates and the soft cap, element by element. The tanh form of GELU is in gelu.c.
#include "simd.h"

enum { RELU, RELU_SQUARED, SILU, GELU_ERF };
enum { GATE_SILU, GATE_GELU, GATE_SIGMOID };

static inline Lanes sigmoid(Lanes x) { return splat(1.0f) / (splat(1.0f) + exponential(-x)); }

// (1 + erf(x / sqrt(2))) / 2, from erfc with a relative error below 1.2e-7.
// Source: Press et al., "Numerical Recipes", section 6.2.
static inline Lanes normal_cdf(Lanes x) {
    static const float terms[] = {-0.82215223f, 1.48851587f, -1.13520398f, 0.27886807f, -0.18628806f,
                                  0.09678418f, 0.37409196f, 1.00002368f, -1.26551223f};
    Lanes z = (Lanes)((IntegerLanes)x & 0x7fffffff) * splat(0.70710678f);
    Lanes t = splat(1.0f) / multiply_add(z, splat(0.5f), splat(1.0f)), p = splat(0.17087277f);
#pragma unroll
    for (int32_t i = 0; i < 9; i++) p = multiply_add(p, t, splat(terms[i]));
    Lanes rest = splat(0.5f) * t * exponential(p - z * z);
    return choose(x > splat(0.0f), splat(1.0f) - rest, rest);
}

static inline Lanes activate(int32_t kind, Lanes x) {
    if (kind == SILU) return x * sigmoid(x);
    if (kind == GELU_ERF) return x * normal_cdf(x);
    Lanes positive = choose(x < splat(0.0f), splat(0.0f), x);
    return kind == RELU ? positive : (Lanes)(positive * positive);
}

static inline Lanes activation_slope(int32_t kind, Lanes x) {
    if (kind == SILU) return sigmoid(x) * multiply_add(x, sigmoid(-x), splat(1.0f));
    if (kind == GELU_ERF) return normal_cdf(x) + x * splat(0.39894228f) * exponential(x * x * splat(-0.5f));
    Lanes slope = choose(x > splat(0.0f), kind == RELU ? splat(1.0f) : (Lanes)(x + x), x);
    return choose(x <= splat(0.0f), splat(0.0f), slope);  // NaN for NaN
}

KERNEL(activation) {
    OPERANDS { X, Y };
    CONSTANTS { KIND };
    int32_t kind = INTEGER(KIND);
    for (int32_t i = 0, size = SIZE(Y); i < size; i += 4)
        store_partial(FLOATS(Y) + i, size - i, activate(kind, load_partial(FLOATS(X) + i, size - i, 0.0f)));
}

KERNEL(activation_gradient) {
    OPERANDS { DY, X, DX };
    CONSTANTS { KIND };
    int32_t kind = INTEGER(KIND);
    for (int32_t i = 0, size = SIZE(DX); i < size; i += 4) {
        Lanes slope = activation_slope(kind, load_partial(FLOATS(X) + i, size - i, 0.0f));
        store_partial(FLOATS(DX) + i, size - i, load_partial(FLOATS(DY) + i, size - i, 0.0f) * slope);
    }
}

#define SLOPE 1.5957691216057308f
#define CUBIC 0.044715f

// The argument of the sigmoid.
static inline Lanes inner(int32_t kind, Lanes x) {
    return kind == GATE_GELU ? (Lanes)(splat(SLOPE) * x * multiply_add(x * x, splat(CUBIC), splat(1.0f))) : x;
}

KERNEL(gate) {
    OPERANDS { X, Z, Y };
    CONSTANTS { KIND };
    int32_t kind = INTEGER(KIND);
    for (int32_t i = 0, size = SIZE(Y); i < size; i += 4) {
        Lanes x = load_partial(FLOATS(X) + i, size - i, 0.0f), s = sigmoid(inner(kind, x));
        store_partial(FLOATS(Y) + i, size - i, (kind == GATE_SIGMOID ? s : (Lanes)(x * s)) * load_partial(FLOATS(Z) + i, size - i, 0.0f));
    }
}

KERNEL(gate_gradient) {
    OPERANDS { DY, X, Z, DX, DZ };
    CONSTANTS { KIND };
    int32_t kind = INTEGER(KIND);
    for (int32_t i = 0, size = SIZE(DX); i < size; i += 4) {
        int32_t left = size - i;
        Lanes x = load_partial(FLOATS(X) + i, left, 0.0f), u = inner(kind, x), s = sigmoid(u);
        Lanes slope = sigmoid(-u);  // 1 - s, without cancellation
        if (kind == GATE_GELU) slope *= multiply_add(x * x, splat(3.0f * SLOPE * CUBIC), splat(SLOPE));
        if (kind != GATE_SIGMOID) slope = multiply_add(slope, x, splat(1.0f));
        Lanes dy = load_partial(FLOATS(DY) + i, left, 0.0f);
        store_partial(FLOATS(DX) + i, left, dy * load_partial(FLOATS(Z) + i, left, 0.0f) * slope * s);
        store_partial(FLOATS(DZ) + i, left, dy * (kind == GATE_SIGMOID ? s : (Lanes)(x * s)));
    }
}

KERNEL(softcap) {
    OPERANDS { X, Y };
    CONSTANTS { CAP };
    Lanes cap = splat(NUMBER(CAP)), share = splat(1.0f / NUMBER(CAP));
    for (int32_t i = 0, size = SIZE(Y); i < size; i += 4)
        store_partial(FLOATS(Y) + i, size - i, cap * hyperbolic_tangent(load_partial(FLOATS(X) + i, size - i, 0.0f) * share));
}

KERNEL(softcap_gradient) {
    OPERANDS { DY, Y, DX };
    CONSTANTS { CAP };
    Lanes share = splat(1.0f / NUMBER(CAP));
    for (int32_t i = 0, size = SIZE(DX); i < size; i += 4) {
        Lanes t = load_partial(FLOATS(Y) + i, size - i, 0.0f) * share;
        store_partial(FLOATS(DX) + i, size - i, load_partial(FLOATS(DY) + i, size - i, 0.0f) * (splat(1.0f) - t * t));
    }
}
