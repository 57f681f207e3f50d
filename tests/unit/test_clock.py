"""How coarse the clock is, which a browser decides; and what is timed by a coarse one."""

import asyncio
import itertools
from types import SimpleNamespace

import pytest

from pygpt import bench, clock
from pygpt.clock import tick


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
