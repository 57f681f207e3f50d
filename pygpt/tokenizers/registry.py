"""The registry of tokenizers for `data.tokenizer`, and functions that make the selected one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from pygpt.errors import ExperimentError, TokenizerError
from pygpt.tokenizers.base import Tokenizer
from pygpt.tokenizers.bpe import BPETokenizer
from pygpt.tokenizers.byte import ByteTokenizer
from pygpt.tokenizers.char import CharTokenizer
from pygpt.tokenizers.files import read_tokenizer
from pygpt.tokenizers.pretokens import GPT2
from pygpt.utils.cache import cache_folder

GPT2_TOKENS = 50257
GPT2_FOLDER = "gpt2-tokenizer"  # in PYGPT_DATA, or in the cache, where `pygpt download` writes it

_OWN = ("delimiters", "template")  # what `Tokenizer.describe` adds to `to_dict`

TokenizerSteps = Generator[float, None, Tokenizer]


@dataclass(frozen=True)
class TokenizerChoice:
    """A choice of `data.tokenizer`.

    `help` is a one-line description. `tokenizer` is the class that restores the tokenizer from its description.
    `make(data, text)` makes the tokenizer for a DataConfig and a text in small steps: it yields the completed fraction
    and returns the tokenizer. `vocab_size(data)` is the number of tokens (the maximum, if they are learned), or None if
    it depends on the text. `make_from_pieces(data, pieces)` makes the tokenizer from a text in pieces; it is None if
    the tokenizer does not depend on the text. `data.tokenizer_file` applies if `reads_files` is true, and
    `data.vocab_size` if `sized` is. `available()` returns whether this machine has the tokenizer.
    """

    help: str
    tokenizer: type[Tokenizer]
    make: Callable[..., TokenizerSteps]
    vocab_size: Callable[..., int | None]
    make_from_pieces: Callable[..., Tokenizer] | None = None
    reads_files: bool = False
    sized: bool = False
    available: Callable[[], bool] = lambda: True


def at_once(make: Callable[..., Tokenizer]) -> Callable[..., TokenizerSteps]:
    """Wrap `make(data, text)` as a generator that yields nothing, for a tokenizer that takes no time to make."""

    def making(data, text: str) -> TokenizerSteps:
        yield from ()
        return make(data, text)

    return making


def _documents(data) -> bool:
    return data.layout == "documents"


def _char_from_pieces(data, pieces: Iterable[str]) -> Tokenizer:
    characters: set[str] = set()
    for piece in pieces:
        characters.update(piece)
    return CharTokenizer("".join(sorted(characters)))


def _make_bpe(data, text: str) -> TokenizerSteps:
    if data.tokenizer_file:
        return _from_files(Path(data.tokenizer_file))
    return (yield from BPETokenizer.train_stepwise(text, _documents(data), data.vocab_size))


def _bpe_from_pieces(data, pieces: Iterable[str]) -> Tokenizer:
    if data.tokenizer_file:
        return _from_files(Path(data.tokenizer_file))
    return BPETokenizer.train_on(GPT2.regroup(pieces), data.vocab_size)


def _bpe_size(data) -> int:
    return _from_files(Path(data.tokenizer_file)).vocab_size if data.tokenizer_file else data.vocab_size


def _make_gpt2(data, text: str) -> Tokenizer:
    path = Path(data.tokenizer_file) if data.tokenizer_file else _find_gpt2()
    if path is None:
        raise ExperimentError(
            "data.tokenizer",
            "GPT-2's tokenizer is read from its files, which are missing: run `pygpt download "
            f"{GPT2_FOLDER}`, or set data.tokenizer_file to a tokenizer.json or a folder of vocab.json and merges.txt",
        )
    tokenizer = _from_files(path)
    if tokenizer.vocab_size != GPT2_TOKENS or tokenizer.bos != GPT2_TOKENS - 1:
        raise ExperimentError(
            "data.tokenizer_file",
            f"{path} is not GPT-2's tokenizer: that has {GPT2_TOKENS:,} tokens, of which the last is its "
            f"delimiter, and this one has {tokenizer.vocab_size:,}. For another BPE, set data.tokenizer to bpe",
        )
    return tokenizer


def _gpt2_is_here() -> bool:
    return sys.platform != "emscripten" and _find_gpt2() is not None


TOKENIZERS: dict[str, TokenizerChoice] = {
    "char": TokenizerChoice(
        "a token for each character",
        CharTokenizer,
        at_once(lambda data, text: CharTokenizer.train(text, _documents(data))),
        lambda data: None,
        _char_from_pieces,
    ),
    "byte": TokenizerChoice(
        "a token for each byte of UTF-8",
        ByteTokenizer,
        at_once(lambda data, text: ByteTokenizer.train(text, _documents(data))),
        lambda data: 256 + _documents(data),
    ),
    "bpe": TokenizerChoice(
        "byte-level BPE, learned from the text",
        BPETokenizer,
        _make_bpe,
        _bpe_size,
        _bpe_from_pieces,
        reads_files=True,
        sized=True,
    ),
    "gpt2": TokenizerChoice(
        "GPT-2's own tokens",
        BPETokenizer,
        at_once(_make_gpt2),
        lambda data: GPT2_TOKENS,
        reads_files=True,
        available=_gpt2_is_here,
    ),
}


def make_tokenizer(data, text: str) -> Tokenizer:
    """Make the tokenizer that a DataConfig selects: read it from files, or learn it from the text.

    Raises:
        ExperimentError: its files are missing or wrong.
        TokenizerError: the text has no characters to learn.
    """
    making = make_tokenizer_stepwise(data, text)
    try:
        while True:
            next(making)
    except StopIteration as done:
        return done.value


def make_tokenizer_stepwise(data, text: str) -> TokenizerSteps:
    """Make a tokenizer like `make_tokenizer`, in small steps: yield the completed fraction, return the tokenizer."""
    return TOKENIZERS[data.tokenizer].make(data, text)


def tokenizer_from_pieces(data, pieces: Iterable[str]) -> Tokenizer:
    """Make a tokenizer like `make_tokenizer`, from a text in pieces that can be larger than memory."""
    choice = TOKENIZERS[data.tokenizer]
    return choice.make_from_pieces(data, pieces) if choice.make_from_pieces else make_tokenizer(data, "")


def train_tokenizer(kind: str, text: str, documents: bool, vocab_size: int = 1024) -> Tokenizer:
    """Make a tokenizer of the named kind for a text. With `documents`, it also has a delimiter, BOS.

    `vocab_size` is for the kind bpe only: the number of tokens, including BOS.

    Raises:
        TokenizerError: there is no such kind, or the text has no characters to learn.
    """
    if kind not in TOKENIZERS:
        raise TokenizerError(f"there is no tokenizer of kind {kind!r}: choose one of {', '.join(TOKENIZERS)}")
    layout = "documents" if documents else "stream"
    return make_tokenizer(
        SimpleNamespace(tokenizer=kind, layout=layout, vocab_size=vocab_size, tokenizer_file=""), text
    )


def expected_vocabulary(data) -> int | None:
    """Return the number of tokens (the maximum, if they are learned), or None if it depends on the text."""
    return TOKENIZERS[data.tokenizer].vocab_size(data)


def tokenizer_from_dict(description: dict) -> Tokenizer:
    """Restore a tokenizer from the output of `Tokenizer.describe` or `Tokenizer.to_dict`.

    Raises:
        TokenizerError: the description is not a dict, its kind is unknown, or its fields are missing or malformed.
    """
    if not isinstance(description, dict):
        raise TokenizerError(
            f"a tokenizer is described by a dict, not by {type(description).__name__}: pass what to_dict() returned"
        )
    kinds = {choice.tokenizer.kind: choice.tokenizer for choice in TOKENIZERS.values()}
    kind = description.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise TokenizerError(f"there is no tokenizer of kind {kind!r}: choose one of {', '.join(kinds)}")
    tokenizer = kinds[kind].from_dict({name: value for name, value in description.items() if name not in _OWN})
    template, delimiters = description.get("template", []), description.get("delimiters")
    if type(template) is not list:
        raise TokenizerError(f"the template of a tokenizer is described by a list of ids, not by {template!r:.60}")
    if template:
        tokenizer = tokenizer.with_template(template)
    if "delimiters" not in description:
        return tokenizer
    if not (isinstance(delimiters, dict) and delimiters.keys() == {"bos", "ends"} and type(delimiters["ends"]) is list):
        raise TokenizerError(
            f"the delimiters of a tokenizer are described by 'bos' and a list 'ends', not by {delimiters!r:.60}"
        )
    return tokenizer.with_delimiters(delimiters["bos"], delimiters["ends"])


def _find_gpt2() -> Path | None:
    if sys.platform == "emscripten":
        raise ExperimentError(
            "data.tokenizer",
            "GPT-2's tokenizer is read from its files, which a browser tab does not have; the lab can "
            "open a run that was trained or imported with it",
        )
    folders = [Path(os.environ["PYGPT_DATA"])] if os.environ.get("PYGPT_DATA") else []
    return next(
        (folder / GPT2_FOLDER for folder in [*folders, cache_folder()] if (folder / GPT2_FOLDER).is_dir()), None
    )


def _from_files(path: Path) -> BPETokenizer:
    try:
        return read_tokenizer(path)
    except TokenizerError as error:
        raise ExperimentError("data.tokenizer_file", str(error)) from None
