"""Import a `transformers` folder with GPT-2's or Llama's architecture as a run.

The files are memory-mapped, and each parameter is assembled only when it is written, so memory holds one at a time.
"""

from pathlib import Path

from pygpt.config.experiment import Experiment
from pygpt.errors import CheckpointError, ExperimentError, TokenizerError
from pygpt.huggingface.config_file import Config, read_table
from pygpt.huggingface.layouts import LAYOUTS, ArrayMapping
from pygpt.huggingface.token_ids import delimited, read_token_ids
from pygpt.huggingface.weight_files import TYPES, read_weights, values_of
from pygpt.runs.checkpoint import Checkpoint, parameter_shapes
from pygpt.runs.provenance import now
from pygpt.runs.safetensors import Entry, all_finite
from pygpt.tensor.kernel import np
from pygpt.tokenizers import read_tokenizer
from pygpt.version import __version__


def import_folder(folder, block_size: int | None = None) -> Checkpoint:
    """Import a folder as a run before its first step; `block_size` can shorten the block.

    The weights are functions that return bytes, for `checkpoint_pieces`.
    Raises: CheckpointError for another kind of folder, or for files that disagree; TokenizerError for its tokenizer.
    """
    folder = Path(folder)
    config = Config(read_table(folder / "config.json"))
    model_type = config.values.get("model_type")
    layout = LAYOUTS.get(model_type) if isinstance(model_type, str) else None
    if layout is None:
        raise CheckpointError(f"config.json: model_type is {model_type!r:.60}; pygpt reads {', '.join(LAYOUTS)}")
    _refuse_another_model(config, layout)
    ids = read_token_ids(folder, config.values)
    tokenizer = delimited(read_tokenizer(folder), ids, layout.token_ids)
    stored = read_weights(folder, layout.prefix)
    entries = stored.arrays
    fields = layout.from_config(config)
    model_vocab = config.integer("vocab_size")
    if model_vocab < tokenizer.vocab_size:
        raise TokenizerError(
            f"the tokenizer has {tokenizer.vocab_size} tokens, but the model has {model_vocab}: they do not belong "
            f"together"
        )
    fields["tie_weights"] = _tied(entries, config, layout)
    experiment = _experiment(folder, fields, tokenizer)
    full_block = experiment.model.block_size
    if block_size is not None:
        if block_size > full_block:
            raise ExperimentError("block-size", f"{block_size} is longer than the model's {full_block}")
        experiment = experiment.with_fields(**{"model.block_size": block_size})
    places: dict[str, list[ArrayMapping]] = {}
    for place in layout.places(experiment.model, tokenizer.vocab_size):
        _check(place, entries.get(place.theirs), full_block, model_vocab)
        places.setdefault(place.ours, []).append(place)
    unknown = entries.keys() - {place.theirs for group in places.values() for place in group} - {"lm_head.weight"}
    if unknown:
        raise CheckpointError(
            f"the folder has arrays that pygpt's {layout.model_type} does not have: {', '.join(sorted(unknown)[:3])}"
        )
    weights = {
        name: (lambda name=name, shape=shape: _assemble(entries, places[name], shape))
        for name, shape in parameter_shapes(experiment, tokenizer).items()
    }
    provenance = {
        "pygpt": __version__,
        "when": now(),
        "imported": {
            "from": folder.resolve().name,
            "architecture": layout.architecture,
            "sha256": stored.sha256,
            "token_ids": ids,
        },
    }
    return Checkpoint(experiment, tokenizer, 0, provenance, weights, {}, None)


def _refuse_another_model(config, layout):
    """Raise CheckpointError for a folder that says it is more than its `model_type`."""
    if config.values.get("quantization_config"):
        raise CheckpointError("config.json has a quantization_config; pygpt reads only weights that are not quantized")
    if config.values.get("auto_map"):
        raise CheckpointError("config.json has an auto_map: the model has code of its own, which pygpt does not run")
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
        if not config.boolean("tie_word_embeddings", layout.model_type == "gpt2"):
            raise CheckpointError("config.json: tie_word_embeddings is false, but there is no lm_head.weight")
        return True
    embedding = entries.get("wte.weight" if layout.model_type == "gpt2" else "embed_tokens.weight")
    return (
        embedding is not None
        and head.shape == embedding.shape
        and np.array_equal(values_of(head), values_of(embedding))
    )


def _check(place, entry: Entry | None, full_block, vocab_size):
    if entry is None:
        if place.neutral is None:
            raise CheckpointError(f"the folder has no array {place.theirs}")
        return
    # Unused rows are allowed: the end of a longer block, and tokens that the tokenizer does not have.
    rows = {"embedding.positions": full_block, "embedding.tokens": vocab_size, "head.weight": vocab_size}.get(
        place.ours, place.shape[0]
    )
    if entry.shape != (rows, *place.shape[1:]) or entry.dtype not in (*TYPES, "BF16"):
        raise CheckpointError(
            f"{place.theirs} is {entry.dtype}{list(entry.shape)}, but config.json needs floating-point numbers as "
            f"{[rows, *place.shape[1:]]}"
        )
    if not all_finite(entry):
        raise CheckpointError(
            f"{place.theirs} has numbers that are NaN or infinite; the file is damaged, or the model has diverged"
        )


def _assemble(entries, places, shape):
    """Return the bytes of one parameter of the run."""
    parameter = np.empty(shape, "float32")
    for place in places:
        entry = entries.get(place.theirs)
        part = parameter if place.columns is None else parameter[..., slice(*place.columns)]
        if entry is None:
            part[...] = place.neutral
        else:
            values = values_of(entry)[: place.shape[0]]
            part[...] = values.T if place.transposed else values
    return parameter.data.cast("B")
