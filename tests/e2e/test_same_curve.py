"""The same seed gives the same curve on NumPy, on the native WebGPU adapter, and on SwiftShader in the tab."""

import hashlib
import json
import struct

import pytest

from pygpt.config.experiment import Experiment
from pygpt.data import load_text
from pygpt.devices.numpy import NumpyDevice
from pygpt.nn.parameters import RngState
from pygpt.ops.threefry import BATCH
from pygpt.training.run import Run

STEPS = 50
EXPERIMENT = Experiment.preset("small").with_fields(
    **{"train.steps": STEPS, "train.eval_every": 50, "train.eval_batches": 1}
)
IN_TAB = """
import json
from pygpt.data import load_text
from pygpt.devices import open_device_in_tab
from pygpt.config.experiment import Experiment
from pygpt.nn.parameters import RngState
from pygpt.ops.threefry import BATCH
from pygpt.training.run import Run
import hashlib

device = await open_device_in_tab("webgpu")
text = load_text("tales")

async def start(values):
    global run, events
    run = Run(Experiment.from_dict(values), text, device)
    batch = run.train_batches.next_batch(RngState(run.seed, run.metrics.steps_done), BATCH)
    fingerprints = [hashlib.sha256(await device.fetch(tensor)).hexdigest() for tensor in (run.weights.values, *batch)]
    events = run.train()
    return fingerprints

async def go_on(count):
    # A few steps at a time: SwiftShader is slow, and the page must stay responsive.
    for _ in range(count):
        if next(events, None) is None:
            break
    return [(m.step, m.loss) for m in run.take_metrics(await device.fetch(run.metrics_tensor)) if m.loss is not None]
"""


def fingerprints(run):
    """SHA-256 of the initial weights and of the first batch's inputs and targets."""
    batch = run.train_batches.next_batch(RngState(run.seed, run.metrics.steps_done), BATCH)
    return [hashlib.sha256(tensor.read()).hexdigest() for tensor in (run.weights.values, *batch)]


def native_curve(device, experiment=EXPERIMENT):
    """Fingerprints and losses of a run."""
    run = Run(experiment, load_text("tales"), device)
    first = fingerprints(run)
    for _ in run.train():
        pass
    metrics = run.take_metrics(device.read(run.metrics_tensor))
    return first, [m.loss for m in metrics if m.loss is not None]


@pytest.fixture(scope="module")
def curves(gpu, python_in_tab):
    """Fingerprints and losses by device."""
    by_device = {"numpy": native_curve(NumpyDevice()), "native": native_curve(gpu)}
    python_in_tab.run(IN_TAB)
    first = python_in_tab.run(f"await start(json.loads({json.dumps(EXPERIMENT.to_dict())!r}))")
    losses = []
    while len(losses) < STEPS:
        losses += [loss for _, loss in python_in_tab.run("await go_on(5)")]
    by_device["tab"] = first, losses
    return by_device


def test_initial_weights_and_the_first_batch_are_bit_identical(curves):
    assert curves["numpy"][0] == curves["native"][0] == curves["tab"][0]


def test_the_losses_of_fifty_steps_agree(curves):
    reference = curves["numpy"][1]
    assert len(reference) == STEPS and reference[-1] < reference[0] - 0.5
    for other in ("native", "tab"):
        largest = max(abs(a - b) for a, b in zip(reference, curves[other][1], strict=True))
        print(f"numpy and {other}: the losses differ by at most {largest:.2e}")
        assert largest <= 1e-3


def test_two_runs_on_one_device_are_bit_identical(gpu, python_in_tab, curves):
    baby = Experiment.preset("baby").with_fields(**{"train.steps": 20, "train.eval_batches": 1, "model.dropout": 0.1})
    for device in (NumpyDevice(), gpu):
        first, second = (bits(native_curve(device, baby)[1]) for _ in range(2))
        assert first == second and len(first) == 20
    in_tab = []
    for _ in range(2):
        python_in_tab.run(f"await start(json.loads({json.dumps(baby.to_dict())!r}))")
        in_tab.append(bits(loss for _, loss in python_in_tab.run("await go_on(30)")))
    assert in_tab[0] == in_tab[1] and len(in_tab[0]) == 20


def bits(losses):
    return [struct.pack("<f", loss).hex() for loss in losses]
