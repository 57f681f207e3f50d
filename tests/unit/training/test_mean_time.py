"""The mean time of a step: weighted by age, without the time in which the machine slept."""

import math
from types import SimpleNamespace

import pytest

from pygpt.training import driver
from pygpt.training.mean_time import MeanTime


def test_later_steps_weigh_more():
    mean = MeanTime(time_constant=2.0)
    assert mean.seconds is None
    mean.add(1.0, 10)
    assert mean.seconds == 0.1
    mean.add(2.0, 5)
    decay = math.exp(-2.0 / 2.0)
    assert mean.seconds == (decay * 1.0 + 2.0) / (decay * 10 + 5)


@pytest.mark.parametrize("sleep", [30.0, 3600.0, 60 * 3600.0])
def test_a_gap_is_left_out(sleep):
    mean = MeanTime(8.0)
    for interval in [0.1] * 50 + [sleep] + [0.1] * 50:
        mean.add(interval, 2)
        assert mean.seconds == pytest.approx(0.05)


def test_slow_steps_are_not_a_gap():
    """A device that becomes a hundred times slower is timed from its second slow step on, a slow one from its first."""
    mean = MeanTime(8.0)
    for _ in range(50):
        mean.add(0.1, 1)
    for _ in range(8):
        mean.add(10.0, 1)
    assert mean.seconds == pytest.approx(10.0, rel=0.2)
    slow = MeanTime(8.0)
    for seconds in (40.0, 90.0, 60.0):
        slow.add(seconds, 1)
        assert slow.seconds == pytest.approx(seconds, rel=0.02)


def test_the_speed_is_right_after_sleep(monkeypatch):
    """The timer of the training loop, with a clock that goes on while the machine sleeps."""
    now = 0.0
    monkeypatch.setattr(driver, "time", SimpleNamespace(perf_counter=lambda: now))
    timer = driver.StepTimer(tokens_per_step=10)
    for step in range(40):
        now += 7200.0 if step == 30 else 0.25
        timer.add(5, untimed=False)
        assert timer.metrics() == {"ms_per_step": pytest.approx(50.0), "tokens_per_second": pytest.approx(200.0)}
