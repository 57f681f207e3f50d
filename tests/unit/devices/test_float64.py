"""Runs in float64: on NumPy only, with double precision in all tensors and in the checkpoint."""

import asyncio
import math

import pytest

from pygpt.analysis.device_choice import choose
from pygpt.analysis.memory import memory_estimate
from pygpt.config.experiment import Experiment
from pygpt.devices import open_numpy
from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import CheckpointError, ExperimentError
from pygpt.inference.trained_model import TrainedModel
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.runs.safetensors import Entry, read_safetensors, write_safetensors
from pygpt.training.evaluate import full_loss
from pygpt.training.run import Run
from tests.conftest import unavailable
from tests.tiny_runs import experiment, finish, poem_run
from tests.unit.training.test_run import KINDS

DOUBLE = {"model.dtype": "float64"}


@pytest.mark.parametrize("kind", KINDS)
def test_losses_match_those_of_float32_up_to_rounding(kind, cpu):
    single, double = (finish(poem_run(cpu, **KINDS[kind], **changes)) for changes in ({}, DOUBLE))
    assert [metric.step for metric in single] == [metric.step for metric in double]
    for one, other in zip(single, double):
        for a, b in ((one.loss, other.loss), (one.val_loss, other.val_loss)):
            assert (a is None and b is None) or (a != b and math.isclose(a, b, abs_tol=1e-4))


RECIPES = {
    "llama": {
        "model.norm": "rmsnorm",
        "model.positions": "rope",
        "model.mlp": "swiglu",
        "model.n_kv_head": 1,
        "model.window": 5,
        "model.qk_norm": True,
        "model.logit_cap": 20.0,
        "model.attention_gate": True,
    },
    "alibi": {
        "model.positions": "alibi",
        "model.attention_cap": 10.0,
        "model.attention_sinks": True,
        "model.mlp": "geglu",
    },
    "sinusoidal": {"model.positions": "sinusoidal", "model.norm_place": "post", "model.mlp": "gelu_erf"},
    "parts and an average": {
        "train.accumulation": 2,
        "optim.ema": 0.9,
        "optim.label_smoothing": 0.1,
        "optim.z_loss": 1e-3,
    },
    "sgd": {"optim.name": "sgd"},
    "adam": {"optim.name": "adam"},
    "muon": {"optim.name": "muon"},
}


@pytest.mark.parametrize("kind", [*KINDS, *RECIPES])
def test_all_tensors_are_float64(kind, cpu):
    run = poem_run(cpu, **(KINDS | RECIPES)[kind], **DOUBLE)
    finish(run)
    tensors = [run.metrics_tensor, run.weights.values, run.optimizer.gradient.values]
    tensors += [slots.values for slots in run.optimizer.state.values()]
    tensors += run.model.new_cache() if run.experiment.model.kind == "gpt" else []
    launch_infos = [
        *run.training_step.launch_infos,
        *run._evaluate_once.launch_infos,
        *run._conclude_evaluation.launch_infos,
    ]
    assert {tensor.dtype for tensor in tensors} == {"float64"}
    dtypes = {dtype for work in launch_infos for _, dtype in work.operands.values()}
    assert dtypes == {"float64", "uint32", "int32"}, "a float32 operand would round the others"


def test_float64_does_not_use_the_c_kernels():
    device = open_numpy()
    if device.library is None:
        unavailable("there is no C compiler here")
    compiled, twins = (finish(poem_run(each, **DOUBLE)) for each in (device, NumpyDevice()))
    assert [metric.loss for metric in compiled] == [metric.loss for metric in twins]


def test_a_restored_run_continues_exactly(cpu):
    whole = [metric.loss for metric in finish(poem_run(cpu, **DOUBLE))]
    first = poem_run(cpu, **DOUBLE)
    before = [metric.loss for metric in finish(first, at_most=6)]
    data = first.checkpoint()
    assert {entry.dtype for entry in read_safetensors(data)[0].values()} == {"F64", "U8"}
    after = [metric.loss for metric in finish(Run.restore(data, cpu))]
    assert before + after == whole


def test_a_trained_model_evaluates_and_generates(cpu):
    run = poem_run(cpu, **DOUBLE)
    finish(run)
    model = TrainedModel(read_checkpoint(run.checkpoint()), cpu)
    assert model.logits([[1, 2, 3]]).dtype == "float64"
    assert model.generate("Twinkle", 30) == model.generate("Twinkle", 30)
    loss, count = full_loss(model.model, run.val_batches)
    assert loss == full_loss(run.model, run.val_batches)[0] and count > 0


def test_a_checkpoint_with_the_wrong_dtype_is_refused(cpu):
    entries, metadata = read_safetensors(poem_run(cpu, **DOUBLE).checkpoint())
    name, entry = next((name, entry) for name, entry in entries.items() if entry.dtype == "F64")
    entries[name] = Entry("F32", entry.shape, entry.data[: len(entry.data) // 2])
    with pytest.raises(CheckpointError, match="needs F64"):
        read_checkpoint(write_safetensors(entries, metadata))


def test_other_devices_refuse_float64(gpu, cpu):
    with pytest.raises(ExperimentError, match="only the NumPy device supports float64") as caught:
        poem_run(gpu, **DOUBLE)
    assert caught.value.field == "model.dtype"
    checkpoint = read_checkpoint(poem_run(cpu, **DOUBLE).checkpoint())
    with pytest.raises(ExperimentError, match="choose float32, or NumPy as the device"):
        TrainedModel(checkpoint, gpu)


def test_auto_takes_numpy_even_if_there_is_a_real_gpu(gpu, cpu):
    async def open_cpu(why):
        cpu.why = why
        return cpu

    nano = Experiment.preset("nano").with_fields(**DOUBLE)
    assert asyncio.run(choose(gpu, open_cpu, nano)) is cpu and "float64" in cpu.why


def test_the_memory_estimate_doubles(cpu):
    single, double = (memory_estimate(experiment(**changes), 60, 1000) for changes in ({}, DOUBLE))
    assert 1.95 < (double - 4000) / (single - 4000) < 2, "all except the counters and the tokens"
