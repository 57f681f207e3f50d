import numpy as np
import pytest

from pygpt.errors import ShapeError
from pygpt.ops import sample
from pygpt.ops.threefry import SAMPLE, threefry2x32
from pygpt.tensor import tensor
from tests.ops.chain import Case, normal

VOCABULARIES = (1, 2, 65, 257, 50257)


def word(value):
    return np.array([value], np.uint32)


def case(logits, position=0, seed=1337, count=0, temperature=1.0, top_k=0):
    return Case("sample", [logits, word(position), word(seed), word(count),
                           np.array([temperature, top_k], np.float32)])


CASES = [case(normal(3, v, scale=3.0), position=1, temperature=0.0) for v in VOCABULARIES]
CASES += [case(normal(3, v, scale=3.0), position=2, count=count, temperature=0.8, top_k=top_k)
          for v in VOCABULARIES for count, top_k in ((0, 0), (1, 1), (2, 5), (3, 200), (2**32 - 1, 100_000))]
# Ties, both zeros, past the last row, odds that vanish, and numbers that no float32 softmax survives without its maximum.
CASES += [case(np.array([[-1, 3, 3, 2, 3]], np.float32), temperature=0.0), case(np.zeros((1, 300), np.float32), count=7),
          case(np.array([[0.0, -0.0, -5.0, 0.0]], np.float32), top_k=2, count=3), case(normal(2, 65), position=9),
          case(normal(1, 513), temperature=1e-3, count=4), case(1e4 * normal(1, 700), count=5),
          case(np.array([[-3e38, 1.0, -3e38, 0.5]], np.float32), count=6)]


def drawn(device, logits, counts, temperature=1.0, top_k=0, seed=1337):
    logits = tensor(device, logits, logits.shape)
    position, key = tensor(device, word(0), dtype="uint32"), tensor(device, word(seed), dtype="uint32")
    settings = tensor(device, [temperature, float(top_k)])
    return [sample(logits, position, key, tensor(device, word(count), dtype="uint32"), settings) for count in counts]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_twin_and_shader_draw_alike(cpu, gpu):
    for v, top_k in ((7, 0), (65, 10), (1009, 0), (1009, 50)):
        logits = normal(1, v, scale=2.0)
        both = [np.array([t.tolist()[0] for t in drawn(d, logits, range(200), top_k=top_k)]) for d in (cpu, gpu)]
        # Sums of the odds round differently; a mark that falls between them is rare.
        assert (both[0] != both[1]).sum() <= 1, (v, top_k)


def test_the_mark_decides(device):
    tokens = drawn(device, np.log(np.array([[0.5, 0.25, 0.25]], np.float32)), range(50))
    for count, token in enumerate(tokens):
        u = (int(threefry2x32(1337, SAMPLE, count, 0)[0]) >> 8) / 2**24
        assert token.tolist()[0] == (0 if u < 0.5 else 1 if u < 0.75 else 2)


@pytest.mark.parametrize("temperature, top_k", [(1.0, 0), (0.5, 0), (2.0, 3)])
def test_distribution(device, temperature, top_k):
    logits = np.array([[1.0, -1.0, 0.5, 2.0, 0.0, 1.5, -3.0]], np.float32)
    odds = np.exp(logits[0] / temperature)
    if top_k:
        odds[logits[0] < np.sort(logits[0])[-top_k]] = 0
    share = odds / odds.sum()
    tokens = [token.tolist()[0] for token in drawn(device, logits, range(2000), temperature, top_k)]
    found = np.bincount(tokens, minlength=7) / 2000
    assert (np.abs(found - share) <= 4 * np.sqrt(share * (1 - share) / 2000)).all(), (found, share)


def test_the_first_of_equal_largest(device):
    for v, at in ((300, [17, 273]), (70, [3, 4, 69]), (50257, [40_000, 50_256])):
        logits = np.zeros((1, v), np.float32)
        logits[0, at] = 1.0
        assert drawn(device, logits, [0], temperature=0.0)[0].tolist() == [at[0]]


def test_ties_with_the_last_kept_are_kept(device):
    logits = np.array([[0.0, 2.0, 1.0, 1.0, 1.0, 0.0]], np.float32)
    assert {token.tolist()[0] for token in drawn(device, logits, range(100), top_k=2)} == {1, 2, 3, 4}


def test_top_1_is_the_largest(device):
    logits = normal(1, 1009)
    tokens = drawn(device, logits, range(20), temperature=5.0, top_k=1)
    assert {token.tolist()[0] for token in tokens} == {int(logits.argmax())}


def test_a_lost_model_still_gives_a_token(device):
    for value in (np.nan, -np.inf):
        for temperature in (0.0, 1.0):
            logits = np.full((1, 300), value, np.float32)
            assert drawn(device, logits, [3], temperature=temperature, top_k=5)[0].tolist()[0] < 300


def test_settings_are_two(cpu):
    one = tensor(cpu, word(0), dtype="uint32")
    with pytest.raises(ShapeError, match=r"temperature and top_k, got \[3\]"):
        sample(tensor(cpu, normal(1, 5), (1, 5)), one, one, one, tensor(cpu, [1.0, 0.0, 0.0]))
