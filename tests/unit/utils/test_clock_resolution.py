"""The resolution of the clock, which a browser can make coarse, and timings taken with a coarse clock."""

import asyncio
import itertools
from types import SimpleNamespace

import pytest

from pygpt.analysis import bench
from pygpt.session import progress as reporting
from pygpt.training import driver
from pygpt.utils import clock_resolution as clock
from pygpt.utils.clock_resolution import clock_resolution
from tests.tiny_runs import finish, poem_run


@pytest.fixture(autouse=True)
def fresh_tick():
    """Clear the cached resolution before and after each test."""
    clock_resolution.cache_clear()
    yield
    clock_resolution.cache_clear()


def test_the_native_clock_is_finer_than_a_tabs():
    assert 0 < clock_resolution() < 1e-4


@pytest.mark.parametrize("step", [0.001, 0.0001])
def test_tick_measures_the_step_of_a_coarse_clock(step, monkeypatch):
    readings = itertools.count()
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: next(readings) // 40 * step))
    assert clock_resolution() == pytest.approx(step)


def test_a_benchmark_times_steps_together_on_a_coarse_clock(cpu, monkeypatch):
    experiment = bench.bench_experiment("bigram", batch_size=1)
    monkeypatch.setattr(bench, "clock_resolution", lambda: 1e6)
    timing = asyncio.run(bench.time_training(experiment, cpu, steps=20, warmup=1))
    assert len(timing.steps) == 1 and timing.steps[0] > 0  # no step takes long enough, so the longest is kept


def stop_clock(monkeypatch, module):
    """Make a module's clock stand still, as a clock of 1 ms does during a step of a small model."""
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: 1.0))
    monkeypatch.setattr(module, "clock_resolution", lambda: 0.001)


def test_steps_within_one_tick_are_timed(monkeypatch):
    stop_clock(monkeypatch, driver)
    timer = driver.StepTimer(tokens_per_step=10)
    timer.add(1, untimed=False)
    assert timer.milliseconds == 1.0 and timer.metrics() == {"ms_per_step": 1.0, "tokens_per_second": 10_000.0}


def test_steps_within_one_tick_are_sent(cpu, monkeypatch):
    stop_clock(monkeypatch, reporting)
    run, sent = poem_run(cpu), []
    reporter = reporting.ProgressReporter(sent.append, run)
    reporter.add(finish(run))
    reporter.send(last=True)
    progress = next(event for event in sent if event.type == "progress")
    assert progress.steps == [*range(1, 13)] and progress.seconds_left == 0
