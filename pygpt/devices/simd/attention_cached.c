// Attention of one new token over the key/value cache; each row of keys and of values is read once.
#include "simd.h"

KERNEL(attention_cached) {
    OPERANDS { QKV, POSITION, SINKS, CACHE, Y };
    CONSTANTS { T, H, K, D, SCALE, WINDOW, CAP, ALIBI, HAS_SINKS };
    int32_t time = INTEGER(T), heads = INTEGER(H), key_heads = INTEGER(K), size = INTEGER(D);
    int32_t step = (heads + 2 * key_heads) * size, window = INTEGER(WINDOW);
    float scale = NUMBER(SCALE), cap = NUMBER(CAP);
    const float *sinks = FLOATS(SINKS);
    int32_t place = WORDS(POSITION)[0] < (uint32_t)time ? (int32_t)WORDS(POSITION)[0] : time - 1;
    for (int32_t head = 0; head < SIZE(Y) / size; head++) {  // the heads of all sequences
        const float *qkv = FLOATS(QKV) + head / heads * step, *q = qkv + head % heads * size;
        float *cache = FLOATS(CACHE) + head / heads * time * step, *y = FLOATS(Y) + head * size;
        if (head % heads == 0)
            for (int32_t c = 0; c < step; c += 4) store_partial(cache + place * step + c, step - c, load_partial(qkv + c, step - c, 0.0f));
        int32_t h = head % heads, first = place < window ? 0 : place - window + 1;
        float slope = alibi_slope(INTEGER(ALIBI), h);
        const float *k = cache + first * step + (heads + h / (heads / key_heads)) * size, *v = k + key_heads * size;
        float peak = sinks ? sinks[h] : -__builtin_inff(), total = sinks ? 1.0f : 0.0f;
        for (int32_t d = 0; d < size; d++) y[d] = 0.0f;
        for (int32_t j = first; j <= place; j++, k += step, v += step) {
            Lanes along = splat(0.0f);
            for (int32_t d = 0; d < size; d += 4)
                along = multiply_add(load_partial(q + d, size - d, 0.0f), load_partial(k + d, size - d, 0.0f), along);
            float product = sum_lanes(along);
            if (cap > 0.0f || slope > 0.0f) apply_cap_and_alibi(scale, cap, slope, place - j, &product, 0, 1);
            float score = product * scale, before = peak;
            // The exponentials are relative to the largest score so far; a larger score rescales them.
            peak = larger(score, peak);
            Lanes both = exponential((Lanes){score - peak, before - peak, 0.0f, 0.0f});
            total = total * both[1] + both[0];
            for (int32_t d = 0; d < size; d += 4)
                store_partial(y + d, size - d, load_partial(y + d, size - d, 0.0f) * splat(both[1]) + load_partial(v + d, size - d, 0.0f) * splat(both[0]));
        }
        for (int32_t d = 0; d < size; d++) y[d] /= total;
    }
}
