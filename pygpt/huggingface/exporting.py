"""Export a run to a folder that `transformers` opens with the same logits."""

import json
from functools import partial

from pygpt.errors import ExperimentError
from pygpt.huggingface.config_file import Config
from pygpt.huggingface.layouts import layout_of
from pygpt.huggingface.token_ids import token_ids_of
from pygpt.huggingface.tokenizers import normalizer_of, tokenizer_files
from pygpt.runs.checkpoint import STORED, Checkpoint, parameter_shapes
from pygpt.runs.provenance import prompt_template
from pygpt.runs.safetensors import Entry, safetensors_pieces
from pygpt.tensor.kernel import np


def export_folder(checkpoint: Checkpoint) -> dict:
    """Return the files of the folder by name: bytes or an iterator of pieces.

    Raises: ExperimentError, naming the setting, for a model that `transformers` cannot represent, also because it has
    a bias that is not zero and has no place there; TokenizerError for such a tokenizer.
    """
    model, tokenizer = checkpoint.experiment.model, checkpoint.tokenizer
    layout = layout_of(model, normalizer_of(tokenizer))
    shapes = parameter_shapes(checkpoint.experiment, tokenizer)
    sizes = layout.to_config(model)
    entries = {}
    for place in layout.places(model, tokenizer.vocab_size):
        if layout.lacks(place, Config(sizes)):
            if np.frombuffer(_bytes(checkpoint, shapes, place), model.dtype).any():
                raise ExperimentError(
                    "model.bias",
                    f"this model's architecture in transformers, {layout.model_type}, has no array {place.theirs}, and "
                    f"{place.ours} is not zero; only a model without biases in its MLP can be exported, with qk_norm",
                )
            continue
        entries[layout.file_name(place.theirs)] = Entry(
            STORED[model.dtype], place.shape, partial(_bytes, checkpoint, shapes, place)
        )
    config = {
        "architectures": [layout.architecture],
        "model_type": layout.model_type,
        "vocab_size": tokenizer.vocab_size,
        "tie_word_embeddings": model.tie_weights,
        "dtype": model.dtype,
        "use_cache": True,
        **sizes,
    }
    ids = token_ids_of(checkpoint)
    files = {file: _json(given) for file, given in ids.items()} | {"config.json": _json(config | ids["config.json"])}
    files |= tokenizer_files(tokenizer, model.block_size, _template(checkpoint))
    files["model.safetensors"] = safetensors_pieces(entries, {"format": "pt"})
    return files


def _template(checkpoint):
    """The ids that `Sampler` puts before a prompt."""
    tokenizer = checkpoint.tokenizer
    template = prompt_template(checkpoint.provenance, checkpoint.experiment.data.layout, tokenizer)
    if template is None:
        return () if tokenizer.delimiter is None else (tokenizer.delimiter,)
    return template


def _json(values):
    return json.dumps(values, indent=2).encode()


def _bytes(checkpoint, shapes, place):
    """The bytes of one array of the folder."""
    dtype = checkpoint.experiment.model.dtype
    if place.ours not in shapes:
        return np.full(place.shape, place.neutral, dtype).tobytes()
    values = np.frombuffer(checkpoint.weights[place.ours], dtype).reshape(shapes[place.ours])
    values = values if place.columns is None else values[..., slice(*place.columns)]
    return np.ascontiguousarray(values.T if place.transposed else values).tobytes()
