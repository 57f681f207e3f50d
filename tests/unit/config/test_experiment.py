import pytest
from hypothesis import given
from hypothesis import strategies as st

from pygpt.config.experiment import PRESETS, Experiment
from pygpt.errors import ExperimentError


@pytest.mark.parametrize("name", PRESETS)
def test_presets_round_trip_through_toml(name):
    experiment = Experiment.preset(name)
    assert Experiment.from_toml(experiment.to_toml()) == experiment
    assert Experiment.from_dict(experiment.to_dict()) == experiment


@given(st.text(), st.floats(0, 100), st.integers(0, 2**32 - 1))
def test_any_values_round_trip_through_toml(name, rate, seed):
    experiment = Experiment.from_dict(
        {"name": name, "optim": {"learning_rate": rate, "min_learning_rate": 0}, "train": {"seed": seed}}
    )
    assert Experiment.from_toml(experiment.to_toml()) == experiment


@pytest.mark.parametrize(
    "values, field, message",
    [
        ({"model": {"n_layr": 3}}, "model.n_layr", "did you mean 'n_layer'?"),
        ({"modle": {}}, "modle", "did you mean 'model'?"),
        ({"model": {"n_layer": 2.5}}, "model.n_layer", "expected a whole number, got 2.5"),
        ({"model": {"n_layer": ""}}, "model.n_layer", "expected a whole number, got nothing"),
        ({"model": {"bias": 1}}, "model.bias", "expected true or false, got 1"),
        ({"model": {"n_layer": True}}, "model.n_layer", "expected a whole number, got true"),
        ({"model": {"n_embd": 130}}, "model.n_embd", "cannot be divided among 4 heads; choose a multiple"),
        ({"model": {"n_layer": -1}}, "model.n_layer", "-1 is outside 1 to 512"),
        ({"model": {"n_embd": 10**9}}, "model.n_embd", "is outside 1 to 65,536"),
        ({"model": {"kind": "rnn"}}, "model.kind", "'rnn' is not one of bigram, gpt"),
        ({"model": 3}, "model", "expected a table of fields, got 3"),
        ({"optim": {"learning_rate": 10**20 - 1}}, "optim.learning_rate", "1e20 is outside 0 to 100"),
        ({"optim": {"learning_rate": -5}}, "optim.learning_rate", "-5 is outside 0 to 100"),
        ({"optim": {"learning_rate": -1e-6}}, "optim.learning_rate", "-1e-6 is outside 0 to 100"),
        ({"optim": {"learning_rate": float("nan")}}, "optim.learning_rate", "expected a finite number"),
        ({"optim": {"learning_rate": 1e-5}}, "optim.min_learning_rate", "above optim.learning_rate"),
        ({"train": {"seed": 2**32}}, "train.seed", "outside 0 to 4,294,967,295"),
    ],
)
def test_errors_name_the_field_and_the_allowed_values(values, field, message):
    with pytest.raises(ExperimentError) as error:
        Experiment.from_dict(values)
    assert error.value.field == field
    assert message in str(error.value)


def test_unknown_presets_and_invalid_toml():
    with pytest.raises(ExperimentError, match="did you mean 'small'.*bigram, micro, baby, small"):
        Experiment.preset("smal")
    with pytest.raises(ExperimentError, match="this is not TOML"):
        Experiment.from_toml("model = [")


def test_nano_has_every_setting_of_nanogpts_shakespeare_char():
    """Source: karpathy/nanoGPT, config/train_shakespeare_char.py over the defaults of train.py and model.py."""
    nano = Experiment.preset("nano")
    expected = {
        "model": {
            "n_layer": 6,
            "n_head": 6,
            "n_embd": 384,
            "block_size": 256,
            "dropout": 0.2,
            "bias": False,
            "mlp": "gelu_erf",
            "tie_weights": True,
            "init_std": 0.02,
        },
        "optim": {
            "learning_rate": 1e-3,
            "min_learning_rate": 1e-4,
            "warmup_steps": 100,
            "weight_decay": 0.1,
            "beta1": 0.9,
            "beta2": 0.99,
            "grad_clip": 1.0,
            "schedule": "cosine",
        },
        "train": {"steps": 5000, "batch_size": 64, "accumulation": 1, "eval_every": 250, "seed": 1337},
    }
    values = nano.to_dict()
    assert {name: {key: values[name][key] for key in section} for name, section in expected.items()} == expected
