"""The switches of a model, each by itself and in random company."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pygpt.config.experiment import ModelConfig, OptimConfig
from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import ExperimentError
from pygpt.models import build_model
from pygpt.nn.parameters import RngState, Weights
from pygpt.ops import mean_valid
from pygpt.tensor.tensor import backward, tensor
from tests.tiny_runs import experiment, finish, poem_run, samplers

# What each switch can be, where it is not a choice or a yes or no.
VALUES = {
    "model.n_head": (4,),
    "model.n_embd": (16, 24),
    "model.n_layer": (1, 2),
    "model.block_size": (8, 13),
    "model.dropout": (0.0, 0.3),
    "model.dropout_embedding": (-1.0, 0.2),
    "model.dropout_attention": (-1.0, 0.0),
    "model.init_std": (0.02, 0.2),
    "model.n_kv_head": (0, 1, 2, 4),
    "model.window": (0, 1, 5, 64),
    "model.attention_cap": (0.0, 2.0),
    "model.logit_cap": (0.0, 3.0),
    "model.rope_base": (100.0, 10000.0),
    "model.mlp_ratio": (0.5, 8 / 3, 4.0),
    "model.dtype": ("float32",),
}


def values(section, config):
    """Each field of a section with what it may be."""
    for field in dataclasses.fields(config):
        dotted = f"{section}.{field.name}"
        if dotted in VALUES:
            yield dotted, VALUES[dotted]
        elif field.type is bool:
            yield dotted, (False, True)
        elif field.metadata["choices"]:
            yield dotted, tuple(field.metadata["choices"])


SWITCHES = dict(values("model", ModelConfig))
RECIPES = dict(values("optim", OptimConfig)) | {
    "optim.weight_decay": (0.0, 0.1),
    "optim.momentum": (0.0, 0.9),
    "optim.grad_clip": (0.0, 1.0),
    "optim.ema": (0.0, 0.9),
    "optim.label_smoothing": (0.0, 0.1),
    "optim.z_loss": (0.0, 1e-3),
    "train.accumulation": (1, 3),
    "data.tokenizer": ("char", "byte", "bpe"),
    "data.vocab_size": (257, 300),
    "data.layout": ("stream", "documents"),
}
ALL = SWITCHES | RECIPES
ONE_BY_ONE = [
    (name, value)
    for name, choices in SWITCHES.items()
    for value in choices
    if name not in ("model.kind", "model.n_head", "model.block_size")
]
ONE_BY_ONE += [("optim.label_smoothing", 0.2), ("optim.z_loss", 0.1)]


# What few other values go with, or no GPU.
SELDOM = ("model.init", "model.dtype")


def company(changes):
    """What a switch cannot be without, outside of the model."""
    return {"data.layout": "documents"} if changes.get("model.init") == "python-random" else {}


def test_every_switch_is_tried():
    assert {field.name for field in dataclasses.fields(ModelConfig)} == {name.split(".")[1] for name in SWITCHES}


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.fixed_dictionaries(
        {name: st.sampled_from((*choices[:1] * (8 * (name in SELDOM)), *choices)) for name, choices in ALL.items()}
    )
)
def test_random_combinations_train_alike(cpu, gpu, changes):
    """Two steps on NumPy and on a GPU: finite losses that agree, or a refusal that names a field."""
    changes |= {"train.steps": 2, "train.eval_every": 2, "train.batch_size": 3, **company(changes)}
    try:
        experiment(**changes)
    except ExperimentError as error:
        assert error.field in ALL and len(str(error)) > 40
        return
    if changes["model.dtype"] == "float64":
        with pytest.raises(ExperimentError, match="float64 is for the NumPy device alone"):
            poem_run(gpu, **changes)
        found = [finish(poem_run(cpu, **changes | {"model.dtype": dtype})) for dtype in ("float64", "float32")]
    else:
        found = [finish(poem_run(device, **changes)) for device in (cpu, gpu)]
    for ours, theirs in zip(*found, strict=True):
        for one, other in ((ours.loss, theirs.loss), (ours.val_loss, theirs.val_loss)):
            assert (one is None) == (other is None)
            assert one is None or math.isfinite(one) and one == pytest.approx(other, abs=2e-4), changes


@pytest.mark.parametrize("name, value", ONE_BY_ONE, ids=lambda part: str(part).removeprefix("model."))
def test_gradients_pass_finite_differences(name, value):
    """The gradient of every parameter, through a whole model in double precision."""
    # Norms and positions at their defaults hide nothing of the switch; a large spread has every branch matter.
    changes = {"model.init_std": 0.3, "model.n_layer": 2, "model.n_head": 4, name: value, **company({name: value})}
    changes |= {"model.tie_weights": False} if name == "model.init" else {}
    described = experiment(**changes)
    config, options = described.model, {"smoothing": described.optim.label_smoothing, "z_loss": described.optim.z_loss}
    device = NumpyDevice()
    rng = np.random.default_rng(3)
    ids = tensor(device, rng.integers(0, 11, (2, 8)).astype(np.uint32), (2, 8), "uint32")
    targets = tensor(device, rng.integers(0, 11, (2, 8)).astype(np.int32), (2, 8), "int32")
    seed, step = (tensor(device, [number], dtype="uint32") for number in (5, 6))
    model = build_model(config, 11)
    weights = Weights(device, model, seed, dtype="float64")

    def loss():
        return mean_valid(model.losses(ids, targets, RngState(seed, step), **options), targets)[0]

    before = weights.values.numpy()
    before += 0.05 * rng.standard_normal(before.shape)  # biases, scales and sinks off their round numbers
    device.write(weights.values, before.tobytes())
    names = list(weights.named)
    gradients = backward(loss(), [weights.named[name] for name in names])
    for name, gradient in zip(names, gradients, strict=True):
        placed = weights.named[name]
        here = slice(placed.offset, placed.offset + placed.size)
        direction = np.zeros_like(before)
        direction[here] = rng.standard_normal(placed.size)
        sides = []
        for sign in (1, -1):
            device.write(weights.values, (before + sign * 1e-5 * direction).tobytes())
            sides.append(loss().numpy().item())
        device.write(weights.values, before.tobytes())
        expected = (sides[0] - sides[1]) / 2e-5
        found = (gradient.numpy().reshape(-1) * direction[here]).sum()
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-7), name


@pytest.mark.parametrize(
    "changes",
    [
        {"model.positions": "rope"},
        {"model.positions": "rope", "model.qk_norm": True},
        {"model.qk_norm": True},
        {"model.positions": "alibi"},
        {"model.n_kv_head": 1},
        {"model.window": 3},
        {"model.attention_sinks": True, "model.attention_cap": 3.0},
        {"model.attention_gate": True},
        {"model.logit_cap": 2.0},
        {"model.positions": "sinusoidal"},
        {"model.positions": "none"},
        {"model.norm_place": "post", "model.norm": "rmsnorm"},
    ],
    ids=str,
)
def test_the_cache_changes_nothing(device, changes):
    """Sampling with what attention kept of the tokens before gives the tokens that sampling anew gives."""
    run = poem_run(device, **changes)
    finish(run)
    for settings_, cached, anew in samplers(run):
        assert cached.take(device.read(cached.output)) == anew.take(device.read(anew.output)), settings_


@pytest.mark.parametrize(
    "changes, field, message",
    [
        (
            {"model.n_head": 4, "model.n_kv_head": 3},
            "model.n_kv_head",
            "4 heads cannot share 3 key heads evenly; choose one of 1, 2, 4",
        ),
        (
            {"model.n_embd": 15, "model.n_head": 3, "model.positions": "rope"},
            "model.positions",
            "a head of 5 .* has an odd one",
        ),
        ({"model.norm": "batchnorm"}, "model.norm", "'batchnorm' is not one of layernorm, rmsnorm, none"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, field, message):
    with pytest.raises(ExperimentError, match=message) as caught:
        experiment(**changes)
    assert caught.value.field == field
