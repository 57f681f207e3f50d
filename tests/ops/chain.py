"""Checks for every kernel: the twin's gradient against finite differences, and the shader against the twin.

A kernel's test file lists `CASES` and calls two functions of this module:

    CASES = [Case("gelu", [normal(3, 65)])]

    @pytest.mark.parametrize("case", CASES, ids=str)
    def test_shader(case, gpu):
        case.check_shader(gpu)

    @pytest.mark.parametrize("case", CASES, ids=str)
    def test_gradient(case):
        case.check_gradient()

tests/e2e/test_kernels.py runs the same CASES in the browser tab.
"""

import base64
import zlib

import numpy as np

import pygpt.ops  # noqa: F401
from pygpt.devices.numpy import NumpyDevice
from pygpt.tensor.tensor import KERNELS, Node, tensor
from tests.ops.run_case import start_case


def normal(*shape, seed=0, scale=1.0):
    """Normal random numbers as float32; the shape is part of the seed, so that inputs of different shapes differ."""
    rng = np.random.default_rng([seed, *shape])
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def integers(*shape, low=0, high, seed=0, dtype=np.uint32):
    """Random integers in [low, high)."""
    return np.random.default_rng([seed, *shape]).integers(low, high, shape).astype(dtype)


class Case:
    """One call of a kernel: inputs as arrays (None if absent), attributes, and initial outputs if it updates them in
    place. `rtol` is relative to each element, `atol` to the largest."""

    def __init__(self, kernel, inputs, out=(), rtol=1e-4, atol=1e-5, **attributes):
        self.kernel, self.inputs, self.out, self.attributes = kernel, inputs, list(out), attributes
        self.rtol, self.atol = rtol, atol

    def __str__(self):
        shapes = ",".join("x".join(map(str, a.shape)) if a is not None else "-" for a in [*self.inputs, *self.out])
        return "-".join([self.kernel, shapes, *(f"{name}={value}" for name, value in self.attributes.items())])

    def to_json(self) -> dict:
        """Return the case as data that JSON can represent."""

        def array(a):
            return (
                a
                if a is None
                else {"data": base64.b64encode(a.tobytes()).decode(), "shape": a.shape, "dtype": a.dtype.name}
            )

        return {
            "kernel": self.kernel,
            "inputs": [array(a) for a in self.inputs],
            "out": [array(a) for a in self.out],
            "attributes": self.attributes,
        }

    def expected(self) -> list:
        """Return the outputs of the twin in double precision."""
        return [t.numpy() for t in self._run_in_double([_double(a) for a in self.inputs])[1]]

    def check_shader(self, device):
        """Check that the shader on `device` gives the outputs of the twin."""
        outputs = start_case(device, self.to_json())
        self.compare([output.read() for output in outputs])

    def compare(self, outputs):
        """Compare outputs, as bytes, with those of the twin. Integers must be equal."""
        for name, got, want in zip(KERNELS[self.kernel].outputs, outputs, self.expected(), strict=True):
            if want.dtype.kind in "iu":
                np.testing.assert_array_equal(np.frombuffer(got, want.dtype).reshape(want.shape), want, err_msg=name)
            else:
                got = np.frombuffer(got, np.float32).reshape(want.shape)
                scale = np.abs(want[np.isfinite(want)]).max(initial=0.0)
                np.testing.assert_allclose(got, want, rtol=self.rtol, atol=self.atol * scale + 1e-30, err_msg=name)

    def check_gradient(self, step=1e-5, rtol=1e-6):
        """Check the gradient in double precision against central differences along random directions."""
        rng = np.random.default_rng(zlib.crc32(str(self).encode()))
        arrays = [_double(a) for a in self.inputs]
        leaves, outputs = self._run_in_double(arrays)
        weights = rng.standard_normal(outputs[0].shape)
        node = outputs[0].node
        absent = (None,) * len(node.parents)
        gradients = node.kernel.backward(
            tensor(outputs[0].device, weights, weights.shape, "float64"),
            node.saved,
            tuple(parent is not None for parent in node.parents),
            absent,
            absent,
        )
        checked = 0
        for index, (leaf, gradient) in enumerate(zip(leaves, gradients, strict=True)):
            if gradient is None:
                continue
            assert gradient.shape == leaf.shape, f"the gradient of input {index} has shape {gradient.shape}"
            for _ in range(3):
                direction = rng.standard_normal(leaf.shape)
                losses = []
                for sign in (1, -1):
                    shifted = list(arrays)
                    shifted[index] = arrays[index] + sign * step * direction
                    losses.append((self._run_in_double(shifted)[1][0].numpy() * weights).sum())
                numerical = (losses[0] - losses[1]) / (2 * step)
                analytical = (gradient.numpy() * direction).sum()
                size = max(np.abs(gradient.numpy()).sum(), 1.0)
                assert abs(numerical - analytical) <= rtol * size, (index, numerical, analytical)
            checked += 1
        assert checked, "no input got a gradient"

    def _run_in_double(self, arrays):
        """Run on NumPy in float64 and return leaves and outputs; every float input is a leaf of the tape."""
        device = NumpyDevice()
        leaves = []
        for array in arrays:
            leaf = None if array is None else tensor(device, np.ascontiguousarray(array), array.shape, array.dtype.name)
            if leaf is not None and leaf.dtype == "float64":
                leaf.node = Node()
            leaves.append(leaf)
        out = [tensor(device, _double(a), a.shape, _double(a).dtype.name) for a in self.out] or None
        outputs = KERNELS[self.kernel](*leaves, out=out, **self.attributes)
        return leaves, outputs if isinstance(outputs, tuple) else (outputs,)


def _double(array):
    return array.astype(np.float64) if array is not None and array.dtype == np.float32 else array
