"""Learning-rate schedules.

The whole schedule is worked out on the host in double precision and handed over as one tensor: a replayed step reads
its own row, and every device reads the same bits.
"""

import dataclasses
import math
from array import array
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A choice of `optim.schedule`: a sentence of help, and the learning rate from an OptimConfig, `since` (steps since
    warm-up ended) and `share` (what part of the steps after warm-up that is, from 0 to 1)."""

    help: str
    rate: Callable[..., float]


def _between(config, share: float) -> float:
    """The rate that lies this share of the way from the lowest to the highest."""
    return config.min_learning_rate + share * (config.learning_rate - config.min_learning_rate)


def _falling(config, falls: float) -> float:
    """The rate after so many falls, down to the lowest."""
    return max(config.min_learning_rate, config.learning_rate * config.fall_factor**falls)


SCHEDULES = {
    "cosine": Schedule(
        "half a cosine, down to the lowest rate at the end of the run",
        lambda config, since, share: _between(config, 0.5 * (1.0 + math.cos(math.pi * share))),
    ),
    "linear": Schedule(
        "a straight line, down to the lowest rate at the end of the run",
        lambda config, since, share: _between(config, 1.0 - share),
    ),
    "constant": Schedule("the same rate throughout", lambda config, since, share: _between(config, 1.0)),
    "step": Schedule(
        "times `fall_factor` after every `fall_every` steps",
        lambda config, since, share: _falling(config, since // config.fall_every),
    ),
    "exponential": Schedule(
        "as `step`, a little at each step",
        lambda config, since, share: _falling(config, since / config.fall_every),
    ),
}


def learning_rate(config, steps: int, step: int) -> float:
    """The learning rate of step `step` (from 0) in a run of `steps`: a linear rise, then the chosen schedule.

    Source: karpathy/nanoGPT, train.py, get_lr; torch.optim.lr_scheduler.StepLR and ExponentialLR.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / (config.warmup_steps + 1)
    since = step - config.warmup_steps
    return SCHEDULES[config.schedule].rate(config, since, min(1.0, since / max(1, steps - config.warmup_steps)))


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
