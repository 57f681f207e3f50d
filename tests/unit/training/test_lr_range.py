"""The learning-rate range test: the rates, the end, and the suggested rate."""

import asyncio
import math

import pytest

from pygpt.config.experiment import Experiment
from pygpt.data import text_from_bytes
from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import ExperimentError
from pygpt.optim.schedules import learning_rate
from pygpt.training.lr_range import HIGHEST, LOWEST, STEPS, evaluate_range, find_range, range_experiment
from pygpt.training.run import Run
from tests.tiny_runs import POEM, experiment

RATES = [LOWEST * (HIGHEST / LOWEST) ** (step / STEPS) for step in range(STEPS)]


def valley(steepest, lowest):
    """Losses that fall fastest at one rate, are lowest at another, and rise after it."""
    losses = []
    for rate in RATES:
        drop = 2 / (1 + math.exp(-4 * math.log(rate / steepest)))
        losses.append(4 - drop + (max(0.0, math.log(rate / lowest)) * 2) ** 2)
    return losses


def result_of(run):
    async def last():
        return [result async for result in find_range(run)][-1]

    return asyncio.run(last())


def test_the_rate_rises_by_equal_ratios_from_the_lowest():
    tested = range_experiment(Experiment.preset("small"))
    rates = [learning_rate(tested.optim, STEPS, step) for step in range(STEPS)]
    assert rates == pytest.approx(RATES) and rates[0] == LOWEST and rates[-1] < HIGHEST
    with pytest.raises(ExperimentError, match="must be above 0"):
        tested.with_fields(**{"optim.min_learning_rate": 0.0})


def test_the_smaller_of_the_two_rules_is_suggested():
    early = evaluate_range(RATES, valley(steepest=1e-4, lowest=0.1))
    assert early.suggested == early.steepest == pytest.approx(1e-4, rel=1.5) and early.lowest > 0.03
    late = evaluate_range(RATES, valley(steepest=1e-2, lowest=0.02))
    assert late.suggested == pytest.approx(late.lowest / 10, rel=0.05) and late.suggested < late.steepest


def test_the_test_ends_where_the_loss_diverges():
    losses = valley(steepest=1e-3, lowest=0.01)
    ended = evaluate_range(RATES, losses)
    assert ended.diverged and len(ended.losses) == len(ended.rates) == len(ended.smoothed) < STEPS
    assert evaluate_range(RATES, losses[:-5]) == ended, "what comes after changes nothing"
    infinite = evaluate_range(RATES, [*losses[:40], math.inf, *losses[41:]])
    assert infinite.diverged and len(infinite.losses) == 40


@pytest.mark.parametrize("losses", [[], [4.0], [4.0] * STEPS, [4 + step / 50 for step in range(STEPS)]])
def test_nothing_is_suggested_for_a_loss_that_does_not_fall(losses):
    found = evaluate_range(RATES, losses)
    assert (found.lowest, found.steepest, found.suggested) == (None, None, None)


def test_a_run_is_tested_with_the_same_bits_each_time():
    tested = range_experiment(experiment(**{"optim.name": "sgd", "optim.grad_clip": 0.0, "optim.momentum": 0.9}))
    first, second = (result_of(Run(tested, text_from_bytes("poem", POEM.encode()), NumpyDevice())) for _ in range(2))
    assert first == second and first.rates[0] == LOWEST and len(first.losses) > STEPS // 2
    assert first.smoothed[0] == pytest.approx(first.losses[0])
    plain = range_experiment(experiment())
    found = result_of(Run(plain, text_from_bytes("poem", POEM.encode()), NumpyDevice()))
    assert found.suggested is not None and 1e-4 < found.suggested < 0.1
