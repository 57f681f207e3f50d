"""The learning rate over a run.

The whole schedule is worked out on the host in double precision and handed over as one tensor: a replayed step reads
its own row, and every device reads the same bits.
"""

import math
from array import array


def learning_rate(config, steps: int, step: int) -> float:
    """The step size of step `step` (from 0) in a run of `steps`: a linear rise, then the chosen fall.

    "cosine" and "linear" reach the lowest step size at the end of the run. "step" and "exponential" multiply by
    `fall_factor` for every `fall_every` steps after the rise, at once or a little each step, down to the lowest.
    Source: karpathy/nanoGPT, train.py, get_lr; torch.optim.lr_scheduler.StepLR and ExponentialLR.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / (config.warmup_steps + 1)
    since = step - config.warmup_steps
    if config.schedule in ("step", "exponential"):
        falls = since // config.fall_every if config.schedule == "step" else since / config.fall_every
        return max(config.min_learning_rate, config.learning_rate * config.fall_factor**falls)
    share = min(1.0, since / max(1, steps - config.warmup_steps))
    fall = {"cosine": 0.5 * (1.0 + math.cos(math.pi * share)), "linear": 1.0 - share, "constant": 1.0}[config.schedule]
    return config.min_learning_rate + fall * (config.learning_rate - config.min_learning_rate)


def average_table(config, steps: int, typecode: str = "f") -> array:
    """(steps,), as an array of that type: the share of each step's new weights in the average of the weights.

    That is 1 - ema, and more in the first steps, so that the average soon forgets where the weights began.
    Source: tf.train.ExponentialMovingAverage with num_updates.
    """
    return array(typecode, (1.0 - min(config.ema, (1 + step) / (10 + step)) for step in range(1, steps + 1)))


def schedule_table(config, steps: int, typecode: str = "f") -> array:
    """(steps, 3), flat, as an array of that type: learning rate, 1 - beta1^t and 1 - beta2^t of each step, where t counts from 1."""
    table = array(typecode)
    for step in range(steps):
        table.extend(
            (learning_rate(config, steps, step), 1.0 - config.beta1 ** (step + 1), 1.0 - config.beta2 ** (step + 1))
        )
    return table
