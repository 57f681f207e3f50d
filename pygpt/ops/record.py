"""Store a number on the device, for the host to read later."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel


@kernel(
    outputs=("history",),
    in_place=True,
    workgroup=(1, 1, 1),
    no_gradient="it stores measurements",
    gathers_rows=True,
)
def record(value, step, history):
    """history[step modulo L] = value; history is passed as `out`, and the rest of it does not change.

    Shapes: value, one element; step uint32 (1,); history (L,).
    """
    check(value, history)
    history[step[0] % history.size] = value.reshape(-1)[0]


def check(value, history):
    """Raise ShapeError unless value is one element and history is flat."""
    if value.size != 1 or len(history.shape) != 1:
        raise ShapeError(
            f"record: expected one value and a history (L,), got {list(value.shape)} and {list(history.shape)}"
        )


@record.overrides
def _(value, step, history):
    check(value, history)
    return {}


@record.threads
def _(value, step, history):
    return 1


@record.bytes_moved
def _(shapes, attributes):
    return 3 * 4  # one element of each operand
