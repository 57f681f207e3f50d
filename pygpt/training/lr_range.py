"""The learning-rate range test: one short run whose rate rises exponentially, until the loss has diverged.

Source: Smith, "Cyclical Learning Rates for Training Neural Networks", section 3.3 (arXiv:1506.01186); the exponential
rise, the smoothing, the end and the suggestion are those of fastai's LRFinder (docs.fast.ai/callback.schedule.html).
"""

import dataclasses
import math
from collections.abc import AsyncGenerator, Sequence

from pygpt.config.experiment import Experiment
from pygpt.errors import DivergedError
from pygpt.training.driver import Driver
from pygpt.training.run import Run

LOWEST, HIGHEST = 1e-6, 1.0  # the rates of the first step, and after the last one
STEPS = 100
SMOOTHING = 0.1  # weight of a new loss in the smoothed loss
DIVERGED = 4.0  # a smoothed loss of this many times the lowest one ends the test
SAFETY = 10.0  # a rate that trains well is this many times smaller than the one with the lowest smoothed loss
FALLEN = 0.99  # a smoothed loss below this part of the one at the beginning has fallen
SLOPE = 5  # steps before and after the one whose slope is measured
SKIPPED = STEPS // 10  # the first steps: their smoothed loss is that of a few batches


@dataclasses.dataclass(frozen=True)
class RangeTest:
    """The result, or what is known of it so far. The lists have a value for each step, until the loss diverged.

    `lowest` is the rate at which the smoothed loss was lowest, `steepest` the one before it at which it fell fastest.
    `suggested` is the smaller of `steepest` and a tenth of `lowest`: where a loss flattens out and does not rise, its
    minimum alone suggests too much. All three are None if the loss did not fall.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    lowest: float | None
    steepest: float | None
    suggested: float | None
    diverged: bool


def range_experiment(experiment: Experiment) -> Experiment:
    """The settings of the test of an experiment: all but the learning rate, its schedule and the length stays."""
    return experiment.with_fields(
        **{
            "optim.schedule": "rising",
            "optim.warmup_steps": 0,
            "optim.min_learning_rate": LOWEST,
            "optim.learning_rate": HIGHEST,
            "train.steps": STEPS,
            "train.eval_every": STEPS,  # the test looks at no validation loss
            "train.eval_batches": 1,
        }
    )


def evaluate_range(rates: Sequence[float], losses: Sequence[float]) -> RangeTest:
    """What the losses of the steps so far say; a loss that is not finite has diverged."""
    kept: list[float] = []
    smoothed: list[float] = []
    average, diverged = 0.0, False
    for count, loss in enumerate(losses, 1):
        average += SMOOTHING * (loss - average)
        corrected = average / (1.0 - (1.0 - SMOOTHING) ** count)  # without the 0 that it began with
        diverged = not math.isfinite(corrected) or (count > 1 and corrected > DIVERGED * min(smoothed))
        if diverged:
            break
        kept.append(loss)
        smoothed.append(corrected)
    shown = [float(f"{rate:.6g}") for rate in rates[: len(kept)]]  # the last digits of a power differ between machines
    middle = range(SKIPPED, len(kept) - SLOPE)
    least = min(range(SKIPPED, len(kept)), key=lambda index: smoothed[index], default=0)
    steep = min(middle, key=lambda index: smoothed[index + SLOPE] - smoothed[index - SLOPE], default=0)
    if not SKIPPED < steep <= least or smoothed[least] > FALLEN * smoothed[SKIPPED]:
        return RangeTest(shown, kept, smoothed, None, None, None, diverged)
    lowest, steepest = _two_digits(shown[least]), _two_digits(shown[steep])
    return RangeTest(shown, kept, smoothed, lowest, steepest, min(steepest, _two_digits(lowest / SAFETY)), diverged)


async def find_range(run: Run) -> AsyncGenerator[RangeTest, None]:
    """Train a new run of a `range_experiment`, and yield the result so far as its losses are read; the last is final.

    Raises: DeviceLost.
    """
    driver = Driver(run)
    rates: list[float] = []
    losses: list[float] = []
    result = evaluate_range(rates, losses)
    diverged = False
    try:
        async for event in driver.events():
            for metric in event.metrics:
                if metric.loss is not None and metric.learning_rate is not None:
                    rates.append(metric.learning_rate)
                    losses.append(metric.loss)
            result = evaluate_range(rates, losses)
            if result.diverged:
                driver.halt()
            else:
                yield result
    except DivergedError:
        diverged = True
    yield dataclasses.replace(result, diverged=diverged or result.diverged)


def _two_digits(rate: float) -> float:
    return float(f"{rate:.2g}")
