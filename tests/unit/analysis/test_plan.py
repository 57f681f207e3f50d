"""A plan matches the run: memory, launches, parameters."""

import dataclasses
import itertools
import json
import os
import resource
import subprocess
import sys
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pygpt.analysis.plan import RATES, _evaluate, _plan_any_size, plan_run, sampling_bytes
from pygpt.config.experiment import Experiment
from pygpt.config.sections import OptimConfig
from pygpt.data import load_text
from pygpt.devices.numpy import NumpyDevice
from pygpt.devices.shape_only import ShapeOnlyDevice
from pygpt.errors import DeviceError, ExperimentError
from pygpt.inference.trained_model import TrainedModel
from pygpt.optim.optimizer import OPTIMIZERS
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.tensor.tensor import tensor
from pygpt.training.run import Run
from pygpt.utils.units import format_bytes
from tests.tiny_runs import poem_run
from tests.unit.models.test_switches import ALL, RARE

GPT2 = {
    "model.n_layer": 12,
    "model.n_head": 12,
    "model.n_embd": 768,
    "model.block_size": 1024,
    "model.bias": True,
    "train.batch_size": 12,
    "train.steps": 600_000,
}


def check_plan(experiment, device):
    """Compare a plan with a training step."""
    device.pool.trim()
    device.peak_bytes = before = device.allocated_bytes
    run = Run(experiment, load_text("tales"), device)
    for _ in run.train():
        pass
    plan = plan_run(experiment, run.tokenizer.vocab_size, len(run.text.text), device)
    measured = device.peak_bytes - before
    assert abs(plan.peak_bytes / measured - 1) < 0.01, (plan.memory, format_bytes(measured))
    assert plan.step_launches == len(run.training_step.launch_infos)
    assert plan.parameter_count == run.model.parameter_count
    assert {row.shape for row in plan.parameters} == {placed.shape for placed in run.weights.by_name.values()}


@pytest.mark.slow
@pytest.mark.parametrize(
    "preset, changes",
    [
        ("small", {}),
        ("nano", {"train.batch_size": 8}),
        ("baby", {"model.n_layer": 1}),
        ("baby", {"model.n_layer": 7}),
        ("micro", {}),
        ("bigram", {}),
        ("small", {"data.layout": "documents", "model.bias": True, "model.dropout": 0.1}),
    ],
)
def test_the_planned_peak_is_the_measured_one(preset, changes, cpu):
    check_plan(Experiment.preset(preset).with_fields(**{"train.steps": 1, "train.eval_batches": 1, **changes}), cpu)


@pytest.mark.parametrize("preset, changes", [("bigram", {}), ("baby", {"model.n_layer": 4, "model.block_size": 192})])
def test_a_plan_for_a_gpu_that_splits_its_products(preset, changes, gpu_as_hardware):
    check_plan(
        Experiment.preset(preset).with_fields(**{"train.steps": 1, "train.eval_batches": 1, **changes}), gpu_as_hardware
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"model.n_layer": 9},
        {"model.n_layer": 9, "model.dropout": 0.1, "model.bias": True},
        {"model.tie_weights": True, "model.n_layer": 4},
    ],
)
@pytest.mark.parametrize("vocab_size", [65, 20_000])
def test_deep_models_are_extrapolated_from_shallow_ones(changes, vocab_size):
    experiment = Experiment.preset("small").with_fields(**{"train.steps": 1, "train.batch_size": 40, **changes})
    whole = _evaluate(experiment, vocab_size, ShapeOnlyDevice())
    extrapolated = _plan_any_size(experiment, vocab_size, "numpy", True)
    assert extrapolated.peak_bytes == pytest.approx(whole.peak_bytes, rel=0.005)
    for name in ("parameters", "activations", "launches", "largest_buffer"):
        assert getattr(extrapolated, name) == getattr(whole, name), name


def test_many_chunks_of_logits_are_extrapolated_from_few():
    experiment = Experiment.preset("baby").with_fields(
        **{"train.steps": 1, "train.batch_size": 2048, "model.n_layer": 2, "model.block_size": 64}
    )
    whole = _evaluate(experiment, 50_000, ShapeOnlyDevice())
    extrapolated = _plan_any_size(experiment, 50_000, "numpy", True)
    assert extrapolated is not whole and not extrapolated.activations
    for name in ("peak_bytes", "step_flops", "step_launches", "largest_buffer"):
        assert getattr(extrapolated, name) == pytest.approx(getattr(whole, name), rel=0.001), name


@pytest.mark.parametrize("kind, software", [("numpy", True), ("webgpu", False)])
def test_which_optimizer_settings_change_a_plan(kind, software):
    """RATES lists exactly those that never do; the others change the memory or the launches of some optimizer."""

    def planned(experiment):
        plan = _evaluate(experiment, 65, ShapeOnlyDevice(kind, software))
        return plan.memory, sorted(map(repr, plan.launches)), plan.largest_buffer

    base = Experiment.preset("baby").with_fields(
        **{"train.steps": 1, "model.n_layer": 1, "model.bias": True, "optim.learning_rate": 100.0}
    )
    changing = set()
    for field in dataclasses.fields(OptimConfig):
        limits, kind_of = field.metadata, type(field.default)
        values = limits["choices"] or [False, True]
        if limits["minimum"] is not None:
            values = {
                limits["minimum"],
                min(limits["maximum"], kind_of(5)),
                kind_of(field.default / 2 + limits["minimum"]),
            }
        for name, value in itertools.product(OPTIMIZERS, values):
            lowest = 1e-6 if value == "rising" else 0.0  # which cannot rise from 0
            experiment = base.with_fields(**{"optim.name": name, "optim.min_learning_rate": lowest})
            if planned(experiment) != planned(experiment.with_fields(**{f"optim.{field.name}": value})):
                changing.add(field.name)
                break
    assert changing == {"name", "decay_groups", "momentum", "ema"}
    assert {field.name for field in dataclasses.fields(OptimConfig)} - changing == set(RATES)


def test_a_plan_allocates_nothing_and_is_fast_for_deep_models():
    for layers in (12, 500):
        experiment = Experiment.preset("nano").with_fields(
            **{**GPT2, "model.n_layer": layers, "model.init_std": layers / 1000}
        )
        tracemalloc.start()
        began = time.process_time()
        plan = plan_run(experiment, 50257, 10**9)
        elapsed, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2**22 and elapsed < 1.0
        assert plan.peak_bytes > 8e9
    assert (
        plan_run(experiment.with_fields(**{"train.batch_size": 65536, "model.block_size": 65536}), 50257).peak_bytes
        > 1e15
    )


def test_the_parameters_of_gpt2():
    plan = plan_run(Experiment.preset("nano").with_fields(**GPT2), 50257)
    assert plan.parameter_count == 124_439_808
    rows = {row.name: row for row in plan.parameters}
    assert (
        rows["blocks.*.mlp.expand.weight"].count == 12
        and rows["blocks.*.mlp.expand.weight"].nbytes == 12 * 768 * 3072 * 4
    )
    assert plan.memory["weights"] == 4 * 124_439_808
    # 6 N per token is the usual rule; attention and the recomputed logits are extra.
    assert 1 < plan.step_flops / (6 * 124e6 * 12 * 1024) < 1.4


def test_a_plan_cannot_be_read():
    with pytest.raises(DeviceError):
        tensor(ShapeOnlyDevice(), [1.0]).read()


@pytest.mark.parametrize("preset, layers", [("bigram", 1), ("baby", 1), ("baby", 5)])
def test_sampling_takes_the_planned_memory(preset, layers, cpu):
    experiment = Experiment.preset(preset).with_fields(
        **{"model.n_layer": layers, "train.steps": 1, "train.eval_batches": 1}
    )
    run = Run(experiment, load_text("tales"), cpu)
    data = run.checkpoint()
    device = type(cpu)()
    model = TrainedModel(read_checkpoint(data), device)
    model.generate("Once upon a time, when the world was young, there was a", 40)
    planned = sampling_bytes(experiment, run.tokenizer.vocab_size, device)
    assert abs(device.peak_bytes - planned) < 100_000 + 0.1 * planned
    device.memory_limit = planned // 2
    with pytest.raises(ExperimentError, match="this model needs about"):
        TrainedModel(read_checkpoint(data), device)


def test_the_command_takes_less_than_a_second():
    flags = [
        f"--{name.replace('_', '-')}" if value is True else f"--{name.replace('_', '-')}={value}"
        for name, value in GPT2.items()
    ]
    command = [sys.executable, "-m", "pygpt", "plan", "nano", *flags, "--vocab-size", "50257"]
    # CPU time, so that other work on this machine does not count.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    plan = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0
    assert plan["parameters"] == 124_439_808 and plan["peak_bytes"] == sum(plan["memory"].values())
    assert sum(row["bytes"] for row in plan["parameter_tensors"]) == 4 * 124_439_808
    output = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "150"}
    ).stdout
    assert "124,439,808 parameters" in output and "blocks.*.attention.qkv.weight" in output and "at the peak" in output


def test_the_command_computes_the_vocabulary_if_it_is_cheap(tmp_path):
    (tmp_path / "text.txt").write_text("abcd" * 100)

    def plan(*arguments):
        process = subprocess.run(
            [sys.executable, "-m", "pygpt", "plan", "baby", "--json", *arguments], capture_output=True, text=True
        )
        return json.loads(process.stdout) if process.returncode == 0 else process.stderr

    assert (result := plan("--data", str(tmp_path / "text.txt")))["vocabulary"] == 4 and result["tokens"] == 400
    assert plan("--data.tokenizer", "byte")["vocabulary"] == 256
    assert plan("--data", "names")["experiment"]["data"]["layout"] == "documents"
    assert (
        plan("--device", "webgpu", "--train.batch-size", "64")["peak_bytes"]
        > plan("--train.batch-size", "64")["peak_bytes"]
    )
    assert "vocab-size: 0 is less than 1" in plan("--vocab-size", "0")


def test_gpt2():
    process = subprocess.run(
        [sys.executable, "-m", "pygpt", "plan", "gpt2", "--json"], capture_output=True, text=True, check=True
    )
    plan = json.loads(process.stdout)
    assert plan["parameters"] == 124_439_808 and plan["vocabulary"] == 50257


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.fixed_dictionaries({name: st.sampled_from(choices) for name, choices in ALL.items() if name not in RARE}))
def test_any_combination_of_settings_matches_its_plan(changes):
    device = NumpyDevice()
    try:
        run = poem_run(
            device, **{**changes, "train.steps": 1, "train.eval_batches": 1, "model.block_size": 16, "model.n_embd": 32}
        )
    except ExperimentError:
        return
    for _ in run.train():
        pass
    tokens = sum(split.tokens.size for split in (run.train_batches, run.val_batches))
    plan = plan_run(run.experiment, run.tokenizer.vocab_size, tokens)
    assert plan.peak_bytes == pytest.approx(device.peak_bytes, rel=0.02), plan.memory
    assert plan.step_launches == len(run.training_step.launch_infos)
    assert plan.parameter_count == run.model.parameter_count
