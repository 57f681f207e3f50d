"""How coarse the clock is, which a browser decides; and what is timed by a coarse one."""

import asyncio
import itertools
from types import SimpleNamespace

import pytest

from pygpt.analysis import bench
from pygpt.session import progress as reporting
from pygpt.training import poll_interval as pace
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


def test_a_step_that_took_no_time_paces_the_next_ones_all_the_same(monkeypatch):
    stopped(monkeypatch, pace)
    looks = pace.Pace(0)
    looks.looked(1, False)
    assert looks.milliseconds == 1.0 and not looks.is_due(2) and looks.is_due(3)


def test_steps_that_took_no_time_are_told(cpu, monkeypatch):
    stopped(monkeypatch, reporting)
    run, told = poem_run(cpu), []
    writing = reporting.Log(told.append, run)
    writing.take(finish(run))
    writing.tell(last=True)
    progress = next(event for event in told if event["type"] == "progress")
    assert 0 < progress["ms_per_step"] <= 1.0 and progress["tokens_per_second"] < float("inf")
