"""Learning rate schedules.

The host computes the schedule in double precision and writes it into one tensor, as the run reaches it. A replayed step
reads its own row, and every device reads the same bits.
"""

import dataclasses
import math
from array import array
from collections.abc import Callable, Iterable

from pygpt.nn.parameters import Weights
from pygpt.optim.settings_protocol import OptimSettings
from pygpt.tensor.tensor import ARRAY_CODE, empty

PIECE = 4096  # steps whose rows are written at once, in milliseconds


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A choice of `optim.schedule`: a help text, and a function that returns the learning rate from an OptimConfig,
    `since` (steps since the end of warmup) and `share` (the fraction of the steps after warmup, from 0 to 1)."""

    help: str
    rate: Callable[[OptimSettings, float, float], float]


def _between(config: OptimSettings, share: float) -> float:
    """The rate at this fraction of the way from the lowest to the highest."""
    return config.min_learning_rate + share * (config.learning_rate - config.min_learning_rate)


def _falling(config: OptimSettings, falls: float) -> float:
    """The rate after `falls` reductions, but not below the lowest."""
    lowered: float = config.learning_rate * config.fall_factor**falls
    return max(config.min_learning_rate, lowered)


SCHEDULES = {
    "cosine": Schedule(
        "cosine decay to the lowest rate at the end of the run",
        lambda config, since, share: _between(config, 0.5 * (1.0 + math.cos(math.pi * share))),
    ),
    "linear": Schedule(
        "linear decay to the lowest rate at the end of the run",
        lambda config, since, share: _between(config, 1.0 - share),
    ),
    "constant": Schedule("a constant rate", lambda config, since, share: _between(config, 1.0)),
    "step": Schedule(
        "multiplied by `fall_factor` every `fall_every` steps",
        lambda config, since, share: _falling(config, since // config.fall_every),
    ),
    "exponential": Schedule(
        "like `step`, but decaying a little at every step",
        lambda config, since, share: _falling(config, since / config.fall_every),
    ),
    "rising": Schedule(
        "exponential rise from the lowest rate, for a learning-rate range test",
        lambda config, since, share: (
            config.min_learning_rate * (config.learning_rate / config.min_learning_rate) ** share
        ),
    ),
}


def learning_rate(config: OptimSettings, steps: int, step: int) -> float:
    """The learning rate of step `step` (from 0) in a run of `steps`: linear warmup, then the chosen schedule.

    Source: karpathy/nanoGPT, train.py, get_lr; torch.optim.lr_scheduler.StepLR and ExponentialLR.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / (config.warmup_steps + 1)
    since = step - config.warmup_steps
    return SCHEDULES[config.schedule].rate(config, since, min(1.0, since / max(1, steps - config.warmup_steps)))


class ScheduleTables:
    """The tables of a run of `steps`, on the device of its weights: `rates` (steps, 3), which is `schedule_table`, and
    with weight averaging `shares` (steps,), which is `average_weight_table`.

    Call `prefetch` before each step. It writes PIECE rows at a time, since all rows of a long run take seconds, or most
    of a minute in a tab. The first ones are written at once.
    """

    def __init__(self, weights: Weights, config: OptimSettings, steps: int):
        device, dtype = weights.values.device, weights.values.dtype
        self._device, self._config, self._steps, self._code = device, config, steps, ARRAY_CODE[dtype]
        self._rates = empty(device, (3 * steps,), dtype)
        self.rates = self._rates.reshape(steps, 3)
        self.shares = empty(device, (steps,), dtype) if config.ema else None
        self._piece = range(0)
        self.prefetch(0)

    def prefetch(self, step: int) -> None:
        """Write the rows around that of step `step` (from 0), unless they are there."""
        if step in self._piece:
            return
        start = step - step % PIECE
        piece = self._piece = range(start, min(start + PIECE, self._steps))
        table = schedule_table(self._config, self._steps, self._code, piece)
        self._device.write(self._rates.slice(3 * start, (len(table),)), table)
        if self.shares:
            shares = average_weight_table(self._config, piece, self._code)
            self._device.write(self.shares.slice(start, (len(shares),)), shares)


def average_weight_table(config: OptimSettings, steps: Iterable[int], typecode: str = "f") -> "array[float]":
    """(steps,), as an array of that type: the share of each step's new weights in the average of the weights. `steps`
    are counted from 0.

    It is 1 - ema, but larger in the first steps, so that the initial weights soon lose their influence.
    Source: tf.train.ExponentialMovingAverage with num_updates.
    """
    return array(typecode, (1.0 - min(config.ema, (2 + step) / (11 + step)) for step in steps))


def schedule_table(
    config: OptimSettings, steps: int, typecode: str = "f", piece: Iterable[int] | None = None
) -> "array[float]":
    """(steps, 3), flat, as an array of that type: learning rate, 1 - beta1^t and 1 - beta2^t of each step t from 1; or
    only the rows `piece`, counted from 0."""
    table: array[float] = array(typecode)
    for step in range(steps) if piece is None else piece:
        table.extend(
            (learning_rate(config, steps, step), 1.0 - config.beta1 ** (step + 1), 1.0 - config.beta2 ** (step + 1))
        )
    return table
