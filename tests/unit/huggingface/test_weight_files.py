"""Which files of a folder hold the weights: an index decides, and what is missing or contradictory is named."""

import dataclasses
import json
import os
import re

import numpy as np
import pytest

from pygpt.errors import CheckpointError
from pygpt.huggingface import import_folder
from pygpt.runs.safetensors import Entry
from tests.unit.huggingface.folders import (
    BIASES,
    INDEX,
    arrays_of,
    change_json,
    copied,
    imported,
    split_in_shards,
    with_biases,
    write_arrays,
)


@pytest.fixture
def folder(tmp_path):
    return copied("hf_llama", tmp_path / "folder")


@pytest.fixture
def weights(folder):
    """The weights that any division of the folder's file must give."""
    return {name: bytes(data) for name, data in imported(folder).weights.items()}


def other(array):
    """An array of the same shape with other values."""
    return dataclasses.replace(array, data=(np.frombuffer(array.data, "float32") + 1).tobytes())


@pytest.mark.parametrize(
    "names",
    [
        ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
        ("part-a.safetensors", "part-b.safetensors"),
        ("model.safetensors",),
    ],
    ids=str,
)
def test_the_index_decides_whatever_else_is_there(names, folder, weights):
    shards = split_in_shards(folder, names)
    whole = {name: array for part in shards.values() for name, array in part.items()}
    stale = {name: other(array) for name, array in whole.items()}
    for name in ("model-00001-of-00003.safetensors", "model-00009-of-00002.safetensors"):
        write_arrays(folder / name, stale)
    write_arrays(folder / "model.safetensors", whole)
    assert {name: bytes(data) for name, data in imported(folder).weights.items()} == weights


@pytest.mark.parametrize("kind", ["other values", "fewer", "more", "another type", "damaged"])
def test_an_index_beside_another_whole_file_is_refused(kind, folder):
    """transformers puts model.safetensors before the index; pygpt guesses neither."""
    whole = arrays_of(folder)
    split_in_shards(folder)
    name = "model.norm.weight"
    half = Entry("F16", whole[name].shape, np.frombuffer(whole[name].data, "float32").astype("float16").tobytes())
    changes = {"other values": {name: other(whole[name])}, "more": {"a": half}, "another type": {name: half}}
    whole |= changes.get(kind, {})
    if kind == "fewer":
        del whole[name]
    write_arrays(folder / "model.safetensors", whole)
    if kind == "damaged":
        (folder / "model.safetensors").write_bytes(b"not safetensors")
    message = "model.safetensors: this is not" if kind == "damaged" else "the folder has two models: .* differ in"
    with pytest.raises(CheckpointError, match=message):
        imported(folder)


def test_an_array_that_the_index_does_not_list_is_left_alone(folder, weights):
    shards = split_in_shards(folder)
    (first, arrays), _ = shards.items()
    write_arrays(folder / first, {**arrays, "model.layers.0.self_attn.rotary": next(iter(arrays.values()))})
    assert {name: bytes(data) for name, data in imported(folder).weights.items()} == weights


@pytest.mark.parametrize("name", ["model.norm.weight", "model.layers.0.mlp.up_proj.weight", "lm_head.weight"])
def test_an_array_of_the_model_that_the_index_does_not_list_is_read(name, folder, weights):
    """transformers reads it; a norm's scale became 1 without a word."""
    split_in_shards(folder)
    places = json.loads((folder / INDEX).read_text())["weight_map"]
    del places[name]
    change_json(folder / INDEX, weight_map=places)
    assert {name: bytes(data) for name, data in imported(folder).weights.items()} == weights


def test_an_array_that_is_there_twice_is_refused_whatever_the_index_lists(folder, weights):
    shards = split_in_shards(folder)
    (first, _), (second, arrays) = shards.items()
    name = next(iter(arrays))
    write_arrays(folder / first, {**shards[first], name: arrays[name]})
    assert {name: bytes(data) for name, data in imported(folder).weights.items()} == weights
    write_arrays(folder / first, {**shards[first], name: other(arrays[name])})
    with pytest.raises(CheckpointError, match="two arrays for .* with different values"):
        imported(folder)


@pytest.mark.parametrize("name", ["hf_gpt2", "hf_llama", "hf_llama_biased", "hf_mistral", "hf_qwen2", "hf_qwen3"])
def test_an_array_that_is_missing_is_named(name, tmp_path):
    """The scales of norms became 1, and biases 0."""
    folder = copied(name, tmp_path / "folder")
    arrays = arrays_of(folder)
    for missing in arrays:
        write_arrays(folder / "model.safetensors", {key: array for key, array in arrays.items() if key != missing})
        short = missing.removeprefix("transformer.").removeprefix("model.")
        with pytest.raises(CheckpointError, match=f"no (array )?{re.escape(short)}"):
            import_folder(folder, tokenizer="byte")


@pytest.mark.parametrize("mlp", [True, False])
@pytest.mark.parametrize("attention", [True, False])
def test_the_config_says_which_biases_there_are(attention, mlp, tmp_path):
    """One flag stood for both, so biases that the model does not have were taken over."""
    folder, flags = tmp_path / "folder", {"attention_bias": attention, "mlp_bias": mlp}
    parts = [part for part, has in (("self_attn", attention), ("mlp", mlp)) if has]
    with_biases("hf_llama", folder, parts, **flags)
    checkpoint = imported(folder)
    assert checkpoint.experiment.model.bias == (attention or mlp)
    for ours, has in ("attention.qkv", attention), ("attention.projection", attention), ("mlp.expand", mlp):
        assert any(checkpoint.weights.get(f"blocks.1.{ours}.bias", b"")) == has, ours
    for part in {"self_attn", "mlp"} - set(parts):
        (tmp_path / part).mkdir()
        with_biases("hf_llama", tmp_path / part / "folder", [*parts, part], **flags)
        with pytest.raises(CheckpointError, match=f"does not have with this config.json: layers.0.{part}.*_proj.bias"):
            imported(tmp_path / part / "folder")


def test_a_bias_that_neither_config_nor_index_lists_is_not_used(folder):
    change_json(folder / "config.json", attention_bias=True)
    with_biases("hf_llama", folder.parent / "other", BIASES, attention_bias=True)
    arrays = arrays_of(folder.parent / "other")
    write_arrays(folder / "part.safetensors", arrays)
    (folder / "model.safetensors").unlink()
    places = {name: "part.safetensors" for name in arrays if ".mlp." not in name or name.endswith(".weight")}
    (folder / INDEX).write_text(json.dumps({"weight_map": places}))
    checkpoint = imported(folder)
    assert not any(checkpoint.weights["blocks.0.mlp.expand.bias"])
    assert any(checkpoint.weights["blocks.0.attention.qkv.bias"])


def test_shards_without_an_index(folder, weights):
    split_in_shards(folder)
    (folder / INDEX).unlink()
    assert {name: bytes(data) for name, data in imported(folder).weights.items()} == weights


@pytest.mark.parametrize("index", [True, False])
def test_a_missing_shard_is_named_as_a_file(index, folder):
    split_in_shards(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()
    if not index:
        (folder / INDEX).unlink()
    with pytest.raises(CheckpointError, match="the file model-00002-of-00002.safetensors is missing"):
        imported(folder)


def test_shards_of_different_models_are_refused_without_an_index(folder):
    shards = split_in_shards(folder)
    (folder / INDEX).unlink()
    write_arrays(folder / "model-00001-of-00003.safetensors", next(iter(shards.values())))
    with pytest.raises(CheckpointError, match="shards of different models .of 2 and of 3. and no model.safetensors.in"):
        imported(folder)


@pytest.mark.parametrize("place", ["one file", "two files"])
def test_an_array_under_two_names_must_be_the_same(place, folder, weights):
    arrays = arrays_of(folder)
    name, second = "model.norm.weight", "norm.weight"
    if place == "one file":
        write = lambda twin: write_arrays(folder / "model.safetensors", {**arrays, second: twin})
    else:
        shards = split_in_shards(folder)
        last = list(shards)[-1]
        (folder / INDEX).unlink()
        write = lambda twin: write_arrays(folder / last, {**shards[last], second: twin})
    write(arrays[name])
    assert {name: bytes(data) for name, data in imported(folder).weights.items()} == weights
    write(other(arrays[name]))
    with pytest.raises(CheckpointError, match="two arrays for norm.weight with different values: "):
        imported(folder)


@pytest.mark.parametrize(
    "places, message",
    [
        ({}, "has no weight_map"),
        (3, "has no weight_map"),
        ({"norm.weight": 3}, "has no weight_map"),
        ({"norm.weight": "../folder/model.safetensors"}, "is not a file of the folder"),
        ({"norm.weight": "/etc/hostname"}, "is not a file of the folder"),
        ({"norm.weight": "a\0b"}, "is not a file of the folder"),
        ({"norm.weight": ".."}, "is not a file of the folder|cannot be read"),
        ({"norm.bias": "model.safetensors"}, "model.safetensors has no array norm.bias, which model.safetensors.index"),
    ],
    ids=str,
)
def test_an_index_that_lies_is_refused(places, message, folder):
    (folder / INDEX).write_text("{}")
    change_json(folder / INDEX, weight_map=places)
    with pytest.raises(CheckpointError, match=message):
        imported(folder)


@pytest.mark.parametrize("name", ["config.json", INDEX, "model.safetensors"])
def test_a_pipe_in_place_of_a_file_is_refused_at_once(name, folder):
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(CheckpointError, match=f"{name} cannot be read: it is not a file"):
        imported(folder)


def test_a_damaged_shard_is_named(folder):
    split_in_shards(folder)
    path = folder / "model-00002-of-00002.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="model-00002-of-00002.safetensors: the file is cut short"):
        imported(folder)


@pytest.mark.parametrize("dtype, bits", [("F32", "float32"), ("F16", "float16"), ("F64", "float64"), ("BF16", None)])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused_by_name(dtype, bits, value, folder):
    arrays = arrays_of(folder)
    name = "model.layers.1.mlp.up_proj.weight"
    values = np.frombuffer(arrays[name].data, "float32").copy()
    values[-1] = value
    data = values.astype(bits).tobytes() if bits else (values.view("uint32") >> 16).astype("uint16").tobytes()
    write_arrays(folder / "model.safetensors", {**arrays, name: Entry(dtype, arrays[name].shape, data)})
    with pytest.raises(CheckpointError, match="layers.1.mlp.up_proj.weight has numbers that are NaN or infinite"):
        import_folder(folder)


@pytest.mark.parametrize("value", [1e300, -3.5e38])
def test_weights_beyond_float32_are_refused_by_name(value, folder):
    arrays = arrays_of(folder)
    name = "model.layers.1.mlp.up_proj.weight"
    values = np.frombuffer(arrays[name].data, "float32").astype("float64")
    values[-1] = value
    write_arrays(folder / "model.safetensors", {**arrays, name: Entry("F64", arrays[name].shape, values.tobytes())})
    with pytest.raises(CheckpointError, match="layers.1.mlp.up_proj.weight has numbers beyond those of float32"):
        import_folder(folder)


@pytest.mark.parametrize("dtype, numpy", [("I64", "int64"), ("I32", "int32"), ("U8", "uint8"), ("BOOL", "bool")])
@pytest.mark.parametrize("name", ["lm_head.weight", "model.embed_tokens.weight", "model.norm.weight"])
def test_weights_that_are_whole_numbers_are_refused_by_name(name, dtype, numpy, folder):
    arrays = arrays_of(folder)
    shape = arrays[name].shape
    whole = Entry(dtype, shape, np.ones(shape, numpy).tobytes())
    write_arrays(folder / "model.safetensors", {**arrays, name: whole})
    short = name.removeprefix("model.")
    with pytest.raises(CheckpointError, match=rf"{short} is {dtype}\[.*, but config.json needs floating-point numbers"):
        import_folder(folder)
