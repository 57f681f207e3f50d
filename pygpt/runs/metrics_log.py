"""The lines of metrics.jsonl: one training step each."""

import contextlib
import json
import math
from collections.abc import Iterable, Iterator

from pygpt.training.loss_curve import LossCurve
from pygpt.training.metrics import METRICS, Metric

LONGEST_LINE = 1 << 16  # bytes; a line of metrics takes a few hundred


def lines_of(metrics: Iterable[Metric], every: int) -> list[str]:
    """The lines of every `every`-th step and of each evaluation. The evaluation before the first step has none."""
    steps = (metric for metric in metrics if metric.step)
    return [line_of(metric) for metric in steps if metric.val_loss is not None or metric.step % every == 0]


def line_of(metric: Metric) -> str:
    """A metric as a line."""
    return json.dumps(metric.line()) + "\n"


def read_lines(lines: Iterable[bytes]) -> Iterator[Metric]:
    """The metrics in the lines of a log, without those that a crash cut short, or that are no metrics."""
    for line in lines:
        with contextlib.suppress(ValueError, RecursionError):
            yield Metric.from_line(json.loads(line))


def completed(logged: list[Metric], curve: LossCurve) -> list[Metric]:
    """Logged metrics, and the evaluations of the run's curve that the log lacks, such as the one before the first step;
    without a log, also the training losses of the curve."""
    evaluated = {metric.step for metric in logged if metric.val_loss is not None}
    rows = logged or [Metric(step, loss, steps_averaged=count) for step, loss, count in curve.training]
    missing = [
        Metric(step, val_loss=loss, accuracy=accuracy)
        for step, loss, accuracy in curve.validation
        if step not in evaluated
    ]
    return sorted([*rows, *missing], key=lambda metric: metric.step)


def columns_of(metrics: Iterable[Metric], most: int) -> dict[str, list[float | None]]:
    """The metrics of training steps as a column for each that was measured, and one of steps: at most `most` rows,
    evenly spaced; the last one is among them."""
    steps = [metric for metric in metrics if metric.loss is not None]
    rows = steps[:: -max(1, math.ceil(len(steps) / most))][::-1]
    columns = {name: [getattr(row, name) for row in rows] for name in ("step", *(field.name for field in METRICS))}
    return {name: column for name, column in columns.items() if any(value is not None for value in column)}


def logged_steps(run) -> int:
    """The steps of a run whose lines are complete: the last one's comes again if the run was saved before the
    evaluation of that step had ended."""
    held = run.metrics.held
    again = held is not None and held.step == run.step > run.metrics.taken
    return run.step - 1 if again else run.step
