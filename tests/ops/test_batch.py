import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import batch, batch_documents
from pygpt.ops.threefry import BATCH, EVALUATION, threefry2x32
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, integers

BOS = 9


def word(value):
    return np.array([value], np.uint32)


def documents(*lengths):
    """Return tokens BOS document BOS ... BOS, and the index of each BOS."""
    offsets = np.cumsum([0, *(length + 1 for length in lengths)]).astype(np.uint32)
    tokens = integers(int(offsets[-1]) + 1, high=BOS)
    tokens[offsets] = BOS
    return tokens, offsets, offsets


def questions(answers, *lengths):
    """Return the same with the number of each document's first token that is part of its answer."""
    tokens, offsets, _ = documents(*lengths)
    return tokens, offsets, offsets[:-1] + np.array(answers, np.uint32) + np.uint32(1)


CASES = [
    Case(
        "batch",
        [integers(length, high=50257), word(seed), word(step)],
        batch_size=b,
        block_size=t,
        purpose=purpose,
        sequential=sequential,
    )
    for length, seed, step, b, t, purpose, sequential in (
        (2, 0, 0, 1, 1, BATCH, False),
        (14, 1, 7, 3, 13, BATCH, False),
        (10007, 1337, 3, 5, 67, EVALUATION, False),
        (10007, 2**32 - 1, 2**32 - 1, 64, 33, BATCH, False),
        (2, 0, 0, 1, 1, EVALUATION, True),
        (5, 0, 0, 3, 13, EVALUATION, True),
        (1009, 0, 2, 5, 67, EVALUATION, True),
        (1009, 0, 3, 5, 67, EVALUATION, True),
        (1009, 0, 9, 5, 67, EVALUATION, True),
    )
]
CASES += [
    Case(
        "batch",
        [integers(1009, high=99), word(3), word(5)],
        batch_size=4,
        block_size=7,
        purpose=BATCH,
        first=9,
        sequential=sequential,
    )
    for sequential in (False, True)
]
CASES += [
    Case(
        "batch_documents",
        [*documents(3, 0, 11, 12), word(3), word(5)],
        batch_size=3,
        block_size=7,
        purpose=BATCH,
        first=6,
    )
]
CASES += [
    Case(
        "batch_documents",
        [*documents(*lengths), word(seed), word(step)],
        batch_size=b,
        block_size=t,
        purpose=BATCH,
        sequential=sequential,
    )
    for lengths, seed, step, b, t, sequential in (
        ((1,), 0, 0, 1, 1, False),
        ((0,), 0, 0, 3, 5, False),
        ((3, 0, 11, 12, 13, 40), 1337, 3, 17, 13, False),
        ((3, 0, 11, 12, 13, 40), 0, 0, 4, 13, True),
        ((3, 0, 11, 12, 13, 40), 0, 1, 4, 13, True),
        ((3, 0, 11, 12, 13, 40), 0, 2, 4, 13, True),
        ((3, 0, 11, 12, 13, 40), 0, 2, 4, 13, 2),
        ((3,), 0, 2**32 - 1, 2, 3, 2),
    )
]
CASES += [
    Case(
        "batch_documents",
        [*questions((2, 0, 5, 11, 1, 20), 3, 0, 11, 12, 13, 40), word(1337), word(step)],
        batch_size=17,
        block_size=13,
        purpose=BATCH,
        sequential=sequential,
    )
    for step, sequential in ((0, True), (3, False), (1, 2))
]


def draw(device, kernel, arrays, step, seed=7, **attributes):
    arrays = [tensor(device, a, a.shape, "uint32") for a in (*arrays, word(seed), word(step))]
    return [output.numpy() for output in kernel(*arrays, purpose=BATCH, **attributes)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_row_starts_match_threefry(device):
    tokens = np.arange(1000, dtype=np.uint32)
    inputs, targets = draw(device, batch, [tokens], 4, batch_size=6, block_size=11)
    for b in range(6):
        start = int(threefry2x32(7, BATCH, b, 4)[0]) % (1000 - 11)
        assert inputs[b].tolist() == list(range(start, start + 11))
        assert targets[b].tolist() == list(range(start + 1, start + 12))


@pytest.mark.parametrize("layout", ["stream", "documents"])
def test_parts_of_a_batch_equal_its_rows(layout, device):
    kernel, arrays = (
        (batch, [integers(500, high=9)]) if layout == "stream" else (batch_documents, documents(3, 0, 11, 12, 5))
    )
    whole = draw(device, kernel, arrays, 2, batch_size=6, block_size=5)
    parts = [draw(device, kernel, arrays, 2, batch_size=2, block_size=5, first=first) for first in (0, 2, 4)]
    for index in (0, 1):
        np.testing.assert_array_equal(np.concatenate([part[index] for part in parts]), whole[index])


def test_every_window_can_be_drawn(cpu):
    starts = draw(cpu, batch, [np.arange(9, dtype=np.uint32)], 0, batch_size=500, block_size=4)[0][:, 0]
    assert sorted(set(starts.tolist())) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("length", [2, 61, 62, 1009])
def test_sequential_batches_cover_each_prediction_once(cpu, length):
    tokens = np.arange(length, dtype=np.uint32)
    predictions = []
    for step in range(-(-(length - 1) // 60)):
        inputs, targets = draw(cpu, batch, [tokens], step, batch_size=4, block_size=15, sequential=True)
        predictions += [(int(i), int(t)) for i, t in zip(inputs.ravel(), targets.ravel(), strict=True) if t != -1]
    assert predictions == [(i, i + 1) for i in range(length - 1)]


def test_documents_by_hand(device):
    tokens, offsets = np.array([9, 1, 2, 9, 3, 9, 4, 5, 6, 7, 9], np.uint32), np.array([0, 3, 5, 10], np.uint32)
    inputs, targets = draw(
        device, batch_documents, [tokens, offsets, offsets], 0, batch_size=4, block_size=4, sequential=True
    )
    assert inputs.tolist() == [[9, 1, 2, 9], [9, 3, 9, 9], [9, 4, 5, 6], [9, 9, 9, 9]]
    assert targets.tolist() == [[1, 2, 9, -1], [3, 9, -1, -1], [4, 5, 6, 7], [-1, -1, -1, -1]]


def test_first_document_follows_the_last(device):
    arrays = documents(1, 2, 3)
    steps = [
        draw(device, batch_documents, arrays, step, batch_size=2, block_size=4, sequential=2)[0] for step in range(6)
    ]
    assert np.concatenate(steps[:3]).tolist() == np.concatenate(steps[3:]).tolist()
    assert np.array_equal(steps[1][1], steps[0][0]) and not np.array_equal(steps[0][0], steps[0][1])


def test_answers_by_hand(device):
    tokens, offsets = np.array([9, 1, 7, 2, 9, 3, 9, 7, 5, 7, 6, 9], np.uint32), np.array([0, 4, 6, 11], np.uint32)
    answers = np.array([3, 6, 8], np.uint32)
    inputs, targets = draw(
        device, batch_documents, [tokens, offsets, answers], 0, batch_size=4, block_size=5, sequential=True
    )
    assert inputs.tolist() == [[9, 1, 7, 2, 9], [9, 3, 9, 9, 9], [9, 7, 5, 7, 6], [9] * 5]
    assert targets.tolist() == [[-1, -1, 2, 9, -1], [-1, 9, -1, -1, -1], [-1, 5, 7, 6, 9], [-1] * 5]


def test_every_document_can_be_drawn(cpu):
    tokens, offsets, answers = documents(2, 2, 2)
    tokens[offsets[:3] + 1] = [0, 1, 2]
    first = draw(cpu, batch_documents, [tokens, offsets, answers], 0, batch_size=100, block_size=4)[0][:, 1]
    assert sorted(set(first.tolist())) == [0, 1, 2]


def test_too_few_tokens_raise(cpu):
    with pytest.raises(ShapeError, match=r"at least 5 of them for a block of 4, got \[4\]"):
        draw(cpu, batch, [np.arange(4, dtype=np.uint32)], 0, batch_size=1, block_size=4)


def test_no_document_raises(cpu):
    with pytest.raises(ShapeError, match=r"at least one document, got \[4\] and \[1\]"):
        draw(cpu, batch_documents, [np.arange(4, dtype=np.uint32), word(0), word(0)], 0, batch_size=1, block_size=4)


def test_too_few_answers_raise(cpu):
    tokens, offsets, _ = documents(2, 2)
    with pytest.raises(ShapeError, match=r"answers \(D,\) of 2 documents, got \[1\]"):
        draw(cpu, batch_documents, [tokens, offsets, word(1)], 0, batch_size=1, block_size=4)
