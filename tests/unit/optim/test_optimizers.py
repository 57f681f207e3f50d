"""The optimizers, against their formulas in double precision, and the state that each keeps."""

import numpy as np
import pytest

from pygpt.config.experiment import Experiment
from pygpt.errors import ExperimentError
from pygpt.nn.layers import Embedding, Linear
from pygpt.nn.parameters import Module, Weights
from pygpt.ops import increment
from pygpt.optim.muon import orthogonalise
from pygpt.optim.optimizer import Optimizer, state_layout
from pygpt.optim.schedules import learning_rate, schedule_table
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.tensor.tensor import tensor
from pygpt.training.run import Run
from tests.tiny_runs import bits, experiment, finish, poem_run

SHAPES = {
    "table.tokens": (5, 6),
    "blocks.0.weight": (6, 30),
    "blocks.0.bias": (30,),
    "blocks.1.weight": (30, 6),
    "blocks.1.bias": (6,),
    "head.weight": (6, 5),
}
OPTIMIZERS = {
    "adamw": {},
    "adam": {"name": "adam"},
    "adam without decay": {"name": "adam", "weight_decay": 0.0},
    "sgd": {"name": "sgd", "momentum": 0.0},
    "momentum": {"name": "sgd", "momentum": 0.9, "nesterov": False},
    "nesterov": {"name": "sgd", "momentum": 0.9},
    "decay of linear layers": {"decay_groups": "linear"},
    "decay of all": {"name": "sgd", "decay_groups": "all"},
    "unclipped": {"grad_clip": 0.0},
    "muon": {"name": "muon"},
    "muon without momentum": {"name": "muon", "momentum": 0.0, "decay_groups": "linear"},
}


class Small(Module):
    """Layers of each kind, in the order of a GPT."""

    def __init__(self):
        self.table = Embedding(5, 6, None, 1.0)
        self.blocks = [Linear(6, 30, True, 1.0), Linear(30, 6, True, 1.0)]
        self.head = Linear(6, 5, False, 1.0)


def config_of(**changes):
    changes = {"learning_rate": 0.1, "min_learning_rate": 0.01, "warmup_steps": 2, "grad_clip": 5.0, **changes}
    return Experiment.from_dict({"optim": changes, "train": {"steps": 5}}).optim


def gradients_of(step):
    rng = np.random.default_rng(step)
    return {name: rng.standard_normal(shape).astype(np.float32).astype(np.float64) for name, shape in SHAPES.items()}


def decays(config, name):
    matrix = len(SHAPES[name]) == 2
    return {"matrices": matrix, "linear": matrix and name != "table.tokens", "all": True}[config.decay_groups]


def orthogonalised(matrix):
    """The Newton-Schulz iteration with Muon's coefficients in double precision, and Moonshot's scale."""
    x = matrix / (np.sqrt(np.sum(matrix**2)) + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return 0.2 * np.sqrt(max(matrix.shape)) * x


def reference(config, weights):
    """The weights after five steps, computed parameter by parameter."""
    state = {name: [np.zeros(shape), np.zeros(shape)] for name, shape in SHAPES.items()}
    for step in range(5):
        gradients, rate = gradients_of(step), learning_rate(config, 5, step)
        norm = np.sqrt(sum(np.sum(g * g) for g in gradients.values()))
        clip = min(1.0, config.grad_clip / norm) if config.grad_clip else 1.0
        for name, g in gradients.items():
            g, p, (m, v) = g * clip, weights[name], state[name]
            decay = config.weight_decay if decays(config, name) else 0.0
            if config.name == "muon" and name in ("blocks.0.weight", "blocks.1.weight"):
                m[:] = config.momentum * m + g
                p -= rate * (orthogonalised(g + config.momentum * m) + decay * p)
                continue
            if config.name == "sgd":
                g = g + decay * p
                m[:] = config.momentum * m + g
                p -= rate * (g + config.momentum * m if config.nesterov else m)
                continue
            if config.name == "adam":
                g = g + decay * p
            else:
                p -= rate * decay * p
            m[:] = config.beta1 * m + (1 - config.beta1) * g
            v[:] = config.beta2 * v + (1 - config.beta2) * g * g
            corrected = m / (1 - config.beta1 ** (step + 1)), v / (1 - config.beta2 ** (step + 1))
            p -= rate * corrected[0] / (np.sqrt(corrected[1]) + config.epsilon)
    return weights


@pytest.mark.parametrize("changes", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_five_steps_match_the_formula(changes, device):
    config, step = config_of(**changes), tensor(device, [0], dtype="uint32")
    weights = Weights(device, Small(), tensor(device, [3], dtype="uint32"))
    schedule = tensor(device, schedule_table(config, 5), (5, 3))
    optimizer = Optimizer(weights, config, schedule, step)
    expected = reference(config, {name: placed.numpy().astype(np.float64) for name, placed in weights.by_name.items()})
    for index in range(5):
        for name, gradient in gradients_of(index).items():
            device.write(optimizer.gradients[name], gradient.astype(np.float32).tobytes())
        optimizer.update()
        increment(out=step)
    for name, placed in weights.by_name.items():
        np.testing.assert_allclose(placed.numpy(), expected[name], rtol=2e-5, atol=2e-5, err_msg=name)


RUNS = {
    "adam": {"optim.name": "adam", "optim.decay_groups": "all"},
    "sgd": {"optim.name": "sgd", "optim.momentum": 0.0, "optim.learning_rate": 0.5, "optim.grad_clip": 0.0},
    "momentum": {"optim.name": "sgd", "optim.nesterov": False, "optim.learning_rate": 0.1},
    "nesterov": {"optim.name": "sgd", "optim.learning_rate": 0.1, "optim.schedule": "step", "optim.fall_every": 20},
    "linear": {"optim.decay_groups": "linear", "optim.schedule": "exponential"},
    "muon": {"optim.name": "muon"},
}


@pytest.mark.parametrize("changes", RUNS.values(), ids=RUNS)
def test_it_learns(changes, device):
    validation = [
        m.val_loss for m in finish(poem_run(device, **changes, **{"train.steps": 40})) if m.val_loss is not None
    ]
    assert validation[-1] < validation[0] - 0.2


@pytest.mark.parametrize("changes", RUNS.values(), ids=RUNS)
def test_captured_equals_eager(changes, device):
    captured, eager = poem_run(device, **changes), poem_run(device, **changes)
    eager.training_step, eager._evaluate_once = eager._train_step, eager._evaluation_step
    eager._conclude_evaluation = eager._evaluation_end
    assert bits(finish(captured)) == bits(finish(eager))
    assert captured.weights.values.read() == eager.weights.values.read()


@pytest.mark.parametrize("changes", RUNS.values(), ids=RUNS)
def test_resuming_gives_the_losses_of_the_uninterrupted_run(changes, device):
    whole, first = bits(finish(poem_run(device, **changes))), poem_run(device, **changes)
    before = bits(finish(first, at_most=6))
    data = first.checkpoint()
    second = Run.restore(data, device)
    assert before | bits(finish(second)) == whole
    shapes = {name: placed.shape for name, placed in first.weights.by_name.items()}
    assert {group: set(arrays) for group, arrays in read_checkpoint(data).optimizer_state.items()} == {
        group: set(names) for group, names in state_layout(first.experiment.optim, shapes).items()
    }


@pytest.mark.parametrize("changes", RUNS.values(), ids=RUNS)
def test_devices_agree(changes, gpu, cpu):
    for ours, theirs in zip(*(finish(poem_run(device, **changes)) for device in (gpu, cpu)), strict=True):
        assert ours.loss is None or abs(ours.loss - theirs.loss) < 1e-4


def test_each_optimizer_keeps_only_the_state_it_uses(cpu):
    sizes = {
        name: sum(flat.values.size for flat in poem_run(cpu, **changes).optimizer.state.values())
        for name, changes in RUNS.items()
    }
    count = poem_run(cpu).weights.values.size
    in_blocks = 12 * 16 * 16
    assert sizes == {
        "adam": 2 * count,
        "sgd": 0,
        "momentum": count,
        "nesterov": count,
        "linear": 2 * count,
        "muon": 2 * count - in_blocks,
    }


@pytest.mark.parametrize("shape", [(12, 12), (5, 70), (70, 6), (1, 9), (64, 192)], ids=str)
def test_muon_equalises_singular_values(shape, device):
    matrix = tensor(device, np.random.default_rng(shape).standard_normal(shape).astype(np.float32), shape)
    left, _, right = np.linalg.svd(matrix.numpy(), full_matrices=False)
    orthogonalise(matrix)
    values = np.linalg.svd(matrix.numpy(), compute_uv=False) / (0.2 * np.sqrt(max(shape)))
    assert 0.6 < values.min() and values.max() < 1.3
    alignment = np.trace(left.T @ matrix.numpy() @ right.T) / np.sqrt(np.sum(matrix.numpy() ** 2) * min(shape))
    assert alignment > 0.97, "the singular vectors do not change"
    assert 0.13 < np.sqrt(np.mean(matrix.numpy() ** 2)) < 0.25


def test_muon_is_rejected_for_a_bigram():
    with pytest.raises(ExperimentError, match="a bigram has no blocks; choose adamw or sgd"):
        experiment(**{"model.kind": "bigram", "optim.name": "muon"})


def test_learning_rate_schedules():
    def curve(**changes):
        config = config_of(learning_rate=1.0, min_learning_rate=0.1, fall_every=4, **changes)
        return [learning_rate(config, 1000, step) for step in range(20)]

    assert curve(schedule="step", warmup_steps=3)[:12] == [0.25, 0.5, 0.75, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25]
    smooth = curve(schedule="exponential", warmup_steps=0)
    np.testing.assert_allclose(smooth, [max(0.1, 0.5 ** (step / 4)) for step in range(20)])
    assert curve(schedule="step", warmup_steps=0)[-1] == 0.1, "never below the lowest"
    assert curve(schedule="constant", warmup_steps=1) == [0.5] + [1.0] * 19
    config = config_of(learning_rate=1.0, min_learning_rate=0.1, schedule="linear", warmup_steps=0)
    np.testing.assert_allclose([learning_rate(config, 10, step) for step in (0, 5, 10, 99)], [1, 0.55, 0.1, 0.1])
    config = config_of(learning_rate=1.0, min_learning_rate=0.1, warmup_steps=0)
    np.testing.assert_allclose(
        [learning_rate(config, 8, step) for step in (0, 2, 4, 8)], [1, 0.1 + 0.45 * (1 + np.cos(np.pi / 4)), 0.55, 0.1]
    )
