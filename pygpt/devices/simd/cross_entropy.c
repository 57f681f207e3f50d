// The loss: cross_entropy, mean_valid, softmax, and their gradients.
#include "simd.h"

static inline int32_t inside(int32_t target, int32_t vocabulary) {
    return target < 0 ? 0 : least(target, vocabulary - 1);
}

static inline float largest(const float *x, int32_t length) {
    Lanes peaks = splat(x[0]);
    for (int32_t c = 0; c < length; c += 4) peaks = larger_lanes(load_partial(x + c, length - c, x[0]), peaks);
    return largest_lane(peaks);
}

KERNEL(cross_entropy) {
    OPERANDS { LOGITS, TARGETS, LOSS, LOG_SUM_EXP };
    CONSTANTS { V, IGNORE_INDEX, SMOOTHING, Z_LOSS };
    int32_t vocabulary = INTEGER(V), ignored = INTEGER(IGNORE_INDEX);
    float smoothing = NUMBER(SMOOTHING), z_loss = NUMBER(Z_LOSS);
    for (int32_t row = 0; row < SIZE(LOSS); row++) {
        const float *x = FLOATS(LOGITS) + row * vocabulary;
        int32_t target = INTEGERS(TARGETS)[row];
        float peak = largest(x, vocabulary);
        Lanes total = splat(0.0f);
        for (int32_t c = 0; c < vocabulary; c += 4)
            total += exponential(load_partial(x + c, vocabulary - c, -__builtin_inff()) - splat(peak));
        float log_total = logarithm(sum_lanes(total)), log_sum_exp = log_total + peak;
        float near = x[inside(target, vocabulary)] - peak;
        if (smoothing) {
            Lanes shared = splat(0.0f);
            for (int32_t c = 0; c < vocabulary; c += 4) shared += load_partial(x + c, vocabulary - c, peak) - splat(peak);
            near = (1.0f - smoothing) * near + smoothing * sum_lanes(shared) / (float)vocabulary;
        }
        float loss = log_total - near;
        if (z_loss) loss += z_loss * log_sum_exp * log_sum_exp;
        FLOATS(LOSS)[row] = target == ignored ? 0.0f : loss;
        FLOATS(LOG_SUM_EXP)[row] = log_sum_exp;
    }
}

KERNEL(cross_entropy_gradient) {
    OPERANDS { DLOSS, LOGITS, TARGETS, LOG_SUM_EXP, DLOGITS };
    CONSTANTS { V, IGNORE_INDEX, SMOOTHING, Z_LOSS };
    int32_t vocabulary = INTEGER(V), ignored = INTEGER(IGNORE_INDEX);
    float smoothing = NUMBER(SMOOTHING), z_loss = NUMBER(Z_LOSS);
    for (int32_t row = 0; row < SIZE(DLOSS); row++) {
        const float *x = FLOATS(LOGITS) + row * vocabulary;
        float *dx = FLOATS(DLOGITS) + row * vocabulary;
        int32_t target = INTEGERS(TARGETS)[row];
        float dloss = target == ignored ? 0.0f : FLOATS(DLOSS)[row], log_sum_exp = FLOATS(LOG_SUM_EXP)[row];
        // The derivative of z_loss adds to the factor of every probability.
        float factor = z_loss ? dloss * (1.0f + 2.0f * z_loss * log_sum_exp) : dloss;
        Lanes shared = splat(dloss * smoothing / (float)vocabulary);
        int32_t place = inside(target, vocabulary);
        for (int32_t c = 0; c < vocabulary; c += 4) {
            Lanes p = exponential(load_partial(x + c, vocabulary - c, 0.0f) - splat(log_sum_exp));
            store_partial(dx + c, vocabulary - c, smoothing ? p * splat(factor) - shared : p * splat(factor));
        }
        dx[place] -= smoothing ? dloss * (1.0f - smoothing) : dloss;
    }
}

KERNEL(mean_valid) {
    OPERANDS { LOSS, TARGETS, MEAN, COUNT };
    CONSTANTS { IGNORE_INDEX };
    // Close to pairwise summation: 64 sums, then their sum.
    float sums[64] = {0}, total = 0.0f;
    int32_t count = 0;
    for (int32_t row = 0; row < SIZE(LOSS); row++) {
        if (INTEGERS(TARGETS)[row] == INTEGER(IGNORE_INDEX)) continue;
        sums[row % 64] += FLOATS(LOSS)[row];
        count++;
    }
    for (int32_t i = 0; i < 64; i++) total += sums[i];
    FLOATS(MEAN)[0] = total / (count ? (float)count : 1.0f);
    FLOATS(COUNT)[0] = (float)count;
}

KERNEL(mean_valid_gradient) {
    OPERANDS { DMEAN, TARGETS, COUNT, DLOSS };
    CONSTANTS { IGNORE_INDEX };
    float share = FLOATS(DMEAN)[0] / larger(1.0f, FLOATS(COUNT)[0]);
    for (int32_t row = 0; row < SIZE(DLOSS); row++)
        FLOATS(DLOSS)[row] = INTEGERS(TARGETS)[row] == INTEGER(IGNORE_INDEX) ? 0.0f : share;
}

KERNEL(softmax) {
    OPERANDS { X, Y };
    CONSTANTS { C };
    int32_t width = INTEGER(C);
    for (int32_t row = 0; row < SIZE(X) / width; row++) {
        const float *x = FLOATS(X) + row * width;
        float *y = FLOATS(Y) + row * width;
        Lanes total = splat(0.0f), peak = splat(largest(x, width));
        for (int32_t c = 0; c < width; c += 4) {
            Lanes p = exponential(load_partial(x + c, width - c, -__builtin_inff()) - peak);
            total += p;
            store_partial(y + c, width - c, p);
        }
        Lanes whole = splat(sum_lanes(total));
        for (int32_t c = 0; c < width; c += 4) store_partial(y + c, width - c, load_partial(y + c, width - c, 0.0f) / whole);
    }
}

KERNEL(softmax_gradient) {
    OPERANDS { DY, Y, DX };
    CONSTANTS { C };
    int32_t width = INTEGER(C);
    for (int32_t start = 0; start < SIZE(Y); start += width) {
        const float *dy = FLOATS(DY) + start, *y = FLOATS(Y) + start;
        Lanes along = splat(0.0f);
        for (int32_t c = 0; c < width; c += 4)
            along = multiply_add(load_partial(dy + c, width - c, 0.0f), load_partial(y + c, width - c, 0.0f), along);
        Lanes whole = splat(sum_lanes(along));
        for (int32_t c = 0; c < width; c += 4)
            store_partial(FLOATS(DX) + start + c, width - c, (load_partial(dy + c, width - c, 0.0f) - whole) * load_partial(y + c, width - c, 0.0f));
    }
}
