// The inner products dy y that attention's gradient needs, and the gradient of the attention sinks.
#include "simd.h"

KERNEL(attention_delta) {
    OPERANDS { DY, Y, DELTA };
    CONSTANTS { T, H, D };
    int32_t time = INTEGER(T), heads = INTEGER(H), size = INTEGER(D);
    for (int32_t row = 0; row < SIZE(DELTA); row++) {  // one row per token and head
        int32_t head = row % heads, token = row / heads;
        const float *dy = FLOATS(DY) + row * size, *y = FLOATS(Y) + row * size;
        Lanes sum = splat(0.0f);
        for (int32_t d = 0; d < size; d += 4)
            sum = multiply_add(load_partial(dy + d, size - d, 0.0f), load_partial(y + d, size - d, 0.0f), sum);
        FLOATS(DELTA)[(token / time * heads + head) * time + token % time] = sum_lanes(sum);
    }
}

KERNEL(attention_sinks_gradient) {
    OPERANDS { SINKS, LOG_SUM_EXP, DELTA, DSINKS };
    CONSTANTS { T, H };
    int32_t time = INTEGER(T), heads = INTEGER(H);
    for (int32_t h = 0; h < heads; h++) {
        float total = 0.0f;
        for (int32_t row = h; row < SIZE(DELTA) / time; row += heads) {  // one row per sequence and head
            const float *log_sum_exp = FLOATS(LOG_SUM_EXP) + row * time, *delta = FLOATS(DELTA) + row * time;
            Lanes sum = splat(0.0f);
            for (int32_t t = 0; t < time; t += 4) {
                Lanes p = exponential(splat(FLOATS(SINKS)[h]) - load_partial(log_sum_exp + t, time - t, 0.0f));
                sum = multiply_add(p, load_partial(delta + t, time - t, 0.0f), sum);
            }
            total += sum_lanes(sum);
        }
        FLOATS(DSINKS)[h] = -total;
    }
}
