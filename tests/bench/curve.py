"""Measure how far the losses of one experiment differ between NumPy and the native WebGPU device."""

from pygpt.devices import open_device
from tests.e2e import test_same_curve


def measure():
    """Print the largest difference between NumPy and WebGPU over 50 steps of `small`."""
    first, reference = test_same_curve.native_curve(open_device("numpy"))
    other_first, other = test_same_curve.native_curve(open_device("webgpu"))
    print(
        f"native: initial weights and first batch {'bit-identical' if first == other_first else 'DIFFER'}, "
        f"losses differ by at most {max(abs(a - b) for a, b in zip(reference, other)):.2e}"
    )
