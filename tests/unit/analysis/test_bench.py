"""Benchmarks of a device: these tests check that they run, not how fast the device is."""

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
    timing = asyncio.run(bench.time_training(experiment, cpu, steps=9, warmup=2))
    assert len(timing.losses) == 12 and timing.steps and all(milliseconds > 0 for milliseconds in timing.steps)
    assert timing.first_step > 0 and timing.host is None
    assert 3.9 < timing.losses[0] < 4.5
    again = asyncio.run(bench.time_training(experiment, cpu, steps=9, warmup=2))
    assert again.losses == timing.losses
    assert asyncio.run(bench.time_sampling(timing.run, 20)) > 0


def test_time_training_stops_in_time(cpu):
    timing = asyncio.run(
        bench.time_training(bench.bench_experiment("micro"), cpu, steps=10_000, max_ms=1, min_steps=4, warmup=0)
    )
    assert 5 <= len(timing.losses) < 1000


def test_time_training_ends_with_the_schedule(cpu):
    experiment = bench.bench_experiment("bigram").with_fields(**{"train.steps": 12})
    timing = asyncio.run(bench.time_training(experiment, cpu, steps=100, warmup=1))
    assert len(timing.losses) == 11


def test_host_time_is_measured_if_the_device_is_not_the_host(gpu):
    timing = asyncio.run(bench.time_training(bench.bench_experiment("bigram"), gpu, steps=3))
    assert 0 < timing.host < sum(timing.steps)


def test_an_unknown_size_is_refused():
    with pytest.raises(ExperimentError, match="bigram, micro, baby, small, nano"):
        bench.bench_experiment("huge")


def test_flops_of_small():
    # By hand: 4 blocks of 12 C^2 and a head, two per weight and row; scores and their sum for 2,080 pairs a sequence.
    small = Experiment.preset("small")
    products = 2 * 768 * (4 * 12 * 128 * 128 + 128 * 65)
    attention = 4 * 12 * 2080 * 4 * 128
    assert GPT.forward_flops(small.model, 12, 65) == products + attention
    assert step_flops(small, 65) == 3 * (products + attention)
    assert step_flops(Experiment.preset("bigram"), 65) == 0


def test_survey_yields_each_preset(cpu, monkeypatch):
    monkeypatch.setattr(bench, "MATMUL_SIZES", (32, 64))
    monkeypatch.setattr(bench, "LONGEST_STEP", 0.01)

    async def collect():
        return [result async for result in bench.survey(cpu, seconds=0.2)]

    results = asyncio.run(collect())
    squares = [result for result in results if result.kind == "matmul"]
    presets = {result.name: result for result in results if result.kind == "preset"}
    assert squares and all(square.gflops > 0 for square in squares)
    assert tuple(presets) == bench.MEASURED_PRESETS and set(PRESETS) - set(presets) == {
        "reverse",
        "sort",
        "addition",
        "gpt2",
    }
    assert presets["micro"].tokens_per_second > 0 and 0 < presets["micro"].share < 2
    assert "would take" in presets["nano"].note and presets["nano"].batch_size == 1


@pytest.mark.slow
def test_pygpt_bench():
    report = json.loads(run_pygpt("bench", "--device", "numpy", "--seconds", 0.5, "--json"))
    assert report["device"]["kind"] == "numpy"
    assert {result["kind"] for result in report["results"]} == {"matmul", "preset"}
    output = run_pygpt("bench", "--device", "numpy", "--seconds", 0.5)
    assert "GFLOP/s" in output and "micro" in output
    assert "time must be above 0" in run_pygpt("bench", "--seconds", 0, check=False).stderr
