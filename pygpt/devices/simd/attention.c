// Causal self-attention: for each head, a block of queries against the keys it may see. The scores of a block are made by
// the product of matmul.c and stay in the second-level cache; the way back makes them again from log_sum_exp.
#include "simd.h"

// At T = 64, forward and back, 32 take 10.4 ms where 64 take 12.0 (a block sees fewer keys that are masked), and 16 take 10.9.
#define QUERIES 32
#define SCORES (1 << 16)

static float scores[SCORES + 4], slopes[SCORES + 4];

// Of attention and of its gradient.
CONSTANTS { T, H, D, SCALE, THRESHOLD, FACTOR, PURPOSE };

typedef struct Sizes {
    int32_t batch, time, heads, size, width;
    float scale, factor;
    uint32_t threshold, purpose, seed, step;
} Sizes;

static int32_t queries_at_once(int32_t time) {
    int32_t fit = SCORES / (time + 4);
    return fit < 1 ? 1 : least(fit, QUERIES);
}

// Four columns of the mask that dropout multiplies probabilities by, for row `row` of all rows of all heads.
static inline Lanes kept(const Sizes *s, uint32_t row, int32_t column) {
    WordLanes counter = splat_word(row * (uint32_t)s->time + (uint32_t)column) + (WordLanes){0, 1, 2, 3}, word, unused;
    threefry_lanes(s->seed, s->purpose, counter, splat_word(s->step), &word, &unused);
    return choose((IntegerLanes)(word >= splat_word(s->threshold)), splat(s->factor), splat(0.0f));
}

// scores = q k^T of `rows` queries and the keys before `stop`, rows `pitch` apart.
static void score(const Sizes *s, const float *q, const float *k, int32_t rows, int32_t stop, int32_t pitch) {
    int32_t step = 3 * s->width;
    Product p = {.x = q, .w = k, .y = scores, .m = rows, .n = stop, .k = s->size, .x_row = step, .x_inner = 1, .w_inner = 1,
                 .w_column = step, .y_row = pitch};
    multiply(&p);
}

static void clear(float *from, int32_t begin, int32_t end) {
    for (int32_t j = begin; j < end; j++) from[j] = 0.0f;
}

static Sizes sizes(const Launch *launch, int32_t qkv_size, const uint32_t *seed, const uint32_t *step) {
    Sizes s = {.time = INTEGER(T), .heads = INTEGER(H), .size = INTEGER(D), .scale = NUMBER(SCALE),
               .threshold = WORD(THRESHOLD), .factor = NUMBER(FACTOR), .purpose = WORD(PURPOSE)};
    s.width = s.heads * s.size;
    s.batch = qkv_size / (3 * s.width * s.time);
    if (s.threshold) {
        s.seed = *seed;
        s.step = *step;
    }
    return s;
}

KERNEL(attention) {
    OPERANDS { QKV, SEED, STEP, Y, LOG_SUM_EXP };
    const Sizes s = sizes(launch, SIZE(QKV), WORDS(SEED), WORDS(STEP));
    int32_t block = queries_at_once(s.time);
    for (int32_t head = 0; head < s.batch * s.heads; head++) {
        int32_t sequence = head / s.heads, place = head % s.heads * s.size;
        const float *q = FLOATS(QKV) + sequence * s.time * 3 * s.width + place, *k = q + s.width, *v = k + s.width;
        float *y = FLOATS(Y) + sequence * s.time * s.width + place, *log_sum_exp = FLOATS(LOG_SUM_EXP) + head * s.time;
        for (int32_t start = 0; start < s.time; start += block) {
            int32_t stop = least(start + block, s.time), rows = stop - start, pitch = (stop + 3) & ~3;
            score(&s, q + start * 3 * s.width, k, rows, stop, pitch);
            for (int32_t i = 0; i < rows; i++) {
                float *row = scores + i * pitch;
                int32_t seen = start + i + 1, whole = (seen + 3) & ~3;
                Lanes peaks = splat(row[0]), totals = splat(0.0f);
                for (int32_t j = 0; j < seen; j += 4) peaks = larger_lanes(take(row + j, seen - j, row[0]), peaks);
                float peak = largest_lane(peaks);
                for (int32_t j = 0; j < seen; j += 4) {
                    Lanes p = exponential((take(row + j, seen - j, -__builtin_inff()) - splat(peak)) * splat(s.scale));
                    totals += p;
                    if (s.threshold) p *= kept(&s, (uint32_t)(head * s.time + start + i), j);
                    store(row + j, p);
                }
                clear(row, whole, stop);
                float total = sum_lanes(totals);
                log_sum_exp[start + i] = logarithm(total) + peak * s.scale;
                for (int32_t j = 0; j < seen; j += 4) store(row + j, load(row + j) / splat(total));
            }
            Product p = {.x = scores, .w = v, .y = y + start * s.width, .m = rows, .n = s.size, .k = stop, .x_row = pitch,
                         .x_inner = 1, .w_inner = 3 * s.width, .w_column = 1, .y_row = s.width};
            multiply(&p);
        }
    }
}

KERNEL(attention_delta) {
    OPERANDS { DY, Y, DELTA };
    CONSTANTS { T, H, D };
    int32_t time = INTEGER(T), heads = INTEGER(H), size = INTEGER(D);
    for (int32_t row = 0; row < SIZE(DELTA); row++) {  // a token and a head
        int32_t head = row % heads, token = row / heads;
        const float *dy = FLOATS(DY) + row * size, *y = FLOATS(Y) + row * size;
        Lanes sum = splat(0.0f);
        for (int32_t d = 0; d < size; d += 4)
            sum = multiply_add(take(dy + d, size - d, 0.0f), take(y + d, size - d, 0.0f), sum);
        FLOATS(DELTA)[(token / time * heads + head) * time + token % time] = sum_lanes(sum);
    }
}

// scores = the probabilities times dropout's mask; slopes = the gradients of the scores, from those of the probabilities.
static void turn_back(const Sizes *s, int32_t head, int32_t start, int32_t stop, int32_t pitch, const float *log_sum_exp,
                      const float *delta) {
    for (int32_t i = 0; i < stop - start; i++) {
        float *row = scores + i * pitch, *slope = slopes + i * pitch;
        int32_t seen = start + i + 1;
        for (int32_t j = 0; j < seen; j += 4) {
            Lanes p = exponential(take(row + j, seen - j, -__builtin_inff()) * splat(s->scale) - splat(log_sum_exp[start + i]));
            Lanes ds = take(slope + j, seen - j, 0.0f), m = splat(1.0f);
            if (s->threshold) m = kept(s, (uint32_t)(head * s->time + start + i), j);
            store(slope + j, p * (m * ds - splat(delta[start + i])) * splat(s->scale));
            store(row + j, p * m);
        }
        clear(row, (seen + 3) & ~3, stop);
        clear(slope, (seen + 3) & ~3, stop);
    }
}

KERNEL(attention_gradient) {
    OPERANDS { DY, QKV, LOG_SUM_EXP, DELTA, SEED, STEP, DQKV };
    const Sizes s = sizes(launch, SIZE(QKV), WORDS(SEED), WORDS(STEP));
    int32_t block = queries_at_once(s.time), step = 3 * s.width;
    for (int32_t head = 0; head < s.batch * s.heads; head++) {
        int32_t sequence = head / s.heads, place = head % s.heads * s.size, offset = sequence * s.time * step + place;
        const float *q = FLOATS(QKV) + offset, *k = q + s.width, *v = k + s.width;
        const float *dy = FLOATS(DY) + sequence * s.time * s.width + place;
        float *dq = FLOATS(DQKV) + offset, *dk = dq + s.width, *dv = dk + s.width;
        // The last queries first: they see every key, so that dk and dv need not be cleared.
        for (int32_t start = (s.time - 1) / block * block; start >= 0; start -= block) {
            int32_t stop = least(start + block, s.time), rows = stop - start, pitch = (stop + 3) & ~3, more = stop < s.time;
            score(&s, q + start * step, k, rows, stop, pitch);
            Product p = {.x = dy + start * s.width, .w = v, .y = slopes, .m = rows, .n = stop, .k = s.size, .x_row = s.width,
                         .x_inner = 1, .w_inner = 1, .w_column = step, .y_row = pitch};
            multiply(&p);
            turn_back(&s, head, start, stop, pitch, FLOATS(LOG_SUM_EXP) + head * s.time, FLOATS(DELTA) + head * s.time);
            p = (Product){.x = slopes, .w = k, .y = dq + start * step, .m = rows, .n = s.size, .k = stop, .x_row = pitch,
                          .x_inner = 1, .w_inner = step, .w_column = 1, .y_row = step};
            multiply(&p);
            p = (Product){.x = slopes, .w = q + start * step, .y = dk, .m = stop, .n = s.size, .k = rows, .x_row = 1,
                          .x_inner = pitch, .w_inner = step, .w_column = 1, .y_row = step, .accumulate = more};
            multiply(&p);
            p = (Product){.x = scores, .w = dy + start * s.width, .y = dv, .m = stop, .n = s.size, .k = rows, .x_row = 1,
                          .x_inner = pitch, .w_inner = s.width, .w_column = 1, .y_row = step, .accumulate = more};
            multiply(&p);
        }
    }
}
