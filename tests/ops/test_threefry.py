import warnings
from pathlib import Path

import numpy as np
import pytest

import pygpt.devices.wgpu as wgpu_device
from pygpt.errors import ShapeError
from pygpt.ops.threefry import BLOCK, DROPOUT, threefry, threefry2x32
from pygpt.tensor.kernel import Kernel
from pygpt.tensor.tensor import tensor
from tests.ops.chain import Case

FUNCTION = Path(__file__).resolve().parents[2] / "shaders/shared/threefry.wgsl"

# Random123's kat_vectors, threefry 2x32 20: counter, key, expected words.
KNOWN = [
    (0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x6B200159, 0x99BA4EFE),
    (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0x1CB996FC, 0xBB002BE7),
    (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xC4923A9C, 0x483DF7A0),
]


def word(value):
    return np.array([value], np.uint32)


def case(rows, seed, step, purpose):
    return Case("threefry", [word(seed), word(step)], out=[np.zeros((rows, 2), np.uint32)], purpose=purpose)


CASES = [
    case(1, 0, 0, 0),
    case(1, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
    case(67, 1337, 5, DROPOUT + 3),
    case(10007, 0x13198A2E, 0x85A308D3, 0x03707344),
]


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: f"{known[0]:08x}")
def test_known_answers(known):
    counter0, counter1, key0, key1, *expected = known
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [int(w) for w in threefry2x32(key0, key1, counter0, counter1)] == expected


def test_known_answers_of_the_shader(gpu, monkeypatch):
    """Run the shader's function on keys and counters that the kernel cannot take."""
    header = (
        "@group(0) @binding(0) var<storage, read> words: array<vec4u>;\n"
        "@group(0) @binding(1) var<storage, read_write> bits: array<vec2u>;\n"
    )
    entry = (
        "@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) {\n"
        "if (i < arrayLength(&bits)) { bits[i] = threefry(words[i].zw, words[i].xy); }}\n"
    )
    monkeypatch.setattr(wgpu_device, "source", lambda name: header + FUNCTION.read_text() + entry)

    def known_answers(words, bits):
        raise AssertionError("only the shader should run")

    kernel = Kernel(known_answers, outputs=("bits",))
    kernel.shapes(lambda words: (words.shape[0], 2))
    table = np.array(KNOWN, np.uint32)
    got = kernel(tensor(gpu, table[:, :4].copy(), (len(KNOWN), 4), "uint32")).numpy()
    np.testing.assert_array_equal(got, table[:, 4:])


def test_keys_and_counters_broadcast():
    keys, counters = np.arange(3, dtype=np.uint32)[:, None], np.arange(BLOCK + 5, dtype=np.uint32)
    words = threefry2x32(keys, 9, counters, keys + 1)
    for row in range(3):
        for i in (0, 1, BLOCK - 1, BLOCK, BLOCK + 4):
            assert (words[0][row, i], words[1][row, i]) == threefry2x32(row, 9, i, row + 1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shader(case, gpu):
    case.check_shader(gpu)


def test_bits_without_two_columns_raise(device):
    with pytest.raises(ShapeError, match=r"bits must be \(N, 2\), got \[4\]"):
        threefry(
            tensor(device, [0], dtype="uint32"),
            tensor(device, [0], dtype="uint32"),
            purpose=0,
            out=tensor(device, [0] * 4, dtype="uint32"),
        )
