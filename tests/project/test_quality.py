"""What a model must reach on Tiny Shakespeare. The whole of `small` takes minutes, so a first stretch stands for it."""

import pytest

from pygpt.config.experiment import Experiment
from pygpt.data import load_text
from pygpt.errors import DataError
from pygpt.training.evaluate import full_loss
from pygpt.training.run import Run
from tests.conftest import unavailable


@pytest.fixture(scope="module")
def shakespeare():
    try:
        return load_text("shakespeare")
    except DataError as error:
        unavailable(str(error))


def trained(preset, text, device, **changes):
    """A preset trained to its end, and its last validation loss."""
    run = Run(Experiment.preset(preset).with_fields(**changes), text, device)
    found = []
    for event in run.train():
        if event.kind == "evaluation":
            found += run.take_metrics(device.read(run.metrics_tensor))
    return run, found[-1].val_loss


def test_the_bigram_reaches_what_a_bigram_can(shakespeare, device):
    run, val_loss = trained("bigram", shakespeare, device)
    assert val_loss < 2.55
    loss, predictions = full_loss(run.model, run.val_batches)
    assert loss < 2.55 and predictions == 111_539


def test_small_is_on_its_way(shakespeare, cpu):
    # 2.60 when this was written; a model that has learned only how frequent characters are stands at 3.3.
    _, val_loss = trained("small", shakespeare, cpu, **{"train.steps": 150})
    assert val_loss < 2.65
