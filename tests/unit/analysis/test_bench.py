"""Measuring a device: that it is done, not how fast it is."""

import asyncio
import json

import pytest

from pygpt.analysis import bench
from pygpt.analysis.flops import step_flops
from pygpt.config.experiment import PRESETS, Experiment
from pygpt.errors import ExperimentError
from pygpt.models.gpt import GPT
from tests.unit.cli.test_cli import run_pygpt


def test_the_text_has_the_alphabet_of_tiny_shakespeare():
    text = bench.bench_text()
    assert len(set(text.text)) == 65 and len(text.text) == bench.CHARACTERS
    assert text.sha256 == bench.bench_text().sha256


@pytest.mark.parametrize("size", ["bigram", "micro"])
def test_time_training_reads_every_loss(size, cpu):
    experiment = bench.bench_experiment(size)
    found = asyncio.run(bench.time_training(experiment, cpu, steps=9, warmup=2))
    assert len(found.losses) == 12 and found.steps and all(milliseconds > 0 for milliseconds in found.steps)
    assert found.first_step > 0 and found.host is None
    assert 3.9 < found.losses[0] < 4.5
    again = asyncio.run(bench.time_training(experiment, cpu, steps=9, warmup=2))
    assert again.losses == found.losses
    assert asyncio.run(bench.time_sampling(found.run, 20)) > 0


def test_time_training_stops_in_time(cpu):
    found = asyncio.run(
        bench.time_training(bench.bench_experiment("micro"), cpu, steps=10_000, max_ms=1, min_steps=4, warmup=0)
    )
    assert 5 <= len(found.losses) < 1000


def test_time_training_ends_with_the_schedule(cpu):
    experiment = bench.bench_experiment("bigram").with_fields(**{"train.steps": 12})
    found = asyncio.run(bench.time_training(experiment, cpu, steps=100, warmup=1))
    assert len(found.losses) == 11


def test_host_time_is_told_where_there_is_a_host(gpu):
    found = asyncio.run(bench.time_training(bench.bench_experiment("bigram"), gpu, steps=3))
    assert 0 < found.host < sum(found.steps)


def test_an_unknown_size_is_refused():
    with pytest.raises(ExperimentError, match="bigram, micro, baby, small, nano"):
        bench.bench_experiment("huge")


def test_flops_of_small():
    # By hand: 4 blocks of 12 C^2 and a head, twice a weight and row; scores and their sum over 2,080 pairs a sequence.
    small = Experiment.preset("small")
    products = 2 * 768 * (4 * 12 * 128 * 128 + 128 * 65)
    attention = 4 * 12 * 2080 * 4 * 128
    assert GPT.forward_flops(small.model, 12, 65) == products + attention
    assert step_flops(small, 65) == 3 * (products + attention)
    assert step_flops(Experiment.preset("bigram"), 65) == 0


def test_survey_is_told_preset_by_preset(cpu, monkeypatch):
    monkeypatch.setattr(bench, "SQUARES", (32, 64))
    monkeypatch.setattr(bench, "LONGEST_STEP", 0.01)

    async def collect():
        return [found async for found in bench.survey(cpu, seconds=0.2)]

    found = asyncio.run(collect())
    squares = [result for result in found if result.kind == "matmul"]
    presets = {result.name: result for result in found if result.kind == "preset"}
    assert squares and all(square.gflops > 0 for square in squares)
    assert tuple(presets) == bench.MEASURED and set(PRESETS) - set(presets) == {"reverse", "sort", "addition", "gpt2"}
    assert presets["micro"].tokens_per_second > 0 and 0 < presets["micro"].share < 2
    assert "would take" in presets["nano"].note and presets["nano"].batch_size == 1


def test_pygpt_bench():
    found = json.loads(run_pygpt("bench", "--device", "numpy", "--seconds", 0.5, "--json"))
    assert found["device"]["kind"] == "numpy"
    assert {result["kind"] for result in found["results"]} == {"matmul", "preset"}
    said = run_pygpt("bench", "--device", "numpy", "--seconds", 0.5)
    assert "GFLOP/s" in said and "micro" in said
    assert "not a time to measure" in run_pygpt("bench", "--seconds", 0, check=False).stderr
