"""Groups of runs that differ in their seed alone, and the mean and the spread of their losses."""

import dataclasses
import statistics
from collections.abc import Iterable, Sequence

from pygpt.config.experiment import Experiment
from pygpt.runs.differences import settings


@dataclasses.dataclass(frozen=True)
class Spread:
    """A value of several runs: its mean, the lowest and the highest one, and the standard deviation of the sample (with
    n - 1; 0 for one run). `runs` is how many have it."""

    mean: float
    low: float
    high: float
    deviation: float
    runs: int


def group_by_seed(runs: Iterable[tuple[Experiment, str]]) -> list[list[int]]:
    """The indices of the runs in groups: those of a group have the same settings, apart from their seed, and the same
    second item, such as the SHA-256 of their text. Groups and their members keep the order of the runs."""
    groups: dict[str, list[int]] = {}
    for index, (experiment, other) in enumerate(runs):
        key = {name: value for name, value in settings(experiment).items() if name != "train.seed"}
        groups.setdefault(repr((key, other)), []).append(index)
    return [*groups.values()]


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least one value."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return Spread(statistics.fmean(values), min(values), max(values), deviation, len(values))


def band(curves: Iterable[Iterable[tuple[int, float]]]) -> list[tuple[int, Spread]]:
    """The spread at the steps that the curves share, in order. A curve is (step, loss) in the order of its steps.

    A run that has not come as far as a step does not count there, so the band of a group grows while one of its runs
    trains; a step that a run has passed without a value is left out.
    """
    found = [dict(curve) for curve in curves]
    found = [curve for curve in found if curve]
    ends = [max(curve) for curve in found]
    rows = []
    for step in sorted(set().union(*found)):
        values = [curve.get(step) for curve, end in zip(found, ends, strict=True) if end >= step]
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            rows.append((step, spread(known)))
    return rows
