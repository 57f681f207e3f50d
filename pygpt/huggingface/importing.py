"""Import a `transformers` folder as a run.

The files are memory-mapped, and each parameter is assembled only when it is written, so memory holds one at a time.
"""

import os
from pathlib import Path

from pygpt.config.experiment import Experiment
from pygpt.config.sections import ModelConfig
from pygpt.errors import CheckpointError, ExperimentError, TokenizerError
from pygpt.huggingface.config_file import Config, read_table
from pygpt.huggingface.layout import ArrayMapping
from pygpt.huggingface.layouts import LAYOUTS
from pygpt.huggingface.token_ids import delimited, read_sampling, read_token_ids
from pygpt.huggingface.tokenizers import tokenizer_for
from pygpt.huggingface.weight_files import TYPES, beyond_float32, read_weights, values_of
from pygpt.runs.checkpoint import Checkpoint, parameter_shapes
from pygpt.runs.provenance import now
from pygpt.runs.safetensors import Entry, all_finite
from pygpt.tensor.kernel import np
from pygpt.version import __version__


def import_folder(folder, block_size: int | None = None, tokenizer: str | None = None) -> Checkpoint:
    """Import a folder as a run before its first step; `block_size` can shorten the block.

    `tokenizer` is "byte", "gpt2", or the path of a tokenizer.json or a folder with a tokenizer; None: the folder's.

    The weights are functions that return bytes, for `checkpoint_pieces`.
    Raises: CheckpointError for another kind of folder, or for files that disagree; TokenizerError for its tokenizer.
    """
    folder = Path(folder)
    if os.path.isfile(folder):
        raise CheckpointError(
            f"{folder} is a file; expected the folder of a model, which holds config.json, safetensors files and a "
            "tokenizer"
        )
    config = Config(read_table(folder / "config.json"))
    model_type = config.values.get("model_type")
    layout = LAYOUTS.get(model_type) if isinstance(model_type, str) else None
    if layout is None:
        raise CheckpointError(f"config.json: model_type is {model_type!r:.60}; pygpt reads {', '.join(LAYOUTS)}")
    _refuse_another_model(config, layout)
    ids = read_token_ids(folder, config.values)
    fields, model_vocab = layout.from_config(config), config.integer("vocab_size")
    tokens = delimited(tokenizer_for(folder, tokenizer, model_vocab), ids, layout.token_ids)
    stored = read_weights(folder, layout.prefix)
    entries = stored.arrays
    if model_vocab < tokens.vocab_size:
        raise TokenizerError(
            f"the tokenizer has {tokens.vocab_size} tokens, but the model has {model_vocab}: they do not belong "
            f"together"
        )
    full_block = fields["block_size"]
    fields["block_size"] = _block_size(full_block, block_size)
    fields["tie_weights"] = _tied(entries, config, layout)
    experiment = _experiment(folder, fields, tokens)
    places: dict[str, list[ArrayMapping]] = {}
    known = {"lm_head.weight"}
    for place in layout.places(experiment.model, tokens.vocab_size):
        places.setdefault(place.ours, []).append(place)
        if not layout.lacks(place, config):
            _check(place, entries.get(place.theirs), full_block, model_vocab)
            known.add(place.theirs)
    if unknown := entries.keys() - known - stored.unlisted:
        raise CheckpointError(
            f"the folder has arrays that pygpt's {layout.model_type} does not have with this config.json: "
            f"{', '.join(sorted(unknown)[:3])}"
        )
    used = {name: entry for name, entry in entries.items() if name in known}
    weights = {
        name: (lambda name=name, shape=shape: _assemble(used, places[name], shape))
        for name, shape in parameter_shapes(experiment, tokens).items()
    }
    provenance = {
        "pygpt": __version__,
        "when": now(),
        "imported": {
            "from": folder.resolve().name,
            "architecture": layout.architecture,
            "sha256": stored.sha256,
            "token_ids": ids,
            "sampling": read_sampling(folder),
            "vocab_size": model_vocab,
        },
    }
    return Checkpoint(experiment, tokens, 0, provenance, weights, {}, None)


def _block_size(full: int, wanted: int | None) -> int:
    """The context length to import. Raises: ExperimentError if it is below 1, or too long for the model or pygpt."""
    if wanted is not None and not 1 <= wanted <= full:
        raise ExperimentError("block-size", f"{wanted} is outside 1 to {full}, the model's")
    limit = ModelConfig.__dataclass_fields__["block_size"].metadata["maximum"]
    if wanted is None and full > limit:
        raise ExperimentError(
            "block-size",
            f"the model's context of {full:,} tokens is longer than {limit:,}; shorten it, for example to 2048",
        )
    return full if wanted is None else wanted


def _refuse_another_model(config, layout):
    """Raise CheckpointError for a folder that says it is more than its `model_type`."""
    if config.values.get("quantization_config"):
        raise CheckpointError("config.json has a quantization_config; pygpt reads only weights that are not quantized")
    if config.values.get("auto_map"):
        raise CheckpointError("config.json has an auto_map: the model has code of its own, which pygpt does not run")
    if config.values.get("is_causal", True) is not True:
        raise config.unlike("is_causal", config.values["is_causal"], "pygpt's tokens attend only to those before them")
    known = (layout.architecture, layout.architecture.replace("LMHeadModel", "Model").replace("ForCausalLM", "Model"))
    named = config.values.get("architectures") or [layout.architecture]
    if not isinstance(named, list) or not all(name in known for name in named):
        raise CheckpointError(
            f"config.json: architectures is {named!r:.60}; for model_type {layout.model_type}, pygpt reads "
            f"{' and '.join(known)}"
        )


def _experiment(folder, fields, tokenizer):
    # The folder has no training settings: use the defaults, with the same number of tokens per step.
    base = Experiment(name=folder.resolve().name)
    batch_size = max(1, base.train.batch_size * base.model.block_size // fields["block_size"])
    data = {"data.tokenizer": tokenizer.kind, "data.vocab_size": min(max(257, tokenizer.vocab_size), 65536)}
    try:
        return base.with_fields(
            **{f"model.{name}": value for name, value in fields.items()},
            **data,
            **{"train.batch_size": batch_size, "optim.learning_rate": 3e-5, "optim.min_learning_rate": 3e-6},
        )
    except ExperimentError as error:
        raise CheckpointError(f"config.json describes a model that pygpt cannot build: {error}") from None


def _tied(entries, config, layout):
    """Whether the output layer and the embedding share weights; if the folder has both, they are compared."""
    head = entries.get("lm_head.weight")
    if head is None:
        if not config.boolean("tie_word_embeddings", layout.tied):
            raise CheckpointError("config.json: tie_word_embeddings is false, but there is no lm_head.weight")
        return True
    embedding = entries.get(layout.embedding)
    if embedding is None or head.shape != embedding.shape or not (_is_float(head) and _is_float(embedding)):
        return False  # _check names what is wrong
    return np.array_equal(values_of(head), values_of(embedding))


def _is_float(entry: Entry) -> bool:
    return entry.dtype in (*TYPES, "BF16")


def _check(place, entry: Entry | None, full_block, vocab_size):
    if entry is None:
        raise CheckpointError(f"the folder has no array {place.theirs}, which config.json says the model has")
    # Rows that are not used are allowed: the end of a longer block, and tokens that the tokenizer does not have.
    rows = {"embedding.positions": full_block, "embedding.tokens": vocab_size, "head.weight": vocab_size}.get(
        place.ours, place.shape[0]
    )
    if entry.shape != (rows, *place.shape[1:]) or not _is_float(entry):
        raise CheckpointError(
            f"{place.theirs} is {entry.dtype}{list(entry.shape)}, but config.json needs floating-point numbers as "
            f"{[rows, *place.shape[1:]]}"
        )
    if not all_finite(entry):
        raise CheckpointError(
            f"{place.theirs} has numbers that are NaN or infinite; the file is damaged, or the model has diverged"
        )
    if beyond_float32(values_of(entry)):
        raise CheckpointError(f"{place.theirs} has numbers beyond those of float32, in which pygpt computes")


def _assemble(entries, places, shape):
    """Return the bytes of one parameter of the run."""
    parameter = np.empty(shape, "float32")
    for place in places:
        entry = entries.get(place.theirs)  # None for a bias that only pygpt has
        part = parameter if place.columns is None else parameter[..., slice(*place.columns)]
        if entry is None:
            part[...] = place.neutral
        else:
            values = values_of(entry)[: place.shape[0]]
            values = values.T if place.transposed else values
            if values.shape != part.shape:  # an assignment would repeat a smaller array
                raise CheckpointError(f"{place.theirs} gives {list(values.shape)}, but pygpt has {list(part.shape)}")
            part[...] = values
    return parameter.data.cast("B")
