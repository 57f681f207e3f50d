"""The training loop: every metric has the value of its own step, regardless of when a run is halted."""

import asyncio
import math
import time

import pytest

from pygpt.errors import DivergedError
from pygpt.optim.schedules import learning_rate
from pygpt.training.driver import Driver
from tests.tiny_runs import poem_run


def drive(driver, on_event=lambda event: None):
    """Return all metrics of a driver, in the order of its events."""

    async def collect():
        metrics = []
        async for event in driver.events():
            metrics += event.metrics
            on_event(event)
        return metrics

    return asyncio.run(collect())


def test_every_step_is_reported_once_with_its_own_values(cpu):
    run = poem_run(cpu, **{"train.steps": 300, "train.eval_every": 100})
    metrics = drive(Driver(run))
    steps = [metric for metric in metrics if metric.loss is not None]
    assert [metric.step for metric in steps] == list(range(1, 301))
    optim, train = run.experiment.optim, run.experiment.train
    rates = [metric.learning_rate for metric in steps]
    assert rates == [pytest.approx(learning_rate(optim, train.steps, step)) for step in range(300)]
    assert len(set(rates)) > 250  # each step has its own rate, not that of its slice
    assert [metric.step for metric in metrics if metric.val_loss is not None] == [0, 100, 200, 300]


def test_the_speed_is_measured(cpu):
    """`ms_per_step` is the time of the steps without the caller's; `tokens_per_second` is derived from it."""
    run = poem_run(cpu, **{"train.steps": 400, "train.eval_every": 400})
    idled = 0.0

    def idle(event):
        nonlocal idled
        began = time.perf_counter()
        time.sleep(0.02)
        idled += time.perf_counter() - began

    began = time.perf_counter()
    metrics = drive(Driver(run), idle)
    took = time.perf_counter() - began - idled
    last = [metric for metric in metrics if metric.ms_per_step is not None][-1]
    assert 0.2 < last.ms_per_step / (1000 * took / 400) < 1.5
    tokens = run.experiment.train.batch_size * run.experiment.model.block_size
    assert last.tokens_per_second == pytest.approx(1000 * tokens / last.ms_per_step)


@pytest.mark.parametrize("after", [4, 6, 9])
def test_a_halt_loses_no_metrics(cpu, after):
    """The caller halts after some events: the metrics of all steps sent are still read."""
    run = poem_run(cpu, **{"train.steps": 5000, "train.eval_every": 5000})
    driver, seen = Driver(run), []

    def halt_soon(event):
        seen.append(event)
        if len(seen) == after:
            driver.halt()

    metrics = drive(driver, halt_soon)
    assert not driver.ended and 0 < run.step < 5000
    assert [metric.step for metric in metrics if metric.loss is not None] == list(range(1, run.step + 1))


def test_a_diverging_run_yields_the_finite_losses(cpu):
    run = poem_run(
        cpu, **{"train.steps": 400, "optim.learning_rate": 100.0, "optim.warmup_steps": 0, "optim.weight_decay": 10.0}
    )
    metrics = []
    with pytest.raises(DivergedError, match="learning rate"):
        asyncio.run(_collect(Driver(run), metrics))
    losses = [metric.loss for metric in metrics if metric.loss is not None]
    assert losses and all(map(math.isfinite, losses))


async def _collect(driver, metrics):
    async for event in driver.events():
        metrics += event.metrics
