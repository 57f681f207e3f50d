"""The README's row for microgpt: the engine's losses equal those of the scalar program, step by step."""

import itertools
import json

import pytest

from pygpt.cli import main
from pygpt.config.experiment import Experiment
from pygpt.data import load_text
from pygpt.devices import open_numpy
from pygpt.devices.numpy import NumpyDevice
from pygpt.language_model import LanguageModel
from pygpt.micro import MicroGPT
from pygpt.training.run import Run
from tests.conftest import MICROGPT_SEED as SEED
from tests.conftest import MICROGPT_STEPS as STEPS
from tests.conftest import unavailable
from tests.tiny_runs import finish

EXPERIMENT = Experiment.preset("micro").with_fields(
    **{
        "data.source": "names",
        "data.layout": "documents",
        "model.init": "python-random",
        "train.seed": SEED,
        "train.steps": 1000,
        "train.eval_batches": 1,
    }
)


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
    values = [metric.loss for metric in run.take_metrics(device.read(run.metrics_tensor)) if metric.loss is not None]
    return values[:STEPS]


def largest_difference(original, ours):
    assert len(original) == len(ours) == STEPS and ours[-1] < ours[0] - 0.5
    largest = max(abs(our_loss - loss) for our_loss, loss in zip(ours, original))
    print(f"the losses differ from the scalar program's by at most {largest:.1e}")
    return largest


def test_numpy_matches_the_original(names, original):
    assert largest_difference(original, losses(names, NumpyDevice())) < 2e-4


def test_c_kernels_match_the_original(names, original):
    device = open_numpy()
    if device.library is None:
        unavailable("no C compiler: the C kernels are missing")
    assert largest_difference(original, losses(names, device)) < 2e-4


def test_a_gpu_matches_the_original(names, original, gpu):
    assert largest_difference(original, losses(names, gpu)) < 2e-4


def test_the_shaders_for_hardware_gpus_match_the_original(names, original, gpu_as_hardware):
    assert largest_difference(original, losses(names, gpu_as_hardware)) < 2e-4


def test_float64_matches_the_original_to_nine_digits(names, original):
    assert largest_difference(original, losses(names, NumpyDevice(), **{"model.dtype": "float64"})) < 1e-9


def test_a_deeper_model_with_another_seed_matches_the_original(names):
    original = list(itertools.islice(MicroGPT(names.text, 7, n_layer=3).train(1000), 20))
    run = Run(
        EXPERIMENT.with_fields(**{"model.n_layer": 3, "train.seed": 7, "model.dtype": "float64"}), names, NumpyDevice()
    )
    assert [metric.loss for metric in finish(run, at_most=20) if metric.loss] == pytest.approx(original, abs=1e-9)


def test_the_command_line_matches_the_original(original, tmp_path):
    assert (
        main(
            [
                "train",
                "micro",
                "--data",
                "names",
                "--model.init",
                "python-random",
                "--model.dtype",
                "float64",
                "--seed",
                str(SEED),
                "--steps",
                "1000",
                "--log-every",
                "1",
                "--device",
                "numpy",
                "--out",
                str(tmp_path),
            ]
        )
        == 0
    )
    logged = [json.loads(line)["loss"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert len(logged) == 1000 and logged[:STEPS] == pytest.approx(original, abs=1e-9)


def test_a_trained_model_generates_names(names):
    """With the temperature and the thousand steps of the original."""
    model = LanguageModel(EXPERIMENT, open_numpy())
    model.fit(names)
    written = [model.generate(temperature=0.5, seed=seed) for seed in range(20)]
    assert len(set(written)) >= 10 and all(
        1 <= len(name) <= 40 and set(name) <= set(names.text) - {"\n"} for name in written
    )
    print(", ".join(written))
