"""The README's row for jsGPT: models as layers of other models, and models trained alone."""

import numpy as np
import pytest

from pygpt.models.bigram import Bigram
from pygpt.models.gpt import GPT
from pygpt.nn.layers import Linear
from pygpt.nn.parameters import Module, RngState, Weights
from pygpt.ops import cross_entropy, gelu, increment, mean_valid, record
from pygpt.optim.optimizer import Optimizer
from pygpt.optim.schedules import schedule_table
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import backward, empty, tensor
from tests.tiny_runs import POEM, experiment

STEPS = 30
LETTERS = sorted(set(POEM))
CONFIG = experiment(**{"model.dropout": 0.1, "model.tie_weights": False, "model.init_std": 0.1}).model
OPTIM = experiment(**{"optim.warmup_steps": 0}).optim


class Mixture(Module):
    """The sum of the logits of a GPT, a bigram model and a linear layer on the GPT's activations."""

    def __init__(self, vocab_size, config):
        self.experts = [GPT(vocab_size, config), Bigram(vocab_size, config)]
        self.bridge = Linear(config.n_embd, vocab_size, True, config.init_std)

    def logits(self, ids, rng=None):
        gpt, bigram = self.experts
        hidden = gpt.norm(gpt.hidden(ids, rng))
        return gpt.head(hidden) + bigram.logits(ids) + self.bridge(gelu(hidden))

    def losses(self, ids, targets, rng=None):
        return cross_entropy(self.logits(ids, rng), targets)[0]


class Trainer:
    """Trains any module with `losses` on the poem, with this package's optimizer and capture."""

    def __init__(self, device, module):
        self.device, self.module = device, module
        self.seed, self.step = (tensor(device, [number], dtype="uint32") for number in (7, 0))
        self.weights = Weights(device, module, self.seed)
        table = tensor(device, schedule_table(OPTIM, STEPS), (STEPS, 3))
        self.optimizer = Optimizer(self.weights, OPTIM, table, self.step)
        ids = np.array([[LETTERS.index(letter) for letter in POEM[start : start + 9]] for start in (0, 20, 40, 60)])
        self.ids = tensor(device, ids[:, :-1].astype(np.uint32), (4, 8), "uint32")
        self.targets = tensor(device, ids[:, 1:].astype(np.int32), (4, 8), "int32")
        self.losses = empty(device, (STEPS,))

    def train_step(self):
        loss, _ = mean_valid(self.module.losses(self.ids, self.targets, RngState(self.seed, self.step)), self.targets)
        record(loss, self.step, out=self.losses)
        gradients = self.optimizer.gradients
        backward(loss, [self.weights.by_name[name] for name in gradients], into=list(gradients.values()))
        self.optimizer.update()
        increment(out=self.step)

    def curve(self, captured=True):
        step = Capture(self.device, self.train_step) if captured else self.train_step
        for _ in range(STEPS):
            step()
        return self.losses.tolist()


def test_models_train_together_as_layers_of_a_module(device):
    trainer = Trainer(device, Mixture(len(LETTERS), CONFIG))
    before = {name: placed.numpy() for name, placed in trainer.weights.by_name.items()}
    losses = trainer.curve()
    assert losses[-1] < losses[0] - 1.0 and np.isfinite(losses).all()
    assert {"experts.0.blocks.0.attention.qkv.weight", "experts.1.table.tokens", "bridge.weight", "bridge.bias"} <= set(
        before
    )
    for name, placed in trainer.weights.by_name.items():
        assert not np.array_equal(placed.numpy(), before[name]), f"{name} did not change"
    assert trainer.module.parameter_count == sum(
        module.parameter_count for module in (*trainer.module.experts, trainer.module.bridge)
    )


def test_a_module_of_models_trains_the_same_with_capture(device):
    curves = [Trainer(device, Mixture(len(LETTERS), CONFIG)).curve(captured) for captured in (True, False)]
    assert curves[0] == curves[1]


def test_devices_agree_on_a_module_of_models(cpu, gpu):
    ours, theirs = (Trainer(device, Mixture(len(LETTERS), CONFIG)).curve() for device in (cpu, gpu))
    assert ours == pytest.approx(theirs, abs=1e-4)


def test_a_single_model_trains_as_a_module(cpu):
    for model in (GPT(len(LETTERS), CONFIG), Bigram(len(LETTERS), CONFIG)):
        losses = Trainer(cpu, model).curve()
        assert losses[-1] < losses[0] - 0.2
