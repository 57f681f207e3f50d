// matmul: packs x and w into panels that fit the caches, and computes a tile of ROWS x COLUMNS of y in registers.
// Source: Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34(3), 2008.
#include "simd.h"

// A tile of 4 x 8. GFLOP/s measured in V8 on a product of 512^3: 50 with relaxed SIMD, 40 without; 3 x 12: 50;
// 2 x 16: 47; 8 x 4: 43. Tiles with ten or more vectors of sums reach 20 to 25, because the sums no longer fit in
// registers. Unrolling the loop over the inner index twice has the same effect (22).
#define ROWS 4
#define VECTORS 2
#define COLUMNS (4 * VECTORS)
// The inner length of a panel, and how many rows of x and columns of w are packed at a time: a panel of w and one of x
// fit in an L1 cache of 32 KiB, all panels of x in the L2 cache.
#define DEPTH 384
#define HEIGHT 96
#define WIDTH 512

static float x_panels[DEPTH * (HEIGHT + ROWS)] __attribute__((aligned(64)));
static float w_panels[DEPTH * (WIDTH + COLUMNS)] __attribute__((aligned(64)));

// Write `lines` lines (rows of x, columns of w) of `depth` elements as panels of `width` lines, inner index first, the
// last panel padded with zeros. Lines are `line` apart, the elements of a line `inner`.
static inline __attribute__((always_inline)) void pack(float *panel, const float *from, int32_t line, int32_t inner,
                                                       int32_t lines, int32_t depth, const int32_t width) {
    for (int32_t first = 0; first < lines; first += width, panel += width * depth, from += width * line) {
        int32_t count = least(width, lines - first);
        if (count == width && line == 1) {
            for (int32_t k = 0; k < depth; k++)
#pragma unroll
                for (int32_t j = 0; j < width; j++) panel[k * width + j] = from[k * inner + j];
            continue;
        }
        int32_t j = 0;
        if (inner == 1) {
            for (; j + 4 <= count; j += 4) {  // transposed four by four
                const float *a = from + j * line, *b = a + line, *c = b + line, *d = c + line;
                float *to = panel + j;
                int32_t k = 0;
                for (; k + 4 <= depth; k += 4, to += 4 * width) {
                    Lanes p = load(a + k), q = load(b + k), r = load(c + k), s = load(d + k);
                    Lanes pq = __builtin_shufflevector(p, q, 0, 4, 1, 5), pq2 = __builtin_shufflevector(p, q, 2, 6, 3, 7);
                    Lanes rs = __builtin_shufflevector(r, s, 0, 4, 1, 5), rs2 = __builtin_shufflevector(r, s, 2, 6, 3, 7);
                    store(to, __builtin_shufflevector(pq, rs, 0, 1, 4, 5));
                    store(to + width, __builtin_shufflevector(pq, rs, 2, 3, 6, 7));
                    store(to + 2 * width, __builtin_shufflevector(pq2, rs2, 0, 1, 4, 5));
                    store(to + 3 * width, __builtin_shufflevector(pq2, rs2, 2, 3, 6, 7));
                }
                for (; k < depth; k++, to += width) store(to, (Lanes){a[k], b[k], c[k], d[k]});
            }
        }
        for (; j < width; j++)
            for (int32_t k = 0; k < depth; k++) panel[k * width + j] = j < count ? from[j * line + k * inner] : 0.0f;
    }
}

// The contribution of one panel of x and one of w to a tile of y.
static inline __attribute__((always_inline)) void make_tile(const float *a, const float *b, int32_t depth,
                                                            Lanes sum[ROWS][VECTORS]) {
#pragma unroll
    for (int32_t i = 0; i < ROWS; i++)
#pragma unroll
        for (int32_t j = 0; j < VECTORS; j++) sum[i][j] = splat(0.0f);
    for (int32_t k = 0; k < depth; k++, a += ROWS, b += COLUMNS) {
        Lanes right[VECTORS];
#pragma unroll
        for (int32_t j = 0; j < VECTORS; j++) right[j] = load(b + 4 * j);
#pragma unroll
        for (int32_t i = 0; i < ROWS; i++) {
            Lanes left = splat(a[i]);
#pragma unroll
            for (int32_t j = 0; j < VECTORS; j++) sum[i][j] = multiply_add(left, right[j], sum[i][j]);
        }
    }
}

// Store four columns of a row of y: the sum, plus what it accumulates onto, the bias and the residual.
static inline void finish(const Product *p, int32_t row, int32_t column, int32_t left, Lanes sum, int32_t first) {
    float *y = p->y + row * p->y_row + column;
    if (!first || p->accumulate) sum += load_partial(y, left, 0.0f);
    if (first && p->bias) sum += load_partial(p->bias + column, left, 0.0f);
    if (first && p->residual) sum += load_partial(p->residual + row * p->y_row + column, left, 0.0f);
    store_partial(y, left, sum);
}

static void multiply_packed(const Product *p) {
    int32_t turns = (p->k + DEPTH - 1) / DEPTH, depth = (p->k + turns - 1) / turns;
    for (int32_t start = 0; start < p->k; start += depth) {
        int32_t inner = least(depth, p->k - start);
        for (int32_t left = 0; left < p->n; left += WIDTH) {
            int32_t width = least(WIDTH, p->n - left);
            pack(w_panels, p->w + start * p->w_inner + left * p->w_column, p->w_column, p->w_inner, width, inner, COLUMNS);
            for (int32_t top = 0; top < p->m; top += HEIGHT) {
                int32_t height = least(HEIGHT, p->m - top);
                pack(x_panels, p->x + top * p->x_row + start * p->x_inner, p->x_row, p->x_inner, height, inner, ROWS);
                for (int32_t column = 0; column < width; column += COLUMNS) {
                    for (int32_t row = 0; row < height; row += ROWS) {
                        Lanes sum[ROWS][VECTORS];
                        make_tile(x_panels + row * inner, w_panels + column * inner, inner, sum);
                        int32_t rows = height - row, columns = width - column;
#pragma unroll
                        for (int32_t i = 0; i < ROWS; i++) {
                            if (i < rows) {
#pragma unroll
                                for (int32_t j = 0; j < VECTORS; j++)
                                    if (4 * j < columns)
                                        finish(p, top + row + i, left + column + 4 * j, columns - 4 * j, sum[i][j], !start);
                            }
                        }
                    }
                }
            }
        }
    }
}

// One row of x, without packing w: the time goes into reading w once.
static void multiply_row(const Product *p, int32_t row) {
    const float *x = p->x + row * p->x_row;
    if (p->w_column == 1) {
        int32_t column = 0;
        for (; column + 32 <= p->n; column += 32) {
            Lanes sum[8] = {};
            const float *w = p->w + column;
            for (int32_t k = 0; k < p->k; k++, w += p->w_inner) {
                Lanes left = splat(x[k * p->x_inner]);
#pragma unroll
                for (int32_t j = 0; j < 8; j++) sum[j] = multiply_add(left, load(w + 4 * j), sum[j]);
            }
#pragma unroll
            for (int32_t j = 0; j < 8; j++) finish(p, row, column + 4 * j, 4, sum[j], 1);
        }
        for (; column < p->n; column += 4) {
            Lanes sum = splat(0.0f);
            const float *w = p->w + column;
            for (int32_t k = 0; k < p->k; k++, w += p->w_inner)
                sum = multiply_add(splat(x[k * p->x_inner]), load_partial(w, p->n - column, 0.0f), sum);
            finish(p, row, column, p->n - column, sum, 1);
        }
        return;
    }
    for (int32_t column = 0; column < p->n; column += 4) {  // four columns of w at a time, each along the inner index
        int32_t last = p->n - 1 - column, step = p->w_column;
        const float *a = p->w + column * step, *b = a + least(1, last) * step, *c = a + least(2, last) * step,
                    *d = a + least(3, last) * step;
        Lanes sums[4] = {};
        for (int32_t k = 0; k < p->k; k += 4) {
            int32_t left = p->k - k;
            Lanes v = load_partial(x + k, left, 0.0f);
            sums[0] = multiply_add(v, load_partial(a + k, left, 0.0f), sums[0]);
            sums[1] = multiply_add(v, load_partial(b + k, left, 0.0f), sums[1]);
            sums[2] = multiply_add(v, load_partial(c + k, left, 0.0f), sums[2]);
            sums[3] = multiply_add(v, load_partial(d + k, left, 0.0f), sums[3]);
        }
        Lanes joined = {sum_lanes(sums[0]), sum_lanes(sums[1]), sum_lanes(sums[2]), sum_lanes(sums[3])};
        finish(p, row, column, p->n - column, joined, 1);
    }
}

void multiply(const Product *p) {
    if (p->m < 4 && (p->w_column == 1 || (p->w_inner == 1 && p->x_inner == 1))) {
        for (int32_t row = 0; row < p->m; row++) multiply_row(p, row);
    } else {
        multiply_packed(p);
    }
}

KERNEL(matmul) {
    OPERANDS { X, W, BIAS, RESIDUAL, Y };
    CONSTANTS { M, N, K, PART, HAS_BIAS, HAS_RESIDUAL, TRANSPOSE_X, TRANSPOSE_W };
    int32_t m = INTEGER(M), n = INTEGER(N), k = INTEGER(K), part = INTEGER(PART);
    Product p = {
        .bias = FLOATS(BIAS), .residual = FLOATS(RESIDUAL), .m = m, .n = n, .x_row = INTEGER(TRANSPOSE_X) ? 1 : k,
        .x_inner = INTEGER(TRANSPOSE_X) ? m : 1, .w_inner = INTEGER(TRANSPOSE_W) ? 1 : n,
        .w_column = INTEGER(TRANSPOSE_W) ? k : 1, .y_row = n,
    };
    for (int32_t start = 0, index = 0; start < k; start += part, index++) {
        p.k = least(part, k - start);
        p.x = FLOATS(X) + start * p.x_inner;
        p.w = FLOATS(W) + start * p.w_inner;
        p.y = FLOATS(Y) + index * m * n;
        multiply(&p);
    }
}
