"""AdamW: one step of the optimizer on all parameters at once."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np, scratch

# The twin processes this many elements at a time: its five arrays of this length stay in the CPU caches.
BLOCK = 1 << 16


@kernel(
    outputs=("parameter", "first_moment", "second_moment"),
    in_place=True,
    no_gradient="it consumes gradients",
    operations=12,
    gathers_rows=True,  # it reads one row of the schedule
)
def adamw(
    gradient,
    scale,
    schedule,
    step,
    parameter,
    first_moment,
    second_moment,
    *,
    beta1,
    beta2,
    epsilon,
    weight_decay,
    decayed,
    coupled=False,
):
    """Run one step of Adam with decoupled weight decay; the three outputs are passed as `out` and updated in place.

        g = gradient * scale
        parameter -= learning_rate * weight_decay * parameter           (elements before `decayed` only)
        first_moment = beta1 * first_moment + (1 - beta1) * g
        second_moment = beta2 * second_moment + (1 - beta2) * g^2
        parameter -= learning_rate / bias1 * first_moment / (sqrt(second_moment) / sqrt(bias2) + epsilon)

    If `coupled`, the decay is added to the gradient instead: g = gradient * scale + weight_decay * parameter.
    learning_rate, bias1 = 1 - beta1^t and bias2 = 1 - beta2^t are row `step` of the schedule, or its last row if `step`
    is past the end.

    Shapes: gradient (N,); scale (1,); schedule (S, 3); step uint32 (1,); parameter, first_moment, second_moment (N,).
    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2, in the order of
        torch.optim.AdamW, and torch.optim.Adam if coupled.
    """
    check(gradient, schedule, parameter, first_moment, second_moment)
    learning_rate, bias1, bias2 = schedule[min(int(step[0]), len(schedule) - 1)]
    decay_factor, step_size, inverse_root = 1 - learning_rate * weight_decay, learning_rate / bias1, 1 / np.sqrt(bias2)
    if not coupled:
        parameter[:decayed] *= decay_factor
    for start in range(0, gradient.size, BLOCK):
        block = slice(start, start + BLOCK)
        m, v = first_moment[block], second_moment[block]
        g = np.multiply(gradient[block], scale, out=scratch("gradient", m.shape, m.dtype))
        if coupled and start < decayed:
            g[: decayed - start] += weight_decay * parameter[start : min(start + BLOCK, decayed)]
        m *= beta1
        m += np.multiply(g, 1 - beta1, out=scratch("share", m.shape, m.dtype))
        v *= beta2
        np.multiply(g, g, out=g)
        g *= 1 - beta2
        v += g
        np.sqrt(v, out=g)
        g *= inverse_root
        g += epsilon
        np.divide(m, g, out=g)
        g *= step_size
        parameter[block] -= g


def check(gradient, schedule, *updated):
    """Raise ShapeError unless the schedule is (S, 3) and all other tensors are flat and of equal length."""
    if len(schedule.shape) != 2 or schedule.shape[1] != 3:
        raise ShapeError(
            f"adamw: expected a schedule (S, 3) of learning rate and both bias corrections, got {list(schedule.shape)}"
        )
    if any(tensor.shape != gradient.shape or len(tensor.shape) != 1 for tensor in updated):
        raise ShapeError(
            f"adamw: expected gradient, parameter and both moments flat and of equal length, got "
            f"{', '.join(str(list(tensor.shape)) for tensor in (gradient, *updated))}"
        )


@adamw.overrides
def _(
    gradient,
    scale,
    schedule,
    step,
    parameter,
    first_moment,
    second_moment,
    *,
    beta1,
    beta2,
    epsilon,
    weight_decay,
    decayed,
    coupled,
):
    check(gradient, schedule, parameter, first_moment, second_moment)
    # 1 - beta is computed here in double precision: in float32, 1 - 0.999 has a relative error of 5e-5.
    return {
        "BETA1": float(beta1),
        "REST1": 1.0 - beta1,
        "BETA2": float(beta2),
        "REST2": 1.0 - beta2,
        "EPSILON": float(epsilon),
        "WEIGHT_DECAY": float(weight_decay),
        "DECAYED": decayed,
        "COUPLED": coupled,
    }


@adamw.threads
def _(gradient, scale, schedule, step, parameter, *others, **attributes):
    return -(-parameter.size // 4)
