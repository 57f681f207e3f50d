// Shared by all kernels: the launch, vectors of four lanes, exp, tanh, log and Threefry.
//
// A kernel is a C function that has the name of its NumPy twin and computes the same, for float32. Its Launch holds the
// operands in the order of the twin's parameters, and the shader's override constants in the order of the op's
// `overrides`. Each kernel names both in two lists, OPERANDS and CONSTANTS; tests/test_house.py checks them against the
// op. Kernels run on one thread in a fixed order: the same launch gives the same bits.
#pragma once
#include <stdint.h>

#define MAX_OPERANDS 12
#define MAX_CONSTANTS 20

typedef struct Launch {
    void (*run)(const struct Launch *);
    void *operand[MAX_OPERANDS];     // null if an optional input is absent
    int32_t size[MAX_OPERANDS];      // in elements
    double constant[MAX_CONSTANTS];
} Launch;

#define KERNEL(name) __attribute__((visibility("default"))) void name(const Launch *launch)
#define OPERANDS enum
#define CONSTANTS enum
#define FLOATS(operand_name) ((float *)launch->operand[operand_name])
#define WORDS(operand_name) ((uint32_t *)launch->operand[operand_name])
#define INTEGERS(operand_name) ((int32_t *)launch->operand[operand_name])
#define SIZE(operand_name) (launch->size[operand_name])
#define INTEGER(constant_name) ((int32_t)launch->constant[constant_name])
#define WORD(constant_name) ((uint32_t)launch->constant[constant_name])
#define NUMBER(constant_name) ((float)launch->constant[constant_name])

// Vectors of four lanes. Tensor data is aligned to single elements only.

typedef float Lanes __attribute__((vector_size(16), aligned(4), may_alias));
typedef uint32_t WordLanes __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t IntegerLanes __attribute__((vector_size(16), aligned(4), may_alias));

static inline int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }
static inline Lanes splat(float x) { return (Lanes){x, x, x, x}; }
static inline WordLanes splat_word(uint32_t x) { return (WordLanes){x, x, x, x}; }
static inline Lanes load(const float *from) { return *(const Lanes *)from; }
static inline void store(float *to, Lanes x) { *(Lanes *)to = x; }

// Load up to four elements at `from`, of which `left` exist (4 or more: all four); `filler` replaces the others.
static inline Lanes load_partial(const float *from, int32_t left, float filler) {
    if (left >= 4) return load(from);
    return (Lanes){from[0], left > 1 ? from[1] : filler, left > 2 ? from[2] : filler, filler};
}

static inline void store_partial(float *to, int32_t left, Lanes x) {
    if (left >= 4) {
        store(to, x);
    } else {
        for (int32_t lane = 0; lane < left; lane++) to[lane] = x[lane];
    }
}

// a where the mask is set, else b.
static inline Lanes choose(IntegerLanes mask, Lanes a, Lanes b) {
    return (Lanes)((mask & (IntegerLanes)a) | (~mask & (IntegerLanes)b));
}

static inline float sum_lanes(Lanes x) { return (x[0] + x[1]) + (x[2] + x[3]); }
static inline float larger(float a, float b) { return a > b ? a : b; }  // a NaN in b is kept
// a, unless it is less (or greater) than b, so a NaN in a is kept. The WASM builtins are one instruction.
#ifdef __wasm__
static inline Lanes larger_lanes(Lanes a, Lanes b) { return __builtin_wasm_pmax_f32x4(a, b); }
static inline Lanes smaller_lanes(Lanes a, Lanes b) { return __builtin_wasm_pmin_f32x4(a, b); }
#else
static inline Lanes larger_lanes(Lanes a, Lanes b) { return choose(a < b, b, a); }
static inline Lanes smaller_lanes(Lanes a, Lanes b) { return choose(a > b, b, a); }
#endif
static inline float largest_lane(Lanes x) { return larger(larger(x[0], x[1]), larger(x[2], x[3])); }

static inline Lanes square_root(Lanes x) {
    for (int32_t lane = 0; lane < 4; lane++) x[lane] = __builtin_sqrtf(x[lane]);
    return x;
}

// a * b + c. Relaxed SIMD rounds once if the CPU can; a browser without it runs the other library.
static inline Lanes multiply_add(Lanes a, Lanes b, Lanes c) {
#ifdef __wasm_relaxed_simd__
    return __builtin_wasm_relaxed_madd_f32x4(a, b, c);
#else
    return a * b + c;
#endif
}

// A number in all lanes, computed once before a loop. Otherwise the WASM compiler recomputes it in each iteration,
// which takes V8 three instructions (gelu: 3.5 against 2.2 ms for four times 768 x 512).
static inline Lanes constant(float x) {
    Lanes all = splat(x);
#ifdef __wasm__
    __asm__("" : "+r"(all));
#endif
    return all;
}

// e^x; 0 below -87.7, e^88 above 88, NaN for NaN. Relative error below 2e-7.
// Source: Moshier, Cephes, expf.c.
static inline Lanes exponential(Lanes x) {
    x = smaller_lanes(larger_lanes(x, constant(-88.0f)), constant(88.0f));
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the lowest bits.
    const Lanes magic = constant(12582912.0f);
    Lanes shifted = multiply_add(x, constant(1.44269504088896341f), magic);
    Lanes whole = shifted - magic;
    Lanes rest = multiply_add(whole, constant(-0.693359375f), x);
    rest = multiply_add(whole, constant(2.12194440e-4f), rest);
    Lanes p = constant(1.9875691500e-4f);
    p = multiply_add(p, rest, constant(1.3981999507e-3f));
    p = multiply_add(p, rest, constant(8.3334519073e-3f));
    p = multiply_add(p, rest, constant(4.1665795894e-2f));
    p = multiply_add(p, rest, constant(1.6666665459e-1f));
    p = multiply_add(p, rest, constant(5.0000001201e-1f));
    p = multiply_add(p, rest * rest, rest) + constant(1.0f);
    // 2^whole, built from its exponent bits. For the least x the exponent is -127: all bits are zero, as is the result.
    return p * (Lanes)(((IntegerLanes)shifted << 23) + (127 << 23));
}

// Relative error below 4e-7. Near 0 a polynomial is used, because 1 - 2 / (e^2x + 1) would lose precision.
// Source: Moshier, Cephes, tanhf.c.
static inline Lanes hyperbolic_tangent(Lanes x) {
    Lanes square = x * x, p = constant(-5.70498872745e-3f);
    p = multiply_add(p, square, constant(2.06390887954e-2f));
    p = multiply_add(p, square, constant(-5.37397155531e-2f));
    p = multiply_add(p, square, constant(1.33314422036e-1f));
    p = multiply_add(p, square, constant(-3.33332819422e-1f));
    Lanes far = constant(1.0f) - constant(2.0f) / (exponential(x + x) + constant(1.0f));
    return choose(square < constant(0.625f * 0.625f), multiply_add(p * square, x, x), far);
}

// The natural logarithm of a positive, normal number. Relative error below 2e-7.
// Source: Moshier, Cephes, logf.c.
static inline float logarithm(float x) {
    union { float number; int32_t bits; } parts = {x};
    int32_t exponent = (parts.bits >> 23) - 126;
    parts.bits = (parts.bits & 0x007fffff) | 0x3f000000;  // in [0.5, 1)
    float m = parts.number;
    if (m < 0.70710678f) {
        exponent -= 1;
        m += m;
    }
    m -= 1.0f;
    float p = 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    float square = m * m;
    float y = p * m * square + (float)exponent * -2.12194440e-4f - 0.5f * square;
    return x < 1e38f && x > 0 ? m + y + (float)exponent * 0.693359375f : x;  // infinity and NaN pass through
}

// Threefry-2x32-20 for four counters at once; as in pygpt/ops/threefry.py.
static inline void threefry_lanes(uint32_t key0, uint32_t key1, WordLanes counter0, WordLanes counter1, WordLanes *word0,
                                  WordLanes *word1) {
    const uint32_t keys[3] = {key0, key1, key0 ^ key1 ^ 0x1bd11bdau};
    static const int32_t rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
    WordLanes a = counter0 + key0, b = counter1 + key1;
#pragma unroll
    for (int32_t turn = 1; turn <= 5; turn++) {
#pragma unroll
        for (int32_t round = 0; round < 4; round++) {
            int32_t rotation = rotations[(turn - 1) % 2][round];
            a += b;
            b = ((b << rotation) | (b >> (32 - rotation))) ^ a;
        }
        a += keys[turn % 3];
        b += keys[(turn + 1) % 3] + (uint32_t)turn;
    }
    *word0 = a;
    *word1 = b;
}

static inline uint32_t threefry_word(uint32_t key0, uint32_t key1, uint32_t counter0, uint32_t counter1) {
    WordLanes word0, word1;
    threefry_lanes(key0, key1, splat_word(counter0), splat_word(counter1), &word0, &word1);
    return word0[0];
}

// y = x @ w, used by matmul and attention; in matmul.c. An element of x is at
// row * x_row + inner * x_inner, one of w at inner * w_inner + column * w_column, one of y and of the residual at
// row * y_row + column.
typedef struct Product {
    const float *x, *w, *bias, *residual;
    float *y;
    int32_t m, n, k, x_row, x_inner, w_inner, w_column, y_row;
    int32_t accumulate;  // add to what y holds
} Product;

void multiply(const Product *product);

// ALiBi's slope of a head, where `power` is the override ALIBI. For attention and attention_cached; in attention.c.
float alibi_slope(int32_t power, int32_t h);

// Apply CAP and ALIBI to the scores of a query and `count` keys, the first of which is `behind` tokens before it. Input
// and output are divided by `scale`. `cap_slopes` (or null) receives the derivatives with respect to the scores before CAP.
void apply_cap_and_alibi(float scale, float cap, float slope, int32_t behind, float *scores, float *cap_slopes, int32_t count);
