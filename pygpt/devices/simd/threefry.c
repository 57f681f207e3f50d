// Random numbers and batches: threefry, normal, dropout, batch, batch_documents and gather_windows.
#include "simd.h"

static const WordLanes FIRST_FOUR = {0, 1, 2, 3};

KERNEL(threefry) {
    OPERANDS { SEED, STEP, BITS };
    CONSTANTS { PURPOSE };
    for (int32_t i = 0, size = SIZE(BITS) / 2; i < size; i += 4) {
        WordLanes word0, word1;
        threefry_lanes(WORDS(SEED)[0], WORD(PURPOSE), splat_word((uint32_t)i) + FIRST_FOUR, splat_word(WORDS(STEP)[0]),
                       &word0, &word1);
        for (int32_t lane = 0; lane < least(4, size - i); lane++) {
            WORDS(BITS)[2 * (i + lane)] = word0[lane];
            WORDS(BITS)[2 * (i + lane) + 1] = word1[lane];
        }
    }
}

KERNEL(normal) {
    OPERANDS { SEED, Y };
    CONSTANTS { FACTOR, PURPOSE };
    for (int32_t i = 0, size = SIZE(Y); i < size; i += 4) {
        IntegerLanes total = (IntegerLanes)splat_word((uint32_t)(-12 * 65535 / 2));
        for (uint32_t counter = 0; counter < 3; counter++) {
            WordLanes word0, word1;
            threefry_lanes(WORDS(SEED)[0], WORD(PURPOSE), splat_word((uint32_t)i) + FIRST_FOUR, splat_word(counter), &word0,
                           &word1);
            total += (IntegerLanes)((word0 & 0xffff) + (word0 >> 16) + (word1 & 0xffff) + (word1 >> 16));
        }
        store_partial(FLOATS(Y) + i, size - i, __builtin_convertvector(total, Lanes) * splat(NUMBER(FACTOR)));
    }
}

KERNEL(dropout) {
    OPERANDS { X, SEED, STEP, RESIDUAL, Y };
    CONSTANTS { THRESHOLD, FACTOR, PURPOSE, HAS_RESIDUAL };
    const WordLanes threshold = splat_word(WORD(THRESHOLD));
    const Lanes factor = splat(NUMBER(FACTOR));
    for (int32_t i = 0, size = SIZE(Y); i < size; i += 8) {  // four counters, two elements each
        WordLanes words[2];
        threefry_lanes(WORDS(SEED)[0], WORD(PURPOSE), splat_word((uint32_t)i / 2) + FIRST_FOUR,
                       splat_word(WORDS(STEP)[0]), &words[0], &words[1]);
        WordLanes pairs[2] = {__builtin_shufflevector(words[0], words[1], 0, 4, 1, 5),
                              __builtin_shufflevector(words[0], words[1], 2, 6, 3, 7)};
        for (int32_t half = 0, left = size - i; half < 2 && left > 0; half++, left -= 4) {
            int32_t at = i + 4 * half;
            Lanes v = choose((IntegerLanes)(pairs[half] >= threshold), load_partial(FLOATS(X) + at, left, 0.0f) * factor, splat(0.0f));
            if (FLOATS(RESIDUAL)) v += load_partial(FLOATS(RESIDUAL) + at, left, 0.0f);
            store_partial(FLOATS(Y) + at, left, v);
        }
    }
}

KERNEL(batch) {
    OPERANDS { TOKENS, SEED, STEP, INPUTS, TARGETS };
    CONSTANTS { B, T, PURPOSE, SEQUENTIAL, FIRST };
    uint32_t length = (uint32_t)SIZE(TOKENS), time = WORD(T);
    const uint32_t *tokens = WORDS(TOKENS);
    for (uint32_t row = 0; row < WORD(B); row++) {
        uint32_t start = INTEGER(SEQUENTIAL)
                             ? (WORDS(STEP)[0] * WORD(B) + WORD(FIRST) + row) * time
                             : threefry_word(WORDS(SEED)[0], WORD(PURPOSE), WORD(FIRST) + row, WORDS(STEP)[0]) % (length - time);
        for (uint32_t i = 0; i < time; i++) {
            int32_t inside = start < length && start + i + 1 < length;
            WORDS(INPUTS)[row * time + i] = inside ? tokens[start + i] : 0;
            INTEGERS(TARGETS)[row * time + i] = inside ? (int32_t)tokens[start + i + 1] : -1;
        }
    }
}

KERNEL(batch_documents) {
    OPERANDS { TOKENS, OFFSETS, ANSWERS, SEED, STEP, INPUTS, TARGETS };
    CONSTANTS { B, T, PURPOSE, SEQUENTIAL, FIRST };
    uint32_t documents = (uint32_t)SIZE(OFFSETS) - 1, time = WORD(T);
    const uint32_t *tokens = WORDS(TOKENS), *offsets = WORDS(OFFSETS);
    for (uint32_t row = 0; row < WORD(B); row++) {
        uint32_t document = INTEGER(SEQUENTIAL)
                                ? WORDS(STEP)[0] * WORD(B) + WORD(FIRST) + row
                                : threefry_word(WORDS(SEED)[0], WORD(PURPOSE), WORD(FIRST) + row, WORDS(STEP)[0]) % documents;
        if (INTEGER(SEQUENTIAL) == 2) {
            document %= documents;
        }
        int32_t exists = document < documents;
        uint32_t start = exists ? offsets[document] : 0, end = exists ? offsets[document + 1] : 0;
        uint32_t answer = exists ? WORDS(ANSWERS)[document] : 0;
        for (uint32_t i = 0; i < time; i++) {
            int32_t inside = start + i < end;
            WORDS(INPUTS)[row * time + i] = tokens[inside ? start + i : offsets[0]];
            INTEGERS(TARGETS)[row * time + i] = inside && start + i + 1 >= answer ? (int32_t)tokens[start + i + 1] : -1;
        }
    }
}

KERNEL(gather_windows) {
    OPERANDS { RING, STEP, INPUTS, TARGETS };
    CONSTANTS { B, T, ROWS, FIRST };
    uint32_t time = WORD(T), slot = WORD(ROWS) * (time + 1), slots = (uint32_t)SIZE(RING) / slot;
    const uint32_t *window = WORDS(RING) + (WORDS(STEP)[0] % slots) * slot + WORD(FIRST) * (time + 1);
    for (uint32_t row = 0; row < WORD(B); row++, window += time + 1) {
        for (uint32_t i = 0; i < time; i++) {
            WORDS(INPUTS)[row * time + i] = window[i];
            INTEGERS(TARGETS)[row * time + i] = (int32_t)window[i + 1];
        }
    }
}
