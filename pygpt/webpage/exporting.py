"""Writes a trained model as one HTML file.

The file holds the weights in base64 (matrices in 20 bits a number, vectors as float32), the tokenizer, the constant
tables of the model, the loss curve and a program, which computes in float32 as pygpt does. Its Content-Security-Policy
allows that program alone: the file loads nothing and sends nothing. A text of the sender's own is neither in it nor
named.
"""

import base64
import hashlib
import json
import re
import struct
from array import array
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from pygpt.config.experiment import Experiment
from pygpt.errors import CheckpointError, TokenizerError
from pygpt.models import MODELS
from pygpt.nn.parameters import Constant
from pygpt.nn.positions import POSITIONS
from pygpt.ops.activation import ERFC
from pygpt.ops.attention_scores import slopes
from pygpt.runs.checkpoint import Checkpoint, parameter_shapes
from pygpt.runs.differences import differences, preset_of
from pygpt.runs.provenance import prompt_ids, prompt_template, text_ends
from pygpt.runs.share_link import LAB, OWN, SharedRun, device_kind, shared_text, write_link
from pygpt.tensor.tensor import ARRAY_CODE
from pygpt.tokenizers import Tokenizer
from pygpt.tokenizers.bpe import BPETokenizer
from pygpt.tokenizers.bpe_vocabulary import GPT2_PIPELINE
from pygpt.tokenizers.byte import ByteTokenizer
from pygpt.tokenizers.char import CharTokenizer
from pygpt.version import __version__
from pygpt.webpage.curve_svg import curve_svg

MOST_PARAMETERS = 50_000_000  # 170 MB, which browsers still open
LARGEST = 2**19 - 1  # of the whole numbers of a matrix
OFFSET = 2**19  # added to them, so that they are positive
_HERE = Path(__file__).parent
_MODULES = ("weights.js", "tokenizer.js", "model.js", "sampler.js", "page.js")  # each after those that it imports
_IMPORT = re.compile(r"^import .*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_KINDS = {"gpt": "GPT"}
_UNITS = {"char": "character", "byte": "byte", "bpe": "piece of a word"}


def web_page(checkpoint: Checkpoint, lab: str = LAB) -> bytes:
    """The file of a model. `lab` is the address of the lab that it links to.

    Raises: CheckpointError for a model too large for a page; TokenizerError for a tokenizer that no page has.
    """
    experiment, tokenizer = checkpoint.experiment, checkpoint.tokenizer
    parameters = sum(_length(shape) for shape in parameter_shapes(experiment, tokenizer).values())
    if parameters > MOST_PARAMETERS:
        raise CheckpointError(
            f"the model has {parameters:,} parameters, and a web page holds at most {MOST_PARAMETERS:,}: export it for "
            "transformers instead"
        )
    arrays = [*_arrays(checkpoint)]
    template = prompt_template(checkpoint.provenance, experiment.data.layout, tokenizer)
    model = {
        "settings": _settings(experiment),
        "tokenizer": _tokenizer(tokenizer),
        "before": prompt_ids([0], template, tokenizer)[:-1],
        "alone": prompt_ids([], template, tokenizer),
        "ends": sorted(text_ends(template, tokenizer)),
        "arrays": [
            {"name": name, "type": kind, "length": length, "width": width} for name, kind, length, width, _ in arrays
        ],
    }
    shared = shared_text(checkpoint.provenance)
    text = "a text of its maker's own" if shared == OWN else shared
    trained = f"trained for {checkpoint.step:,} steps" + (f" on {text}" if "data" in checkpoint.provenance else "")
    style, script = (_HERE / "page.css").read_text(encoding="utf-8"), _script()
    page = (_HERE / "page.html").read_text(encoding="utf-8")
    content = page.format(
        version=escape(__version__),
        title=escape(f"{experiment.name or experiment.model.kind}: a language model in one file"),
        summary=escape(
            f"A {_KINDS.get(experiment.model.kind, experiment.model.kind)} with {parameters:,} parameters, {trained}. "
            "It writes by guessing the next "
            f"{_UNITS[tokenizer.kind]}, one after the other."
        ),
        style=style,
        style_hash=_csp_hash(style),
        script=script,
        script_hash=_csp_hash(script),
        curve=curve_svg(checkpoint.curve),
        facts="\n".join(f"<dt>{escape(n)}</dt><dd>{escape(v)}</dd>" for n, v in _facts(checkpoint, text, parameters)),
        lab=_link(checkpoint, shared, lab),
        # In a script element, "<" could begin an end tag.
        model=json.dumps(model, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        weights=base64.b64encode(b"".join(data for *_, data in arrays)).decode(),
    )
    return content.encode()


def _script() -> str:
    """The modules as one: without their imports and exports, because a file on a disk has no module beside it."""
    modules = ((_HERE / name).read_text(encoding="utf-8") for name in _MODULES)
    return "".join(f"\n{_EXPORT.sub('', _IMPORT.sub('', module))}" for module in modules)


def _csp_hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _settings(experiment: Experiment) -> dict[str, Any]:
    """The settings that model.js reads."""
    model = experiment.model
    names = (
        "kind n_layer n_head kv_heads head_size n_embd block_size norm norm_epsilon norm_place norm_embedding "
        "norm_final mlp window qk_norm attention_cap logit_cap"
    )
    alibi = POSITIONS[model.positions].attention.get("alibi")
    return {
        **{name: getattr(model, name) for name in names.split()},
        "slopes": slopes(model.n_head) if alibi else [],
        "erfc": ERFC if model.mlp == "gelu_erf" else [],
    }


def _arrays(checkpoint: Checkpoint) -> Iterator[tuple[str, str, int, int, bytes]]:
    """Name, type, length, row length and bytes of each array: the parameters, and the model's tables of positions."""
    code = ARRAY_CODE[checkpoint.experiment.model.dtype]
    for name, shape in parameter_shapes(checkpoint.experiment, checkpoint.tokenizer).items():
        yield name, *_packed(array(code, bytes(checkpoint.weights[name])), shape[1] if len(shape) > 1 else 0)
    model = checkpoint.experiment.model
    if model.kind == "gpt":
        scheme = POSITIONS[model.positions]
        for name, table in (("embedding.positions", scheme.embedding(model)), ("rope", scheme.rotation(model))):
            if isinstance(table, Constant):
                yield name, *_packed(table.make(), 0)


def _packed(values: Iterable[float], width: int) -> tuple[str, int, int, bytes]:
    """Type, length, row length and bytes of numbers. Matrices, whose rows have a `width`, are written in 20 bits a
    number: each row has a scale (float32) and whole numbers of LARGEST at most, two in five bytes, plus OFFSET. Vectors
    (`width` 0), which are small, are float32.

    In float16, one text in twenty of 200 tokens at temperature 0 was not that of the model (`baby` and `small`); in 20
    bits, none of 78 was.
    """
    numbers = [*values]
    if not width:
        return "float32", len(numbers), 0, struct.pack(f"<{len(numbers)}f", *numbers)
    rows = (numbers[start : start + width] for start in range(0, len(numbers), width))
    return "int20", len(numbers), width, b"".join(map(_packed_row, rows))


def _packed_row(row: list[float]) -> bytes:
    packed = struct.pack("<f", max(map(abs, row)) / LARGEST)
    (scale,) = struct.unpack("<f", packed)
    whole = [max(-LARGEST, min(LARGEST, round(value / scale))) + OFFSET if scale else OFFSET for value in row]
    whole += [OFFSET] * (len(whole) % 2)
    return packed + b"".join((left << 20 | right).to_bytes(5, "big") for left, right in zip(whole[::2], whole[1::2]))


def _length(shape: Iterable[int]) -> int:
    length = 1
    for size in shape:
        length *= size
    return length


def _tokenizer(tokenizer: Tokenizer) -> dict[str, Any]:
    """The tokenizer as tokenizer.js reads it. Raises: TokenizerError."""
    merges: list[list[int]] = []
    if isinstance(tokenizer, CharTokenizer):
        tokens = [*tokenizer.characters, *[""] * tokenizer.documents]
    elif isinstance(tokenizer, ByteTokenizer):
        tokens = [*map(chr, range(256)), *[""] * tokenizer.documents]
    elif isinstance(tokenizer, BPETokenizer):
        vocabulary = tokenizer.vocabulary
        if vocabulary.pipeline is not GPT2_PIPELINE or vocabulary.added:
            raise TokenizerError(
                "a page has byte-level BPE with GPT-2's words, and this tokenizer splits texts in another way: export "
                "the model for transformers instead"
            )
        ids = vocabulary.ids
        tokens = [token.decode("latin-1") for token in vocabulary.tokens]
        merges = [[ids[left], ids[right], ids[left + right]] for left, right in vocabulary.merges]
    else:
        raise TokenizerError(f"a page has no tokenizer of the kind {tokenizer.kind}")
    return {"kind": tokenizer.kind, "tokens": tokens, "merges": merges}


def _facts(checkpoint: Checkpoint, text: str, parameters: int) -> Iterator[tuple[str, str]]:
    experiment, origin = checkpoint.experiment, checkpoint.provenance
    vocabulary = checkpoint.tokenizer.vocab_size
    yield "Architecture", MODELS[experiment.model.kind].describe(experiment.model, vocabulary)
    yield "Parameters", f"{parameters:,}, those of matrices in 20 bits"
    yield "Tokens", f"{vocabulary:,}, each a {_UNITS[checkpoint.tokenizer.kind]}"
    if "data" in origin:
        yield "Text", text
    yield "Steps", f"{checkpoint.step:,} of {experiment.train.steps:,}"
    if checkpoint.curve.validation:
        yield "Validation loss", f"{checkpoint.curve.validation[-1][1]:.4f}"
    yield "Seed", str(experiment.train.seed)
    preset = preset_of(experiment)
    yield "Preset", preset.name or "none"
    for change in differences(preset, experiment):
        field = change["field"]
        if field not in ("data.source", "data.tokenizer_file", "train.steps", "train.seed"):
            yield field, f"{change['after']} (in the preset {change['before']})"
    if "device" in origin:
        yield "Trained on", str(origin["device"])
    if "pygpt" in origin:
        yield "Made with", f"pygpt {origin['pygpt']}, {str(origin.get('when', ''))[:10]}".rstrip(", ")


def _link(checkpoint: Checkpoint, text: str, lab: str) -> str:
    """The sentence with the link to the lab."""
    origin, base = checkpoint.provenance, lab.partition("#")[0]
    data = origin.get("data")
    sha256 = str(data.get("sha256", "")) if isinstance(data, dict) else ""
    version = str(origin.get("pygpt", __version__))
    link = write_link(SharedRun(checkpoint.experiment, text, sha256, version, device_kind(origin)))
    starts = " (start it with <code>pygpt lab</code>)" if base == LAB else ""
    return f'<a href="{escape(base + link)}">Train it again in the lab</a>{starts}.'
