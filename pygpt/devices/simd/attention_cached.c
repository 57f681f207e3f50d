// Attention of one new token to the rows of a cache; each row of keys and of values is read once.
#include "simd.h"

KERNEL(attention_cached) {
    OPERANDS { QKV, POSITION, CACHE, Y };
    CONSTANTS { T, H, D, SCALE };
    int32_t time = INTEGER(T), heads = INTEGER(H), size = INTEGER(D), width = heads * size, step = 3 * width;
    int32_t place = WORDS(POSITION)[0] < (uint32_t)time ? (int32_t)WORDS(POSITION)[0] : time - 1;
    for (int32_t head = 0; head < SIZE(Y) / size; head++) {  // of every sequence
        const float *qkv = FLOATS(QKV) + head / heads * step, *q = qkv + head % heads * size;
        float *cache = FLOATS(CACHE) + head / heads * time * step, *y = FLOATS(Y) + head * size;
        if (head % heads == 0)
            for (int32_t c = 0; c < step; c += 4) give(cache + place * step + c, step - c, take(qkv + c, step - c, 0.0f));
        const float *k = cache + width + head % heads * size, *v = k + width;
        float peak = -__builtin_inff(), total = 0.0f;
        for (int32_t d = 0; d < size; d++) y[d] = 0.0f;
        for (int32_t j = 0; j <= place; j++, k += step, v += step) {
            Lanes along = splat(0.0f);
            for (int32_t d = 0; d < size; d += 4)
                along = multiply_add(take(q + d, size - d, 0.0f), take(k + d, size - d, 0.0f), along);
            float score = sum_lanes(along) * NUMBER(SCALE), before = peak;
            // The largest score so far is what the exponentials are relative to; when a larger one comes, all shrink.
            peak = larger(score, peak);
            Lanes both = exponential((Lanes){score - peak, before - peak, 0.0f, 0.0f});
            total = total * both[1] + both[0];
            for (int32_t d = 0; d < size; d += 4)
                give(y + d, size - d, take(y + d, size - d, 0.0f) * splat(both[1]) + take(v + d, size - d, 0.0f) * splat(both[0]));
        }
        for (int32_t d = 0; d < size; d++) y[d] /= total;
    }
}
