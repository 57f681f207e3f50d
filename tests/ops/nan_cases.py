"""For every test case of every kernel: which outputs must be NaN if one element of an input is.

An output depends on an input's element if it changes when the element does. The twin in double precision decides this
by trying other numbers, so it is not trusted to propagate a NaN itself: it is checked like the other devices.
"""

import importlib
from pathlib import Path

import numpy as np

from pygpt.tensor.tensor import KERNELS
from tests.ops.chain import Case

MODULES = [
    importlib.import_module(f"tests.ops.{path.stem}")
    for path in sorted(Path(__file__).parent.glob("test_*.py"))
    if path.stem != "test_variants"
]
LARGEST = 20_000  # elements of all operands: larger cases are like the smaller ones, and take long
TRIES = 20  # places for the NaN: the first on which something depends is taken


class NanCase:
    """A case with one NaN in it; `expected` says for each output which elements depend on that element."""

    def __init__(self, case, name, operands, expected):
        self.case, self.name, self.expected = case, name, expected
        count = len(case.inputs)
        self.poisoned = Case(case.kernel, operands[:count], operands[count:], **case.attributes)

    def __str__(self):
        return f"{self.case}-{self.name}"

    def check(self, outputs):
        """Check outputs, as bytes: what depends on the NaN must be NaN, or infinite: SwiftShader's exp(NaN) is."""
        for name, got, expected in zip(KERNELS[self.case.kernel].outputs, outputs, self.expected, strict=True):
            if expected is not None and expected.any():
                numbers = np.frombuffer(got, np.float32).reshape(expected.shape)[expected]
                wrong = np.isfinite(numbers)
                assert not wrong.any(), (
                    f"{self}: {wrong.sum()} of {wrong.size} elements of {name} depend on a NaN and are numbers"
                )


def nan_cases():
    """Return a NanCase for each float operand of each kernel and choice of attributes and optional inputs.

    Except of `exact_match`, whose output is yes or no: tests/ops/test_exact_match.py has its NaN."""
    chosen = {}  # the largest case of each kind
    for case in (case for module in MODULES for case in getattr(module, "CASES", [])):
        operands = [*case.inputs, *case.out]
        sizes = [0 if operand is None else operand.size for operand in operands]
        kind = (case.kernel, str(case.attributes), tuple(map(bool, sizes)))
        if case.kernel != "exact_match" and max(sum(sizes), chosen.get(kind, (0,))[0]) == sum(sizes) <= LARGEST:
            chosen[kind] = (sum(sizes), case, operands)
    return [nan_case for _, case, operands in chosen.values() for nan_case in _nan_cases(case, operands)]


def _nan_cases(case, operands):
    """Yield a NanCase for each float operand, with the NaN in a place chosen at random."""
    kernel = KERNELS[case.kernel]
    for index, (name, array) in enumerate(zip(kernel.inputs + kernel.outputs, operands)):
        if array is not None and array.dtype == np.float32:
            for place in np.random.default_rng([index, *array.shape]).permutation(array.size)[:TRIES]:
                expected = _dependent(case, operands, index, place)
                if any(mask is not None and mask.any() for mask in expected):
                    yield NanCase(case, name, _with(operands, index, place, np.nan), expected)
                    break


def _dependent(case, operands, index, place):
    """For each float output: where it changes when the element does. Several numbers, since max(0, x) hides some."""
    original = _outputs(case, operands)
    expected = [np.zeros(o.shape, bool) if o.dtype.kind == "f" else None for o in original]
    value = operands[index].reshape(-1)[place]
    for other in (value + 0.25, -value - 0.5, 2.0 * abs(float(value)) + 1.0):
        changed = _outputs(case, _with(operands, index, place, other))
        for mask, before, after in zip(expected, original, changed):
            if mask is not None:
                mask |= before != after
    return expected


def _outputs(case, operands):
    count = len(case.inputs)
    with np.errstate(all="ignore"):
        return Case(case.kernel, operands[:count], operands[count:], **case.attributes).expected()


def _with(operands, index, place, value):
    changed = operands[index].copy()
    changed.reshape(-1)[place] = value
    return [*operands[:index], changed, *operands[index + 1 :]]
