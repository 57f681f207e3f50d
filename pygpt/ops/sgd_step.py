"""The parameter update of every optimizer except Adam, whose kernel includes it."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np


@kernel(
    outputs=("parameter",),
    in_place=True,
    no_gradient="it consumes gradients",
    operations=3,
    gathers_rows=True,  # it reads one row of the schedule
)
def sgd_step(direction, scale, schedule, step, parameter, *, weight_decay, decayed):
    """parameter = parameter - learning_rate * (scale * direction + weight_decay * parameter), passed as `out`.

    Only the first `decayed` elements decay. learning_rate is the first number of row `step` of the schedule, or of its
    last row if `step` is past the end.

    Shapes: direction (N,); scale (1,); schedule (S, 3); step uint32 (1,); parameter (N,).
    """
    check(direction, schedule, parameter)
    learning_rate = schedule[min(int(step[0]), len(schedule) - 1), 0]
    parameter[:decayed] *= 1 - learning_rate * weight_decay
    parameter -= np.multiply(direction, learning_rate * scale)


def check(direction, schedule, parameter):
    """Raise ShapeError unless direction and parameter are flat and of equal length and the schedule is (S, 3)."""
    if direction.shape != parameter.shape or len(parameter.shape) != 1 or schedule.shape[1:] != (3,):
        raise ShapeError(
            f"sgd_step: expected direction and parameter (N,) and a schedule (S, 3), got {list(direction.shape)}, "
            f"{list(parameter.shape)} and {list(schedule.shape)}"
        )


@sgd_step.overrides
def _(direction, scale, schedule, step, parameter, *, weight_decay, decayed):
    check(direction, schedule, parameter)
    return {"WEIGHT_DECAY": float(weight_decay), "DECAYED": decayed}
