"""The lines of metrics.jsonl: one training step each."""

import contextlib
import json
from collections.abc import Iterable, Iterator

from pygpt.training.metrics import Metric

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


def logged_steps(run) -> int:
    """The steps of a run whose lines are complete: the last one's comes again if the run was saved before the
    evaluation of that step had ended."""
    held = run.metrics.held
    again = held is not None and held.step == run.step > run.metrics.taken
    return run.step - 1 if again else run.step
