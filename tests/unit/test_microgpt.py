"""The row of microgpt: the engine has the losses of the scalar program, step by step."""

import json

import pytest

from pygpt.cli import main
from pygpt.data import load_text
from pygpt.devices import open_numpy
from pygpt.devices.numpy import NumpyDevice
from pygpt.experiment import Experiment
from pygpt.train import Run
from tests.conftest import MICROGPT_SEED as SEED
from tests.conftest import MICROGPT_STEPS as STEPS
from tests.conftest import unavailable

# What microgpt is, whatever the preset of its size becomes.
EXPERIMENT = Experiment.preset("micro").with_fields(**{
    "data.source": "names", "data.layout": "documents", "model.norm": "rmsnorm", "model.norm_scale": False,
    "model.norm_embedding": True, "model.norm_final": False, "model.mlp": "relu", "model.init": "python-random",
    "train.seed": SEED, "train.steps": 1000, "train.eval_batches": 1})


@pytest.fixture(scope="module")
def names():
    return load_text("names")


@pytest.fixture
def original(microgpt_losses):
    return microgpt_losses


def losses(text, device, **changes):
    """The losses of the engine's first 200 steps."""
    run = Run(EXPERIMENT.with_fields(**changes), text, device)
    for event in run.train():
        if run.step == STEPS and event.kind != "evaluating":
            break
    found = [metric.loss for metric in run.take_metrics(device.read(run.history)) if metric.loss is not None]
    return found[:STEPS]


def largest_difference(original, found):
    assert len(original) == len(found) == STEPS and found[-1] < found[0] - 0.5
    largest = max(abs(ours - theirs) for ours, theirs in zip(found, original))
    print(f"the losses differ from the scalar program's by at most {largest:.1e}")
    return largest


def test_numpys_losses_are_the_originals(names, original):
    assert largest_difference(original, losses(names, NumpyDevice())) < 2e-4


def test_the_losses_of_the_kernels_in_c_are_the_originals(names, original):
    device = open_numpy()
    if device.library is None:
        unavailable("no C compiler: there are no kernels in C here")
    assert largest_difference(original, losses(names, device)) < 2e-4


def test_a_gpus_losses_are_the_originals(names, original, gpu):
    assert largest_difference(original, losses(names, gpu)) < 2e-4


def test_a_real_gpus_shaders_have_the_originals_losses(names, original, gpu_as_hardware):
    assert largest_difference(original, losses(names, gpu_as_hardware)) < 2e-4


def test_in_float64_they_are_the_originals_to_the_last_digits(names, original):
    assert largest_difference(original, losses(names, NumpyDevice(), **{"model.dtype": "float64"})) < 1e-9


def test_the_command_line_has_them_too(original, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "microgpt.toml").write_text(EXPERIMENT.to_toml(), encoding="utf-8")
    assert main(["train", "microgpt.toml", "--log-every", "1", "--device", "numpy", "--model.dtype", "float64", "--out", "run"]) == 0
    logged = [json.loads(line)["loss"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert len(logged) == 1000 and logged[:STEPS] == pytest.approx(original, abs=1e-9)
