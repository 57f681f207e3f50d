// Causal self-attention: for each head, a block of queries against the keys it can see. The scores of a block come from
// the product in matmul.c and stay in the L2 cache; the backward pass recomputes the probabilities from log_sum_exp.
#include "simd.h"

// Forward and backward at T = 64: 10.4 ms with 32, 12.0 with 64 (which computes more masked scores), 10.9 with 16.
#define QUERIES 32
#define SCORES (1 << 16)

// cap_slopes: the derivatives of the scores with respect to the scores before CAP.
static float scores[SCORES + 4], slopes[SCORES + 4], cap_slopes[SCORES + 4];

// The constants of attention and of its gradient.
CONSTANTS { T, H, K, D, SCALE, WINDOW, CAP, ALIBI, THRESHOLD, FACTOR, PURPOSE };

typedef struct Sizes {
    int32_t batch, time, heads, key_heads, size, width, window, alibi;
    int32_t row;  // of qkv, in elements
    float scale, cap, factor;
    uint32_t threshold, purpose, seed, step;
} Sizes;

static int32_t queries_at_once(int32_t time) {
    int32_t fit = SCORES / (time + 4);
    return fit < 1 ? 1 : least(fit, QUERIES);
}

// Four columns of the dropout mask for the probabilities. `row` counts the rows of all heads.
static inline Lanes kept(const Sizes *s, uint32_t row, int32_t column) {
    WordLanes counter = splat_word(row * (uint32_t)s->time + (uint32_t)column) + (WordLanes){0, 1, 2, 3}, word, unused;
    threefry_lanes(s->seed, s->purpose, counter, splat_word(s->step), &word, &unused);
    return choose((IntegerLanes)(word >= splat_word(s->threshold)), splat(s->factor), splat(0.0f));
}

// The first key that the query at `start` sees.
static int32_t first_key(const Sizes *s, int32_t start) {
    return start < s->window ? 0 : start - s->window + 1;
}

float alibi_slope(int32_t power, int32_t h) {
    float exponent = h < power ? -8.0f * (float)(h + 1) : -4.0f * (float)(2 * (h - power) + 1);
    return power ? exponential(splat(exponent / (float)power * 0.69314718f))[0] : 0.0f;
}

void apply_cap_and_alibi(float scale, float cap, float slope, int32_t behind, float *scores, float *cap_slopes, int32_t count) {
    for (int32_t c = 0; c < count; c += 4) {
        Lanes s = load_partial(scores + c, count - c, 0.0f) * splat(scale), slopes = splat(1.0f);
        if (cap > 0.0f) {
            Lanes tanh = hyperbolic_tangent(s * splat(1.0f / cap));
            s = splat(cap) * tanh;
            slopes -= tanh * tanh;
        }
        s -= splat(slope) * (splat((float)(behind - c)) - (Lanes){0.0f, 1.0f, 2.0f, 3.0f});
        store_partial(scores + c, count - c, s / splat(scale));
        if (cap_slopes) store_partial(cap_slopes + c, count - c, slopes);
    }
}

// scores = q k^T of `rows` queries from `start` and `columns` keys from `first`, rows `pitch` apart, before SCALE.
// CAP and ALIBI apply after SCALE, so the result is divided by SCALE again. Keys outside the window get minus infinity.
static void score(const Sizes *s, const float *q, const float *k, int32_t head, int32_t start, int32_t rows, int32_t first,
                  int32_t columns, int32_t pitch) {
    Product p = {.x = q + start * s->row, .w = k + first * s->row, .y = scores, .m = rows, .n = columns, .k = s->size,
                 .x_row = s->row, .x_inner = 1, .w_inner = 1, .w_column = s->row, .y_row = pitch};
    multiply(&p);
    for (int32_t i = 0; i < rows && (s->cap > 0.0f || s->alibi); i++)
        apply_cap_and_alibi(s->scale, s->cap, alibi_slope(s->alibi, head % s->heads), start + i - first, scores + i * pitch, cap_slopes + i * pitch,
             columns);
    for (int32_t i = 0; i < rows; i++)
        for (int32_t c = 0; c < least(start + i - s->window + 1 - first, columns); c++) scores[i * pitch + c] = -__builtin_inff();
}

static void clear(float *from, int32_t begin, int32_t end) {
    for (int32_t j = begin; j < end; j++) from[j] = 0.0f;
}

static Sizes sizes(const Launch *launch, int32_t qkv_size, const uint32_t *seed, const uint32_t *step) {
    Sizes s = {.time = INTEGER(T), .heads = INTEGER(H), .key_heads = INTEGER(K), .size = INTEGER(D), .scale = NUMBER(SCALE),
               .window = INTEGER(WINDOW), .cap = NUMBER(CAP), .alibi = INTEGER(ALIBI), .threshold = WORD(THRESHOLD),
               .factor = NUMBER(FACTOR), .purpose = WORD(PURPOSE)};
    s.width = s.heads * s.size;
    s.row = s.width + 2 * s.key_heads * s.size;
    s.batch = qkv_size / (s.row * s.time);
    if (s.threshold) {
        s.seed = *seed;
        s.step = *step;
    }
    return s;
}

KERNEL(attention) {
    OPERANDS { QKV, SEED, STEP, SINKS, Y, LOG_SUM_EXP };
    CONSTANTS { T, H, K, D, SCALE, WINDOW, CAP, ALIBI, THRESHOLD, FACTOR, PURPOSE, HAS_SINKS };
    const Sizes s = sizes(launch, SIZE(QKV), WORDS(SEED), WORDS(STEP));
    const float *sinks = FLOATS(SINKS);
    int32_t block = queries_at_once(s.time);
    for (int32_t head = 0; head < s.batch * s.heads; head++) {
        int32_t sequence = head / s.heads, h = head % s.heads;
        const float *tokens = FLOATS(QKV) + sequence * s.time * s.row, *q = tokens + h * s.size;
        const float *k = tokens + (s.heads + h / (s.heads / s.key_heads)) * s.size, *v = k + s.key_heads * s.size;
        float *y = FLOATS(Y) + sequence * s.time * s.width + h * s.size, *log_sum_exp = FLOATS(LOG_SUM_EXP) + head * s.time;
        for (int32_t start = 0; start < s.time; start += block) {
            int32_t stop = least(start + block, s.time), rows = stop - start, first = first_key(&s, start);
            int32_t columns = stop - first, pitch = (columns + 3) & ~3;
            score(&s, q, k, head, start, rows, first, columns, pitch);
            for (int32_t i = 0; i < rows; i++) {
                float *row = scores + i * pitch;
                int32_t seen = start + i + 1 - first, whole = (seen + 3) & ~3;
                Lanes peaks = splat(row[0]), totals = splat(0.0f);
                for (int32_t j = 0; j < seen; j += 4) peaks = larger_lanes(load_partial(row + j, seen - j, row[0]), peaks);
                float peak = largest_lane(peaks);
                if (sinks) peak = larger(sinks[h] / s.scale, peak);
                for (int32_t j = 0; j < seen; j += 4) {
                    Lanes p = exponential((load_partial(row + j, seen - j, -__builtin_inff()) - splat(peak)) * splat(s.scale));
                    totals += p;
                    if (s.threshold) p *= kept(&s, (uint32_t)(head * s.time + start + i), first + j);
                    store(row + j, p);
                }
                clear(row, whole, columns);
                float total = sum_lanes(totals);
                if (sinks) total += exponential((splat(sinks[h] / s.scale) - splat(peak)) * splat(s.scale))[0];
                log_sum_exp[start + i] = logarithm(total) + peak * s.scale;
                for (int32_t j = 0; j < seen; j += 4) store(row + j, load(row + j) / splat(total));
            }
            Product p = {.x = scores, .w = v + first * s.row, .y = y + start * s.width, .m = rows, .n = s.size, .k = columns,
                         .x_row = pitch, .x_inner = 1, .w_inner = s.row, .w_column = 1, .y_row = s.width};
            multiply(&p);
        }
    }
}

// scores = the probabilities times the dropout mask; slopes = gradients of the scores, from those of the probabilities.
static void score_gradients(const Sizes *s, int32_t head, int32_t start, int32_t stop, int32_t first, int32_t pitch,
                      const float *log_sum_exp, const float *delta) {
    for (int32_t i = 0; i < stop - start; i++) {
        float *row = scores + i * pitch, *slope = slopes + i * pitch;
        int32_t seen = start + i + 1 - first;
        for (int32_t j = 0; j < seen; j += 4) {
            Lanes p = exponential(load_partial(row + j, seen - j, -__builtin_inff()) * splat(s->scale) - splat(log_sum_exp[start + i]));
            Lanes ds = load_partial(slope + j, seen - j, 0.0f), m = splat(1.0f);
            if (s->threshold) m = kept(s, (uint32_t)(head * s->time + start + i), first + j);
            store(slope + j, p * (m * ds - splat(delta[start + i])) * splat(s->scale));
            store(row + j, p * m);
        }
        for (int32_t j = 0; j < seen && s->cap > 0.0f; j += 4) store(slope + j, load(slope + j) * load(cap_slopes + i * pitch + j));
        clear(row, (seen + 3) & ~3, stop - first);
        clear(slope, (seen + 3) & ~3, stop - first);
    }
}

KERNEL(attention_gradient) {
    OPERANDS { DY, QKV, LOG_SUM_EXP, DELTA, SEED, STEP, DQKV };
    const Sizes s = sizes(launch, SIZE(QKV), WORDS(SEED), WORDS(STEP));
    int32_t block = queries_at_once(s.time), group = s.heads / s.key_heads, step = s.row;
    for (int32_t head = 0; head < s.batch * s.heads; head++) {
        int32_t sequence = head / s.heads, h = head % s.heads, offset = sequence * s.time * step, values = s.key_heads * s.size;
        const float *q = FLOATS(QKV) + offset + h * s.size, *k = FLOATS(QKV) + offset + (s.heads + h / group) * s.size;
        const float *v = k + values, *dy = FLOATS(DY) + sequence * s.time * s.width + h * s.size;
        float *dq = FLOATS(DQKV) + (q - FLOATS(QKV)), *dk = FLOATS(DQKV) + (k - FLOATS(QKV)), *dv = dk + values;
        // The last queries come first: without a window they see every key, so dk and dv need no clearing. Rows from
        // `reached` on hold values already; the other heads of a group add to those of the first.
        int32_t reached = h % group ? 0 : s.time;
        for (int32_t start = (s.time - 1) / block * block; start >= 0; start -= block) {
            int32_t stop = least(start + block, s.time), rows = stop - start, first = first_key(&s, start);
            int32_t columns = stop - first, pitch = (columns + 3) & ~3, more = reached < s.time;
            score(&s, q, k, head, start, rows, first, columns, pitch);
            Product p = {.x = dy + start * s.width, .w = v + first * step, .y = slopes, .m = rows, .n = columns, .k = s.size,
                         .x_row = s.width, .x_inner = 1, .w_inner = 1, .w_column = step, .y_row = pitch};
            multiply(&p);
            score_gradients(&s, head, start, stop, first, pitch, FLOATS(LOG_SUM_EXP) + head * s.time, FLOATS(DELTA) + head * s.time);
            p = (Product){.x = slopes, .w = k + first * step, .y = dq + start * step, .m = rows, .n = s.size, .k = columns,
                          .x_row = pitch, .x_inner = 1, .w_inner = step, .w_column = 1, .y_row = step};
            multiply(&p);
            for (int32_t j = first; more && j < reached; j++) {
                clear(dk + j * step, 0, s.size);
                clear(dv + j * step, 0, s.size);
            }
            reached = least(reached, first);
            p = (Product){.x = slopes, .w = q + start * step, .y = dk + first * step, .m = columns, .n = s.size, .k = rows,
                          .x_row = 1, .x_inner = pitch, .w_inner = step, .w_column = 1, .y_row = step, .accumulate = more};
            multiply(&p);
            p = (Product){.x = scores, .w = dy + start * s.width, .y = dv + first * step, .m = columns, .n = s.size, .k = rows,
                          .x_row = 1, .x_inner = pitch, .w_inner = s.width, .w_column = 1, .y_row = step, .accumulate = more};
            multiply(&p);
        }
    }
}
