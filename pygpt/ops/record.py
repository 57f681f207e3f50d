"""Writing a number down where the host finds it later."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel


@kernel(
    outputs=("history",),
    in_place=True,
    workgroup=(1, 1, 1),
    no_gradient="it keeps what was measured",
    gathers_rows=True,
)
def record(value, step, history):
    """history[step modulo L] = value; history is handed in as `out`, and the rest of it stays as it is.

    Shapes: value, one element; step uint32 (1,); history (L,).
    """
    check(value, history)
    history[step[0] % history.size] = value.reshape(-1)[0]


def check(value, history):
    """Raises ShapeError unless one value goes into a flat history."""
    if value.size != 1 or len(history.shape) != 1:
        raise ShapeError(
            f"record: wanted one value and a history (L,), got {list(value.shape)} and {list(history.shape)}"
        )


@record.overrides
def _(value, step, history):
    check(value, history)
    return {}


@record.threads
def _(value, step, history):
    return 1


@record.traffic
def _(shapes, attributes):
    return 3 * 4  # one element of each operand
