"""Folders in the layout of `transformers`, changed in one place, for the tests of this folder."""

import itertools
import json
import shutil
from pathlib import Path

import numpy as np

from pygpt.huggingface import import_folder
from pygpt.runs.checkpoint import checkpoint_pieces, read_checkpoint
from pygpt.runs.safetensors import Entry, read_safetensors, write_safetensors

GOLDENS = Path(__file__).resolve().parents[2] / "goldens"
BIASES = {
    "self_attn": ["q_proj", "k_proj", "v_proj", "o_proj"],
    "mlp": ["gate_proj", "up_proj", "down_proj"],
}
INDEX = "model.safetensors.index.json"


def golden(name):
    """A golden folder imported, its ids, its logits, and the step between the tokens that these are for."""
    folder = GOLDENS / name
    has_tokenizer = any(folder.glob("*token*")) or (folder / "vocab.json").exists()
    recorded = np.load(folder / "logits.npz")
    checkpoint = imported(folder, tokenizer=None if has_tokenizer else str(GOLDENS / "hf_llama"))
    return checkpoint, recorded["ids"], recorded["logits"], int(recorded["every"]) if "every" in recorded else 1


def imported(folder, *arguments, **settings):
    """Import a folder, write it as a checkpoint and read that."""
    return read_checkpoint(b"".join(checkpoint_pieces(import_folder(folder, *arguments, **settings))))


def copied(name, folder, **config):
    """Copy a golden folder to `folder`, with changes to its config.json; return the copy."""
    shutil.copytree(GOLDENS / name, folder)
    change_json(folder / "config.json", **config)
    return folder


def change_json(path, **changes):
    """Change fields of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def arrays_of(folder):
    """The arrays of a folder's only file, by name."""
    return read_safetensors((folder / "model.safetensors").read_bytes())[0]


def write_arrays(path, arrays):
    """Write a safetensors file as `transformers` does."""
    path.write_bytes(write_safetensors(arrays, {"format": "pt"}))


def split_in_shards(folder, names=("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")):
    """Replace a folder's only file with shards of these names and their index; return the arrays of each shard."""
    arrays = arrays_of(folder)
    (folder / "model.safetensors").unlink()
    shards = {name: dict(list(arrays.items())[number :: len(names)]) for number, name in enumerate(names)}
    for name, part in shards.items():
        write_arrays(folder / name, part)
    places = {array: name for name, part in shards.items() for array in part}
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    return shards


def with_biases(name, folder, parts, **config):
    """A golden folder whose layers have random biases in these parts; return the biases."""
    copied(name, folder, **config)
    arrays = {name: array for name, array in arrays_of(folder).items() if not name.endswith(".bias")}
    biases, chance = {}, np.random.default_rng(1)
    for part in parts:
        for layer, linear in itertools.product(range(2), BIASES[part]):
            place = f"model.layers.{layer}.{part}.{linear}"
            rows = arrays[f"{place}.weight"].shape[0]
            biases[f"{place}.bias"] = Entry("F32", (rows,), chance.normal(size=rows).astype("float32").tobytes())
    write_arrays(folder / "model.safetensors", arrays | biases)
    return biases
