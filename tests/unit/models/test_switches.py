"""The settings of a model, one at a time and in random combinations."""

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

# The values to test of each setting that is neither a choice nor a bool.
VALUES = {
    "model.n_head": (4,),
    "model.n_embd": (16, 24),
    "model.head_dim": (0, 6, 10),
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
    "model.rope_factor": (1.0, 3.0),
    "model.rope_low_factor": (1.0, 0.5),
    "model.rope_high_factor": (4.0, 2.0),
    "model.rope_original_context": (8192, 16),
    "model.norm_epsilon": (1e-5, 0.0, 1e-2),
    "model.mlp_ratio": (0.5, 8 / 3, 4.0),
    "model.dtype": ("float32",),
}


def values(section, config):
    """Yield each field of a section with the values to test."""
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
# Settings that do something only beside another one.
TOGETHER = {
    "model.qk_norm_scale": {"model.qk_norm": True},
    "model.rope_scaling": {"model.positions": "rope", "model.rope_factor": 3.0, "model.rope_original_context": 16},
}
ONE_BY_ONE += [("optim.label_smoothing", 0.2), ("optim.z_loss", 0.1)]


# Settings with values that few other settings, or no GPU, support: their defaults are drawn more often.
RARE = ("model.init", "model.dtype")


def required(changes):
    """The settings outside the model that the changes require."""
    required = {"data.layout": "documents"} if changes.get("model.init") == "python-random" else {}
    for name, others in TOGETHER.items():
        if len(changes) == 1 and name in changes:
            required |= others
    return required


def test_every_setting_is_covered():
    assert {field.name for field in dataclasses.fields(ModelConfig)} == {name.split(".")[1] for name in SWITCHES}


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.fixed_dictionaries(
        {name: st.sampled_from((*choices[:1] * (8 * (name in RARE)), *choices)) for name, choices in ALL.items()}
    )
)
def test_random_combinations_agree_across_devices(cpu, gpu, changes):
    """Two steps on NumPy and on a GPU: finite losses that agree, or an error that names a field."""
    changes |= {"train.steps": 2, "train.eval_every": 2, "train.batch_size": 3, **required(changes)}
    try:
        experiment(**changes)
    except ExperimentError as error:
        assert error.field in ALL and len(str(error)) > 40
        return
    if changes["model.dtype"] == "float64":
        with pytest.raises(ExperimentError, match="only the NumPy device supports float64"):
            poem_run(gpu, **changes)
        metrics = [finish(poem_run(cpu, **changes | {"model.dtype": dtype})) for dtype in ("float64", "float32")]
    else:
        metrics = [finish(poem_run(device, **changes)) for device in (cpu, gpu)]
    for ours, theirs in zip(*metrics, strict=True):
        for one, other in ((ours.loss, theirs.loss), (ours.val_loss, theirs.val_loss)):
            assert (one is None) == (other is None)
            assert one is None or math.isfinite(one) and one == pytest.approx(other, abs=2e-4), changes


@pytest.mark.parametrize("name, value", ONE_BY_ONE, ids=lambda part: str(part).removeprefix("model."))
def test_gradients_match_finite_differences(name, value):
    """The gradient of every parameter, through a whole model in double precision."""
    # The default norms and positions do not mask the setting; a large init_std makes every branch matter.
    changes = {"model.init_std": 0.3, "model.n_layer": 2, "model.n_head": 4, name: value, **required({name: value})}
    changes |= {"model.tie_weights": False} if name == "model.init" else {}
    tiny = experiment(**changes)
    config, options = tiny.model, {"smoothing": tiny.optim.label_smoothing, "z_loss": tiny.optim.z_loss}
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
    before += 0.05 * rng.standard_normal(before.shape)  # move biases, scales and sinks away from 0 and 1
    device.write(weights.values, before.tobytes())
    names = list(weights.by_name)
    gradients = backward(loss(), [weights.by_name[name] for name in names])
    for name, gradient in zip(names, gradients, strict=True):
        placed = weights.by_name[name]
        part = slice(placed.offset, placed.offset + placed.size)
        direction = np.zeros_like(before)
        direction[part] = rng.standard_normal(placed.size)
        sides = []
        for sign in (1, -1):
            device.write(weights.values, (before + sign * 1e-5 * direction).tobytes())
            sides.append(loss().numpy().item())
        device.write(weights.values, before.tobytes())
        expected = (sides[0] - sides[1]) / 2e-5
        actual = (gradient.numpy().reshape(-1) * direction[part]).sum()
        assert actual == pytest.approx(expected, rel=1e-5, abs=1e-7), name


@pytest.mark.parametrize(
    "changes",
    [
        {"model.positions": "rope"},
        {"model.positions": "rope", "model.qk_norm": True},
        {"model.qk_norm": True},
        {"model.qk_norm": True, "model.qk_norm_scale": True, "model.head_dim": 6, "model.n_kv_head": 1},
        {"model.positions": "rope", "model.rope_scaling": "llama3", "model.rope_factor": 4.0, "model.head_dim": 8},
        {"model.head_dim": 10, "model.attention_gate": True, "model.qkv_bias": True},
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
def test_the_cache_does_not_change_the_tokens(device, changes):
    """Sampling with cached keys and values gives the same tokens as recomputing them."""
    run = poem_run(device, **changes)
    finish(run)
    for settings_, cached, uncached in samplers(run):
        assert cached.take(device.read(cached.output)) == uncached.take(device.read(uncached.output)), settings_


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
            "a head has 5 .*choose sizes that give an even number",
        ),
        (
            {"model.positions": "rope", "model.rope_scaling": "llama3", "model.rope_low_factor": 4.0},
            "model.positions",
            "needs model.rope_low_factor 4 below model.rope_high_factor 4",
        ),
        ({"model.norm": "batchnorm"}, "model.norm", "'batchnorm' is not one of layernorm, rmsnorm, none"),
    ],
)
def test_incompatible_settings_are_rejected(changes, field, message):
    with pytest.raises(ExperimentError, match=message) as caught:
        experiment(**changes)
    assert caught.value.field == field
