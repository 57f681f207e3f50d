"""The training loop: every metric has the value of its own step, regardless of when a run is halted."""

import asyncio
import math
import time
from array import array

import pytest

from pygpt.analysis.bench import median
from pygpt.analysis.profile import profile
from pygpt.errors import DivergedError
from pygpt.nn.parameters import RngState
from pygpt.ops.threefry import BATCH
from pygpt.optim.schedules import learning_rate
from pygpt.tensor.tensor import tensor
from pygpt.training.driver import Driver
from pygpt.training.run import Run
from tests.tiny_runs import poem_run


@pytest.fixture(params=["blocking", "pipelined"])
def either(cpu, request):
    """A device whose reads block, and one whose reads are taken a slice later, as in a tab."""
    cpu.blocking_reads = request.param == "blocking"
    return cpu


def drive(driver, on_event=lambda event: None):
    """Return all metrics of a driver, in the order of its events."""

    async def collect():
        metrics = []
        async for event in driver.events():
            metrics += event.metrics
            on_event(event)
        return metrics

    return asyncio.run(collect())


def test_every_step_is_reported_once_with_its_own_values(either):
    run = poem_run(either, **{"train.steps": 300, "train.eval_every": 100})
    evaluated_at = []
    metrics = drive(Driver(run), lambda event: evaluated_at.append(run.step) if event.evaluated else None)
    assert evaluated_at == [0, 100, 200, 300]
    steps = [metric for metric in metrics if metric.loss is not None]
    assert [metric.step for metric in steps] == list(range(1, 301))
    optim, train = run.experiment.optim, run.experiment.train
    rates = [metric.learning_rate for metric in steps]
    assert rates == [pytest.approx(learning_rate(optim, train.steps, step)) for step in range(300)]
    assert len(set(rates)) > 250  # each step has its own rate, not that of its slice
    assert [metric.step for metric in metrics if metric.val_loss is not None] == [0, 100, 200, 300]


def test_padding_is_no_speed(cpu):
    """Of documents, the speed counts the tokens that are predicted: on average as many as there are in many batches."""
    changes = {"train.steps": 3, "data.layout": "documents", "model.block_size": 5, "train.batch_size": 7}
    for accumulation in (1, 2):
        run = poem_run(cpu, **changes | {"train.accumulation": accumulation})
        last = [metric for metric in drive(Driver(run)) if metric.ms_per_step is not None][-1]
        tokens = last.tokens_per_second * last.ms_per_step / 1000
        drawn = 0
        for step in range(200):
            rng = RngState(tensor(cpu, [1], dtype="uint32"), tensor(cpu, [step], dtype="uint32"))
            targets = run.train_batches.next_batch(rng, BATCH)[1]
            drawn += accumulation * sum(token >= 0 for token in array("i", cpu.read(targets)))
        assert tokens == pytest.approx(drawn / 200, rel=0.02) and tokens < 0.95 * accumulation * 7 * 5


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


def test_the_training_time_goes_on_in_a_run_that_is_restored(cpu):
    """It grows with each step, has no time of the caller's, and is unknown after steps whose time nobody noted."""
    run, began = poem_run(cpu, **{"train.steps": 300, "train.eval_every": 300}), time.perf_counter()
    metrics = drive(Driver(run), lambda event: time.sleep(0.02))
    times = [metric.seconds for metric in metrics if metric.loss is not None]
    assert times == sorted(times) and len(set(times)) > 200 and 0 < times[-1] < time.perf_counter() - began
    longer = Run.restore(run.checkpoint(), cpu, steps=310)
    first = next(metric.seconds for metric in drive(Driver(longer)) if metric.seconds is not None)
    assert times[-1] < first < times[-1] + 5
    longer = Run.restore(run.checkpoint().replace(b"training_seconds", b"unknown_property"), cpu, steps=310)
    assert {metric.seconds for metric in drive(Driver(longer))} == {None}


@pytest.mark.parametrize("after", [4, 6, 9])
def test_a_halt_loses_no_metrics(either, after):
    """The caller halts after some events: the metrics of all steps sent are still read."""
    run = poem_run(either, **{"train.steps": 5000, "train.eval_every": 5000})
    driver, seen = Driver(run), []

    def halt_soon(event):
        seen.append(event)
        if len(seen) == after:
            driver.halt()

    metrics = drive(driver, halt_soon)
    assert not driver.ended and 0 < run.step < 5000
    assert [metric.step for metric in metrics if metric.loss is not None] == list(range(1, run.step + 1))


def test_an_evaluation_is_not_in_the_time_of_a_step(cpu, monkeypatch):
    run = poem_run(cpu, **{"train.steps": 60, "train.eval_every": 10})
    step, evaluate, took = run.training_step, run._evaluate_once, []

    def slow_step():
        began = time.perf_counter()
        step()
        time.sleep(0.01)
        took.append(1000 * (time.perf_counter() - began))

    monkeypatch.setattr(run, "training_step", slow_step)
    monkeypatch.setattr(run, "_evaluate_once", lambda: (evaluate(), time.sleep(0.03)))
    last = [metric.ms_per_step for metric in drive(Driver(run)) if metric.ms_per_step is not None][-1]
    assert 0.6 < last / median(took) < 1.6


@pytest.mark.parametrize("halts", [False, True])
def test_steps_that_the_caller_takes_are_read_and_not_timed(either, halts):
    """A profile takes steps between two events, and a halt can be requested meanwhile."""
    run = poem_run(either, **{"train.steps": 200, "train.eval_every": 200})
    driver = Driver(run)

    async def collect():
        metrics, profiled = [], False
        async for event in driver.events():
            metrics += event.metrics
            if not profiled and run.step > 20 and not run.evaluating:
                profiled = True
                await profile(run, driver.steps, steps=50)
                if halts:
                    driver.halt()
        return metrics

    metrics = asyncio.run(collect())
    assert halts or run.step == 200
    assert [metric.step for metric in metrics if metric.loss is not None] == list(range(1, run.step + 1))


@pytest.mark.parametrize("eval_every", [7, 400])
def test_a_diverging_run_yields_all_finite_losses(either, eval_every):
    run = poem_run(
        either,
        **{
            "train.steps": 400,
            "train.eval_every": eval_every,
            "optim.learning_rate": 100.0,
            "optim.warmup_steps": 0,
            "optim.weight_decay": 10.0,
        },
    )
    metrics = []
    with pytest.raises(DivergedError, match="learning rate") as diverged:
        asyncio.run(_collect(Driver(run), metrics))
    losses = [metric for metric in metrics if metric.loss is not None]
    assert [metric.step for metric in losses] == list(range(1, diverged.value.step))
    assert losses and all(math.isfinite(metric.loss) for metric in losses)


async def _collect(driver, metrics):
    async for event in driver.events():
        metrics += event.metrics
