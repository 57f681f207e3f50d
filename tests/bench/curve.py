"""How far the losses of one experiment drift apart between devices."""

from tests.e2e import test_same_curve


def measure():
    """Print the largest difference between NumPy and each other device over 50 steps of `small`."""
    from pygpt.devices import open_device

    first, reference = test_same_curve.native_curve(open_device("numpy"))
    other_first, other = test_same_curve.native_curve(open_device("webgpu"))
    print(f"native: initial weights and first batch {'the same bits' if first == other_first else 'DIFFER'}, "
          f"losses differ by at most {max(abs(a - b) for a, b in zip(reference, other)):.2e}")
