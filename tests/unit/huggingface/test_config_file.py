"""What a config.json says is read as `transformers` reads it, or refused by the name of the field."""

import codecs
import json
from importlib.util import find_spec

import numpy as np
import pytest

from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import CheckpointError, PygptError
from pygpt.inference.trained_model import TrainedModel
from tests.unit.huggingface.folders import change_json, copied, imported

LINEAR, LLAMA3 = {"rope_type": "linear", "factor": 2.0}, {"rope_type": "llama3", "factor": 8.0}
DEFAULT_500 = {"rope_type": "default", "rope_theta": 500.0}

REFUSED = {
    "quantized": ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "has a quantization_config"),
    "code of its own": ({"auto_map": {"AutoModelForCausalLM": "modeling_mine.Mine"}}, "has an auto_map"),
    "another task": ({"architectures": ["LlamaForSequenceClassification"]}, "architectures is .'LlamaForSequenceClas"),
    "another family": ({"architectures": ["MistralForCausalLM"]}, "LlamaForCausalLM and LlamaModel"),
    "two, one unknown": ({"architectures": ["LlamaForCausalLM", "Mine"]}, "architectures is"),
    "not a list": ({"architectures": "LlamaForCausalLM"}, "architectures is 'LlamaForCausalLM'"),
    "unknown scaling": ({"rope_scaling": {"rope_type": "yarn", "factor": 2.0}}, "rope_scaling.rope_type is 'yarn'"),
    "old name": ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope_scaling.type is 'dynamic'"),
    "older beside newer": (
        {"rope_scaling": {"type": "dynamic", "factor": 2.0}, "rope_parameters": DEFAULT_500},
        "rope_scaling.type is 'dynamic'",
    ),
    "by layer": ({"rope_parameters": {"full_attention": DEFAULT_500}}, "rope_parameters is .*; expected a table of"),
    "a word": ({"rope_scaling": "linear"}, "rope_scaling is 'linear'; expected a table"),
    "attends both ways": ({"is_causal": False}, "is_causal is False"),
    "causal or not": ({"is_causal": None}, "is_causal is None"),
    "part of a head": ({"partial_rotary_factor": 0.5}, "partial_rotary_factor is 0.5"),
    "part of a head, inside": ({"rope_parameters": {**DEFAULT_500, "partial_rotary_factor": 0.5}}, "factor is 0.5"),
}


@pytest.mark.parametrize("changes, message", REFUSED.values(), ids=REFUSED)
def test_what_pygpt_does_not_have_is_refused_by_name(changes, message, tmp_path):
    with pytest.raises(CheckpointError, match=message):
        imported(copied("hf_llama", tmp_path / "folder", **changes))


SIZES = [
    ("n_layer", "num_hidden_layers"),
    ("n_head", "num_attention_heads"),
    ("n_embd", "hidden_size"),
    ("n_positions", "max_position_embeddings"),
]


@pytest.mark.parametrize("short, long", SIZES, ids=str)
def test_a_size_with_two_names_has_one_value(short, long, tmp_path):
    folder = copied("hf_gpt2", tmp_path / "folder")
    plain, value = imported(folder), json.loads((folder / "config.json").read_text())[short]
    for names in ({short: value, long: value}, {short: None, long: value}, {short: value, long: None}):
        change_json(folder / "config.json", **names)
        assert imported(folder).experiment.model == plain.experiment.model
    change_json(folder / "config.json", **{short: value, long: value * 2})
    with pytest.raises(CheckpointError, match=f"{short} is {value}; {long}, its other name, is {value * 2}"):
        imported(folder)


FULL, SLIDING = "full_attention", "sliding_attention"
MISTRAL_KINDS = {
    "none named": ({"layer_types": None, "sliding_window": 4}, 4),
    "all full": ({"layer_types": [FULL] * 2, "sliding_window": 4}, 0),
    "all sliding": ({"layer_types": [SLIDING] * 2, "sliding_window": 4}, 4),
    "one of each": ({"layer_types": [FULL, SLIDING], "sliding_window": 4}, None),
    "sliding without a window": ({"layer_types": [SLIDING] * 2, "sliding_window": None}, None),
    "too few": ({"layer_types": [SLIDING], "sliding_window": 4}, None),
    "not a list": ({"layer_types": SLIDING, "sliding_window": 4}, None),
}


@pytest.mark.parametrize("changes, window", MISTRAL_KINDS.values(), ids=MISTRAL_KINDS)
def test_the_kinds_of_mistrals_layers_are_read_or_refused(changes, window, tmp_path):
    """transformers reads a mistral with layer_types as a ministral, whose windows they decide."""
    folder = copied("hf_mistral", tmp_path / "folder", **changes)
    if window is None:
        with pytest.raises(CheckpointError, match="layer_types is"):
            imported(folder, tokenizer="byte")
    else:
        assert imported(folder, tokenizer="byte").experiment.model.window == window


ROPE = {
    "new": ({"rope_parameters": DEFAULT_500, "rope_theta": 7.0}, 500.0),
    "old": ({"rope_parameters": None, "rope_theta": 500.0}, 500.0),
    "neither": ({"rope_parameters": None, "rope_theta": None}, 10000.0),
    "old beside new: the old one replaces it": (
        {"rope_scaling": {"rope_type": "default"}, "rope_parameters": DEFAULT_500, "rope_theta": 300.0},
        300.0,
    ),
    "an empty old one": ({"rope_scaling": {}, "rope_parameters": DEFAULT_500, "rope_theta": 300.0}, 500.0),
    "null": ({"rope_scaling": None, "rope_parameters": DEFAULT_500}, 500.0),
    "both names of the type": ({"rope_parameters": {**DEFAULT_500, "type": "linear"}}, 500.0),
}


@pytest.mark.parametrize("changes, base", ROPE.values(), ids=ROPE)
def test_rope_is_read_as_transformers_reads_it(changes, base, tmp_path):
    folder = copied("hf_llama", tmp_path / "folder", **changes)
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({key: value for key, value in values.items() if value is not None}))
    checkpoint = imported(folder)
    assert checkpoint.experiment.model.rope_base == base
    if not (find_spec("transformers") and find_spec("torch")):
        return  # neither is a dependency
    import torch
    import transformers

    ids = np.arange(2, 12)[None]
    with torch.no_grad():
        expected = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()(torch.tensor(ids)).logits.numpy()
    np.testing.assert_allclose(TrainedModel(checkpoint, NumpyDevice()).logits(ids), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["config.json", "merges.txt", "vocab.json"])
@pytest.mark.parametrize("marks", [1, 2])
def test_a_byte_order_mark_is_left_out(name, marks, tmp_path):
    plain, marked = (copied("hf_gpt2", tmp_path / folder) for folder in ("plain", "marked"))
    (marked / name).write_bytes(codecs.BOM_UTF8 * marks + (plain / name).read_bytes())
    one, other = imported(plain), imported(marked)
    assert one.tokenizer == other.tokenizer and one.experiment.model == other.experiment.model


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "tokenizer.json"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_another_encoding_is_named(name, encoding, tmp_path):
    folder = copied("hf_llama", tmp_path / "folder")
    (folder / name).write_bytes((folder / name).read_text().encode(encoding))
    with pytest.raises(PygptError, match=f"is in {encoding.upper()}: save it as UTF-8"):
        imported(folder)


def test_a_large_file_is_not_read(tmp_path):
    folder = copied("hf_llama", tmp_path / "folder")
    with (folder / "config.json").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(CheckpointError, match="config.json has more than 32 MB, which no config.json needs"):
        imported(folder)
