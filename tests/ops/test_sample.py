import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import sample
from pygpt.ops.threefry import SAMPLE, threefry2x32
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case, normal

VOCABULARIES = (1, 2, 65, 257, 50257)


def word(value):
    return np.array([value], np.uint32)


def case(logits, position=0, seed=1337, count=0, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0):
    return Case(
        "sample",
        [logits, word(position), word(seed), word(count), np.array([temperature, top_k, top_p, min_p], np.float32)],
    )


CASES = [case(normal(3, v, scale=3.0), position=1, temperature=0.0) for v in VOCABULARIES]
CASES += [
    case(normal(3, v, scale=3.0), position=2, count=count, temperature=0.8, top_k=top_k)
    for v in VOCABULARIES
    for count, top_k in ((0, 0), (1, 1), (2, 5), (3, 200), (2**32 - 1, 100_000))
]
# Ties, both zeros, a position past the last row, weights that underflow, and logits so large that softmax overflows in
# float32 unless the maximum is subtracted.
CASES += [
    case(np.array([[-1, 3, 3, 2, 3]], np.float32), temperature=0.0),
    case(np.zeros((1, 300), np.float32), count=7),
    case(np.array([[0.0, -0.0, -5.0, 0.0]], np.float32), top_k=2, count=3),
    case(normal(2, 65), position=9),
    case(normal(1, 513), temperature=1e-3, count=4),
    case(1e4 * normal(1, 700), count=5),
    case(np.array([[-3e38, 1.0, -3e38, 0.5]], np.float32), count=6),
]
CASES += [
    case(normal(3, v, scale=3.0), position=2, count=count, temperature=0.8, top_k=top_k, top_p=top_p, min_p=min_p)
    for v in VOCABULARIES
    for count, top_k, top_p, min_p in (
        (14, 0, 0.9, 0.0),
        (5, 0, 0.3, 0.0),
        (6, 5, 0.7, 0.0),
        (7, 0, 1.0, 0.1),
        (8, 40, 0.95, 0.02),
        (9, 0, 1e-6, 1.0),
    )
]
CASES += [
    case(np.zeros((1, 300), np.float32), count=7, top_p=0.5),
    case(1e4 * normal(1, 700), count=5, top_p=0.99, min_p=0.5),
]


def draw(device, logits, counts, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, seed=1337):
    logits = tensor(device, logits, logits.shape)
    position, key = tensor(device, word(0), dtype="uint32"), tensor(device, word(seed), dtype="uint32")
    settings = tensor(device, [temperature, float(top_k), top_p, min_p])
    return [sample(logits, position, key, tensor(device, word(count), dtype="uint32"), settings)[0] for count in counts]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_twin_and_shader_draw_the_same_tokens(cpu, gpu):
    for v, top_k, top_p, min_p in (
        (7, 0, 1.0, 0.0),
        (65, 10, 1.0, 0.0),
        (1009, 0, 1.0, 0.0),
        (1009, 50, 1.0, 0.0),
        (65, 0, 0.8, 0.0),
        (1009, 100, 0.9, 0.05),
    ):
        logits = normal(1, v, scale=2.0)
        both = [
            np.array([t.tolist()[0] for t in draw(d, logits, range(200), 1.0, top_k, top_p, min_p)]) for d in (cpu, gpu)
        ]
        # Sums of the weights round differently; a threshold that falls between them is rare.
        assert (both[0] != both[1]).sum() <= 1, (v, top_k, top_p, min_p)


def test_token_matches_the_random_word(device):
    tokens = draw(device, np.log(np.array([[0.5, 0.25, 0.25]], np.float32)), range(50))
    for count, token in enumerate(tokens):
        u = (int(threefry2x32(1337, SAMPLE, count, 0)[0]) >> 8) / 2**24
        assert token.tolist()[0] == (0 if u < 0.5 else 1 if u < 0.75 else 2)


@pytest.mark.parametrize("temperature, top_k", [(1.0, 0), (0.5, 0), (2.0, 3)])
def test_distribution(device, temperature, top_k):
    logits = np.array([[1.0, -1.0, 0.5, 2.0, 0.0, 1.5, -3.0]], np.float32)
    weights = np.exp(logits[0] / temperature)
    if top_k:
        weights[logits[0] < np.sort(logits[0])[-top_k]] = 0
    share = weights / weights.sum()
    tokens = [token.tolist()[0] for token in draw(device, logits, range(2000), temperature, top_k)]
    frequencies = np.bincount(tokens, minlength=7) / 2000
    assert (np.abs(frequencies - share) <= 4 * np.sqrt(share * (1 - share) / 2000)).all(), (frequencies, share)


def test_first_of_equal_largest_logits_is_taken(device):
    for v, at in ((300, [17, 273]), (70, [3, 4, 69]), (50257, [40_000, 50_256])):
        logits = np.zeros((1, v), np.float32)
        logits[0, at] = 1.0
        assert draw(device, logits, [0], temperature=0.0)[0].tolist() == [at[0]]


def test_ties_with_the_last_of_top_k_are_kept(device):
    logits = np.array([[0.0, 2.0, 1.0, 1.0, 1.0, 0.0]], np.float32)
    assert {token.tolist()[0] for token in draw(device, logits, range(100), top_k=2)} == {1, 2, 3, 4}


LADDER = np.log(np.array([[0.1, 0.4, 0.05, 0.25, 0.2]], np.float32))


@pytest.mark.parametrize(
    "settings, kept",
    [
        ({"top_p": 0.39}, {1}),
        ({"top_p": 0.41}, {1, 3}),
        ({"top_p": 0.84}, {1, 3, 4}),
        ({"top_p": 0.9}, {0, 1, 3, 4}),
        ({"top_p": 0.6, "top_k": 3}, {1, 3}),
        ({"top_p": 0.78, "top_k": 3}, {1, 3, 4}),
        ({"min_p": 0.45}, {1, 3, 4}),
        ({"min_p": 0.6}, {1, 3}),
        ({"min_p": 1.0}, {1}),
        ({"min_p": 0.6, "top_p": 0.39}, {1}),
        ({"top_p": 0.65, "temperature": 0.5}, {1, 3}),
        ({"min_p": 0.45, "temperature": 0.5}, {1}),
    ],
)
def test_likely_tokens_are_kept(device, settings, kept):
    """Probabilities of 0.4, 0.25, 0.2, 0.1, 0.05: top_p applies after top_k; top_p and min_p after the temperature."""
    tokens = [token.tolist()[0] for token in draw(device, LADDER, range(300), **settings)]
    assert set(tokens) == kept
    weights = np.where(np.isin(range(5), list(kept)), np.exp(LADDER[0] / settings.get("temperature", 1.0)), 0)
    share = weights / weights.sum()
    assert (np.abs(np.bincount(tokens, minlength=5) / 300 - share) <= 4 * np.sqrt(share * (1 - share) / 300)).all()


def test_ties_with_the_last_of_top_p_are_kept(device):
    logits = np.array([[0.0, 2.0, 1.0, 1.0, 1.0, 0.0]], np.float32)
    assert {token.tolist()[0] for token in draw(device, logits, range(100), top_p=0.5)} == {1, 2, 3, 4}


def test_top_1_is_the_largest(device):
    logits = normal(1, 1009)
    tokens = draw(device, logits, range(20), temperature=5.0, top_k=1)
    assert {token.tolist()[0] for token in tokens} == {int(logits.argmax())}


def test_nan_and_infinite_logits_still_give_a_token(device):
    for value in (np.nan, -np.inf):
        for temperature in (0.0, 1.0):
            logits = np.full((1, 300), value, np.float32)
            assert draw(device, logits, [3], temperature=temperature, top_k=5)[0].tolist()[0] < 300
            assert draw(device, logits, [3], temperature, 5, 0.9, 0.1)[0].tolist()[0] < 300


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_are_not_finite_are_reported(device, temperature):
    finite, masked = normal(1, 300), normal(1, 300)
    masked[0, 1:] = -np.inf
    broken = [np.full((1, 300), -np.inf, np.float32)]
    for place, value in ((0, np.nan), (17, -np.nan), (299, np.nan), (64, np.inf)):
        broken.append(normal(1, 300))
        broken[-1][0, place] = value
    zero, settings = tensor(device, word(0), dtype="uint32"), tensor(device, [temperature, 0.0, 1.0, 0.0])
    for logits, expected in [(finite, 0), (masked, 0), *((logits, 1) for logits in broken)]:
        token, reported = sample(tensor(device, logits, logits.shape), zero, zero, zero, settings)
        assert reported.tolist() == [expected] and token.tolist()[0] < 300


def test_three_settings_raise(cpu):
    one = tensor(cpu, word(0), dtype="uint32")
    with pytest.raises(ShapeError, match=r"temperature, top_k, top_p and min_p, got \[3\]"):
        sample(tensor(cpu, normal(1, 5), (1, 5)), one, one, one, tensor(cpu, [1.0, 0.0, 0.0]))
