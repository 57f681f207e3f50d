"""Export a run to a folder that `transformers` opens with the same logits."""

import json
from functools import partial

from pygpt.huggingface.layouts import layout_of
from pygpt.huggingface.token_ids import token_ids_of
from pygpt.runs.checkpoint import STORED, Checkpoint, parameter_shapes
from pygpt.runs.safetensors import Entry, safetensors_pieces
from pygpt.tensor.kernel import np
from pygpt.tokenizers import BPETokenizer, tokenizer_json_bytes


def export_folder(checkpoint: Checkpoint) -> dict:
    """Return the files of the folder by name: bytes or an iterator of pieces.

    They include only a byte-level BPE tokenizer: `transformers` has none for characters or bytes.
    Raises: ExperimentError, naming the setting, for a model that `transformers` cannot represent.
    """
    model, tokenizer = checkpoint.experiment.model, checkpoint.tokenizer
    layout = layout_of(model)
    shapes = parameter_shapes(checkpoint.experiment, tokenizer)
    entries = {}
    for place in layout.places(model, tokenizer.vocab_size):
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
        **layout.to_config(model),
    }
    ids = token_ids_of(checkpoint)
    files = {file: _json(given) for file, given in ids.items()} | {"config.json": _json(config | ids["config.json"])}
    if isinstance(tokenizer, BPETokenizer):
        files["tokenizer.json"] = tokenizer_json_bytes(tokenizer)
        names = {index: name for name, index in tokenizer.vocabulary.special.items()}
        files["tokenizer_config.json"] = _json(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "model_max_length": model.block_size,
                "bos_token": None if tokenizer.bos is None else names.get(tokenizer.bos),
                "eos_token": next((names[end] for end in tokenizer.ends if end in names), None),
                "clean_up_tokenization_spaces": False,
            }
        )
    files["model.safetensors"] = safetensors_pieces(entries, {"format": "pt"})
    return files


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
