// Embeddings: rows of a table by token, and their gradient.
#include "simd.h"

KERNEL(embedding) {
    OPERANDS { IDS, TOKENS, POSITIONS, START, Y };
    CONSTANTS { T, C, HAS_POSITIONS, HAS_START };
    int32_t time = INTEGER(T), width = INTEGER(C);
    uint32_t last = (uint32_t)(SIZE(TOKENS) / width - 1), start = WORDS(START) ? WORDS(START)[0] : 0;
    int32_t last_position = SIZE(POSITIONS) / width - 1;
    if (start > (uint32_t)last_position) start = (uint32_t)last_position;
    for (int32_t row = 0; row < SIZE(IDS); row++) {
        uint32_t id = WORDS(IDS)[row] < last ? WORDS(IDS)[row] : last;
        const float *token = FLOATS(TOKENS) + (int32_t)id * width;
        const float *position = FLOATS(POSITIONS);
        if (position) position += least(row % time + (int32_t)start, last_position) * width;
        float *y = FLOATS(Y) + row * width;
        for (int32_t c = 0; c < width; c += 4) {
            Lanes sum = load_partial(token + c, width - c, 0.0f);
            if (position) sum += load_partial(position + c, width - c, 0.0f);
            store_partial(y + c, width - c, sum);
        }
    }
}

KERNEL(embedding_gradient) {
    OPERANDS { DY, IDS, RESIDUAL, DTOKENS };
    CONSTANTS { ROWS, V, C, HAS_RESIDUAL, KEEP };
    int32_t width = INTEGER(C), size = SIZE(DTOKENS);
    uint32_t last = (uint32_t)INTEGER(V) - 1;
    for (int32_t i = 0; i < size && !INTEGER(KEEP); i += 4)
        store_partial(FLOATS(DTOKENS) + i, size - i, FLOATS(RESIDUAL) ? load_partial(FLOATS(RESIDUAL) + i, size - i, 0.0f) : splat(0.0f));
    for (int32_t row = 0; row < INTEGER(ROWS); row++) {
        uint32_t id = WORDS(IDS)[row] < last ? WORDS(IDS)[row] : last;
        const float *dy = FLOATS(DY) + row * width;
        float *to = FLOATS(DTOKENS) + (int32_t)id * width;
        for (int32_t c = 0; c < width; c += 4)
            store_partial(to + c, width - c, load_partial(to + c, width - c, 0.0f) + load_partial(dy + c, width - c, 0.0f));
    }
}
