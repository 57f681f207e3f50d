"""Import a checkpoint of nanoGPT (ckpt.pt) as a run before its first step.

Its arrays have GPT-2's names, but a linear layer stores (n_out, n_in), and GELU is exact. Before 27 January 2023 its
model_args had no `bias`, and GELU was the approximation by tanh; from then to 17 May 2023 it was that too, but nothing
in the file says so. Source: model.py and train.py of github.com/karpathy/nanoGPT.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from pygpt.config.experiment import Experiment
from pygpt.data.nanogpt_tokens import read_meta
from pygpt.errors import CheckpointError, ExperimentError, TokenizerError
from pygpt.huggingface.gpt2 import GPT2
from pygpt.huggingface.layout import ArrayMapping
from pygpt.huggingface.weight_files import beyond_float32
from pygpt.nanogpt.torch_file import StoredTensor, TorchFile
from pygpt.runs.checkpoint import Checkpoint, parameter_shapes
from pygpt.runs.provenance import now
from pygpt.tensor.kernel import np
from pygpt.tokenizers import Tokenizer, train_tokenizer
from pygpt.utils.files import open_regular
from pygpt.version import __version__

# In front of the names of a model that torch.compile has compiled, or DistributedDataParallel has wrapped, or both.
_WRAPPERS = re.compile(r"(?:_orig_mod\.|module\.)+")
_MASK = ".attn.bias"  # a buffer, not a bias, of old versions
_SIZES = ("n_layer", "n_head", "n_embd", "block_size", "vocab_size")


def import_checkpoint(path, meta=None, block_size: int | None = None) -> Checkpoint:
    """Import a file; `meta` is the meta.pkl of its data set, or None for GPT-2's tokens.

    `block_size` can shorten the block. The weights are functions that return bytes, for `checkpoint_pieces`.
    Raises: CheckpointError for another kind of file; DataError for another meta.pkl; TokenizerError if it does not fit.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise CheckpointError(f"{path} is a folder; expected a file of nanoGPT's, such as {path / 'ckpt.pt'}")
    file = TorchFile(path)
    values = file.values if isinstance(file.values, dict) else {}
    arguments, state = values.get("model_args"), values.get("model")
    if not isinstance(arguments, dict) or not isinstance(state, dict):
        raise CheckpointError(f"{path} is not a checkpoint of nanoGPT: it has no model and model_args")
    wrong = next((name for name in _SIZES if type(arguments.get(name)) is not int), None)
    if wrong or not isinstance(arguments.get("bias", True), bool):
        name = wrong or "bias"
        raise CheckpointError(
            f"{path}: model_args has {name} {arguments.get(name)!r:.40}, which is no size of nanoGPT's"
        )
    tokenizer = _tokenizer(path, meta, arguments["vocab_size"])
    arrays = _arrays(path, state)
    full_block = arguments["block_size"]
    if block_size is not None and not 1 <= block_size <= full_block:
        raise ExperimentError("block-size", f"{block_size} is outside 1 to {full_block}, the model's")
    tied = _tied(file, arrays)
    bias = arguments.get("bias", any(name.endswith(".bias") for name in arrays))
    block = full_block if block_size is None else block_size
    experiment = _experiment(path, arguments, block, bias, tied, tokenizer)
    places = {place.ours: place for place in GPT2.places(experiment.model, tokenizer.vocab_size)}
    shapes = parameter_shapes(experiment, tokenizer)
    for name in shapes:
        _check(file, places[name], arrays, arguments)
    unknown = arrays.keys() - {places[name].theirs for name in shapes} - {"lm_head.weight"}
    if unknown:
        raise CheckpointError(f"{path} has arrays that nanoGPT's model does not have: {', '.join(sorted(unknown)[:3])}")
    weights = {
        name: (lambda place=places[name], shape=shape: _assemble(file, place, arrays, shape))
        for name, shape in shapes.items()
    }
    with open_regular(path) as whole:
        digest = hashlib.file_digest(whole, "sha256").hexdigest()
    imported: dict[str, Any] = {"from": path.name, "architecture": "nanoGPT", "sha256": digest}
    imported["vocab_size"] = arguments["vocab_size"]
    if type(values.get("iter_num")) is int:
        imported["steps"] = values["iter_num"]
    provenance = {"pygpt": __version__, "when": now(), "imported": imported}
    return Checkpoint(experiment, tokenizer, 0, provenance, weights, {}, None)


def _tokenizer(path, meta, vocab_size) -> Tokenizer:
    if meta is not None:
        tokenizer: Tokenizer = read_meta(Path(meta))
    elif vocab_size >= 50257:
        tokenizer = train_tokenizer("gpt2", "", documents=False)
    else:
        raise CheckpointError(
            f"{path} has a model of {vocab_size} tokens, which are not GPT-2's: pass the meta.pkl of its data set, as "
            "in --meta data/shakespeare_char/meta.pkl"
        )
    if tokenizer.vocab_size > vocab_size:
        raise TokenizerError(
            f"the tokenizer has {tokenizer.vocab_size} tokens, but the model has {vocab_size}: they do not belong "
            "together"
        )
    return tokenizer


def _arrays(path, state) -> dict[str, StoredTensor]:
    """The tensors by their names in GPT-2's layout."""
    arrays: dict[str, StoredTensor] = {}
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, StoredTensor):
            raise CheckpointError(f"{path}: its model has {name!r:.60}, which is not a tensor")
        wrapped = _WRAPPERS.match(name)
        short = name[wrapped.end() if wrapped else 0 :].removeprefix("transformer.")
        if short in arrays and arrays[short] != tensor:
            raise CheckpointError(f"{path} has two arrays for {short}")
        if not short.endswith(_MASK):
            arrays[short] = tensor
    return arrays


def _tied(file, arrays):
    """Whether the output layer and the embedding share weights: one storage for both, or equal values."""
    head, embedding = arrays.get("lm_head.weight"), arrays.get("wte.weight")
    if head is None or head == embedding:
        return True
    same_shape = embedding is not None and head.shape == embedding.shape
    return (
        same_shape and head.is_float and embedding.is_float and np.array_equal(file.array(head), file.array(embedding))
    )


def _experiment(path, arguments, block_size, bias, tied, tokenizer) -> Experiment:
    # As for a transformers folder: the default training settings, with the same number of tokens per step.
    base = Experiment(name=path.stem)
    batch_size = max(1, base.train.batch_size * base.model.block_size // max(1, block_size))
    model = {name: arguments[name] for name in ("n_layer", "n_head", "n_embd")} | {"bias": bias}
    model |= {"block_size": block_size, "tie_weights": tied, "dropout": arguments.get("dropout", 0.0)}
    model |= {"norm": "layernorm", "norm_epsilon": 1e-5, "positions": "learned", "mlp_ratio": 4.0}
    model["mlp"] = "gelu_erf" if "bias" in arguments else "gelu"
    encoding = "char" if tokenizer.kind == "char" else "gpt2"
    try:
        return base.with_fields(
            **{f"model.{name}": value for name, value in model.items()},
            **{"data.tokenizer": encoding, "train.batch_size": batch_size},
            **{"optim.learning_rate": 3e-5, "optim.min_learning_rate": 3e-6},
        )
    except ExperimentError as error:
        raise CheckpointError(f"{path} has a model that pygpt cannot build: {error}") from None


def _check(file, place, arrays, arguments):
    """Check that an array is there, has its shape (rows that are not used are allowed), and is finite."""
    tensor = arrays.get(place.theirs)
    if tensor is None:
        raise CheckpointError(f"{file.path} has no array {place.theirs}")
    rows = {"embedding.positions": arguments["block_size"]}.get(place.ours, arguments["vocab_size"])
    whole = place.ours in ("embedding.positions", "embedding.tokens", "head.weight")
    shape = (rows, *place.shape[1:]) if whole else place.shape[::-1] if _is_linear(place) else place.shape
    if tensor.shape != shape or not tensor.is_float:
        raise CheckpointError(
            f"{file.path}: {place.theirs} is {tensor.kind.removesuffix('Storage')}{list(tensor.shape)}, but model_args "
            f"needs floating-point numbers as {list(shape)}"
        )
    values = file.array(tensor)
    if not np.isfinite(values).all():
        raise CheckpointError(
            f"{file.path}: {place.theirs} has numbers that are NaN or infinite: the model has diverged"
        )
    if beyond_float32(values):
        raise CheckpointError(f"{file.path}: {place.theirs} has numbers beyond those of float32")


def _is_linear(place: ArrayMapping) -> bool:
    """Whether an array is the matrix of a linear layer within a block: nanoGPT stores it (n_out, n_in), GPT-2 not."""
    return place.ours.startswith("blocks.") and len(place.shape) == 2


def _assemble(file, place, arrays, shape):
    """Return the bytes of one parameter of the run, which has this shape."""
    values = file.array(arrays[place.theirs])
    values = values.T if _is_linear(place) else values[: place.shape[0]]
    values = values.T if place.transposed else values  # the output layer, which GPT-2 stores (n_out, n_in) too
    if values.shape != shape:  # bytes would hide it
        raise CheckpointError(f"{file.path}: {place.theirs} gives {list(values.shape)}, but pygpt has {list(shape)}")
    return np.ascontiguousarray(values, "float32").data.cast("B")
