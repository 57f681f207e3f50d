"""A tiny GPT against recordings from PyTorch: logits, loss, every gradient by name, ten losses with clipped AdamW."""

from pathlib import Path

import numpy as np
import pytest

from pygpt.config.experiment import Experiment
from pygpt.models import build_model
from pygpt.nn.parameters import Weights
from pygpt.ops import increment, mean_valid
from pygpt.optim.optimizer import Optimizer
from pygpt.tensor.tensor import backward, tensor

GOLDENS = {"biased_untied": {"bias": True, "tie_weights": False}, "plain_tied": {"bias": False, "tie_weights": True}}


@pytest.fixture(params=GOLDENS)
def golden(request):
    recorded = dict(np.load(Path(__file__).parent / "goldens" / f"gpt_{request.param}.npz"))
    model = {"n_layer": 2, "n_head": 2, "n_embd": 20, "block_size": 8, **GOLDENS[request.param]}
    experiment = Experiment.from_dict(
        {
            "model": model,
            "optim": {"learning_rate": 1e-2, "min_learning_rate": 1e-2, "schedule": "constant", "warmup_steps": 0},
        }
    )
    return experiment, recorded


class Trained:
    """The recorded model on a device, with its recorded weights."""

    def __init__(self, experiment, recorded, device):
        self.recorded, self.device = recorded, device
        self.model = build_model(experiment.model, 13)
        self.weights = Weights(device, self.model, tensor(device, [0], dtype="uint32"))
        for name, placed in self.weights.by_name.items():
            device.write(placed, recorded[f"parameter.{name}"].tobytes())
        self.step = tensor(device, [0], dtype="uint32")
        rows = []
        for step in range(1, 11):
            rows += [1e-2, 1 - 0.9**step, 1 - 0.99**step]
        self.optimizer = Optimizer(self.weights, experiment.optim, tensor(device, rows, (10, 3)), self.step)

    def loss(self, step):
        ids = tensor(self.device, self.recorded["ids"][step], (3, 8), "uint32")
        targets = tensor(self.device, self.recorded["targets"][step], (3, 8), "int32")
        return self.model.logits(ids), mean_valid(self.model.losses(ids, targets), targets)[0]

    def gradients(self, loss):
        gradients = self.optimizer.gradients
        backward(loss, [self.weights.by_name[name] for name in gradients], into=list(gradients.values()))
        return gradients


def test_the_parameters_match_the_recording(golden, cpu):
    experiment, recorded = golden
    named = Trained(experiment, recorded, cpu).weights.by_name
    assert {f"parameter.{name}": placed.shape for name, placed in named.items()} == {
        name: value.shape for name, value in recorded.items() if name.startswith("parameter.")
    }


def test_logits_and_loss(golden, device):
    experiment, recorded = golden
    logits, loss = Trained(experiment, recorded, device).loss(0)
    np.testing.assert_allclose(logits.numpy(), recorded["logits"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(loss.numpy()[0], recorded["losses"][0], rtol=1e-5)


def test_every_gradient(golden, device):
    experiment, recorded = golden
    trained = Trained(experiment, recorded, device)
    for name, gradient in trained.gradients(trained.loss(0)[1]).items():
        want = recorded[f"gradient.{name}"]
        np.testing.assert_allclose(gradient.numpy(), want, rtol=1e-4, atol=1e-4 * np.abs(want).max(), err_msg=name)


def test_ten_losses(golden, device):
    experiment, recorded = golden
    trained = Trained(experiment, recorded, device)
    losses = []
    for step in range(10):
        loss = trained.loss(step)[1]
        trained.gradients(loss)
        trained.optimizer.update()
        increment(out=trained.step)
        losses.append(loss.numpy()[0])
    np.testing.assert_allclose(losses, recorded["losses"], rtol=1e-4)
