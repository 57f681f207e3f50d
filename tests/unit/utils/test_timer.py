"""How coarse the clock is, which a browser decides; and what is timed by a coarse one."""

import asyncio
import itertools
from types import SimpleNamespace

import pytest

from pygpt.analysis import bench
from pygpt.session import progress as reporting
from pygpt.training import driver
from pygpt.utils import timer as clock
from pygpt.utils.timer import tick
from tests.tiny_runs import finish, poem_run


@pytest.fixture(autouse=True)
def forgetful():
    """Neither what was measured before, nor what is measured here, is remembered."""
    tick.cache_clear()
    yield
    tick.cache_clear()


def test_this_clock_is_finer_than_a_tabs():
    assert 0 < tick() < 1e-4


@pytest.mark.parametrize("step", [0.001, 0.0001])
def test_the_step_of_a_coarse_clock_is_found(step, monkeypatch):
    reading = itertools.count()
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: next(reading) // 40 * step))
    assert tick() == pytest.approx(step)


def test_a_benchmark_puts_together_what_the_clock_cannot_tell_apart(cpu, monkeypatch):
    experiment = bench.bench_experiment("bigram", batch_size=1)
    monkeypatch.setattr(bench, "tick", lambda: 1e6)
    found = asyncio.run(bench.time_training(experiment, cpu, steps=20, warmup=1))
    assert len(found.steps) == 1 and found.steps[0] > 0  # nothing takes long enough, and the longest is kept


def stopped(monkeypatch, module):
    """A clock that does not move while this is done, as one of a millisecond does not within a step of a small model."""
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: 1.0))
    monkeypatch.setattr(module, "tick", lambda: 0.001)


def test_steps_that_took_no_time_are_timed(monkeypatch):
    stopped(monkeypatch, driver)
    timer = driver.StepTimer(tokens_per_step=10)
    timer.add(1, evaluated=False)
    assert timer.milliseconds == 1.0 and timer.metrics() == {"ms_per_step": 1.0, "tokens_per_second": 10_000.0}


def test_steps_that_took_no_time_are_sent(cpu, monkeypatch):
    stopped(monkeypatch, reporting)
    run, sent = poem_run(cpu), []
    reporter = reporting.ProgressReporter(sent.append, run)
    reporter.take(finish(run))
    reporter.send(last=True)
    progress = next(event for event in sent if event.type == "progress")
    assert progress.steps == [*range(1, 13)] and progress.seconds_left == 0
