"""Groups of runs that differ in their seed, and the spread of their losses."""

import pytest

from pygpt.config.experiment import Experiment
from pygpt.runs.groups import band, group_by_seed, spread

BASE = Experiment.preset("baby")


def test_runs_that_differ_in_their_seed_alone_are_a_group():
    runs = [
        (BASE.with_fields(**{"optim.learning_rate": rate, "train.seed": seed}), text)
        for seed in (1, 2)
        for rate, text in ((1e-3, "a"), (3e-3, "a"), (3e-3, "b"))
    ]
    assert group_by_seed(runs) == [[0, 3], [1, 4], [2, 5]]
    assert group_by_seed([]) == []


def test_the_spread_of_values():
    found = spread([1.0, 2.0, 6.0])
    assert (found.mean, found.low, found.high, found.runs) == (3.0, 1.0, 6.0, 3)
    assert found.deviation == pytest.approx(7**0.5)
    assert spread([2.5]).deviation == 0.0


def test_a_band_has_the_steps_that_the_runs_share():
    rows = band([[(10, 4.0), (20, 3.0), (30, 2.0)], [(10, 2.0), (15, 9.0), (20, 1.0)], []])
    assert [(step, each.mean, each.runs) for step, each in rows] == [(10, 3.0, 2), (20, 2.0, 2), (30, 2.0, 1)]
    assert (rows[0][1].low, rows[0][1].high) == (2.0, 4.0)
    assert band([]) == band([[]]) == []
