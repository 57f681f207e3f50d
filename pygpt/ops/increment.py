"""A step counter on the device, so that replaying a step needs no new input."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np


@kernel(outputs=("step",), in_place=True, workgroup=(1, 1, 1), no_gradient="it counts")
def increment(step, *, amount=1):
    """step += amount; step is passed as `out`.

    Shapes: step uint32 (1,).
    """
    check(step)
    step += np.uint32(amount)


def check(step):
    """Raise ShapeError unless step is one number (1,)."""
    if step.shape != (1,):
        raise ShapeError(f"increment: expected a step (1,), got {list(step.shape)}")


@increment.overrides
def _(step, *, amount):
    check(step)
    return {"AMOUNT": amount}
