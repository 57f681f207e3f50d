"""The tokenizers that a run can choose from (`data.tokenizer`), and making the one it asks for."""

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
from pygpt.tokenizers.pretokens import at_seams
from pygpt.utils.cache import cache_folder

GPT2_TOKENS = 50257
GPT2_FOLDER = "gpt2-tokenizer"  # in PYGPT_DATA, or in the cache, where `pygpt download` puts it

Making = Generator[float, None, Tokenizer]


@dataclass(frozen=True)
class TokenizerChoice:
    """A choice of `data.tokenizer`.

    `help` is a sentence. `make(data, text)` makes the tokenizer for a DataConfig and a text, in small pieces of work:
    it yields the share that is done and returns the tokenizer. `vocab_size(data)` says how many tokens there will be (at
    most, where they are learned), or None if only the text can tell. `make_from_pieces(data, pieces)` makes it from a
    text that comes in pieces, where that is not the same as from no text at all. With `reads_files` the field
    `data.tokenizer_file` is for it, with `sized` the field `data.vocab_size`; `available()` says whether it can be had on this machine. `tokenizer` is the class
    that reads its description back.
    """

    help: str
    tokenizer: type[Tokenizer]
    make: Callable[..., Making]
    vocab_size: Callable[..., int | None]
    make_from_pieces: Callable[..., Tokenizer] | None = None
    reads_files: bool = False
    sized: bool = False
    available: Callable[[], bool] = lambda: True


def at_once(make: Callable[..., Tokenizer]) -> Callable[..., Making]:
    """`make(data, text)` as a generator of no pieces, for a tokenizer that takes no time to make."""

    def making(data, text: str) -> Making:
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


def _make_bpe(data, text: str) -> Making:
    if data.tokenizer_file:
        return _from_files(Path(data.tokenizer_file))
    return (yield from BPETokenizer.learning(text, _documents(data), data.vocab_size))


def _bpe_from_pieces(data, pieces: Iterable[str]) -> Tokenizer:
    if data.tokenizer_file:
        return _from_files(Path(data.tokenizer_file))
    return BPETokenizer.train_on(at_seams(pieces), data.vocab_size)


def _bpe_size(data) -> int:
    return _from_files(Path(data.tokenizer_file)).vocab_size if data.tokenizer_file else data.vocab_size


def _make_gpt2(data, text: str) -> Tokenizer:
    place = Path(data.tokenizer_file) if data.tokenizer_file else _find_gpt2()
    if place is None:
        raise ExperimentError(
            "data.tokenizer",
            "GPT-2's tokenizer is read from its files, and they are not here. `pygpt download "
            f"{GPT2_FOLDER}` fetches them; or data.tokenizer_file names a folder with vocab.json and merges.txt, or a "
            "tokenizer.json",
        )
    tokenizer = _from_files(place)
    if tokenizer.vocab_size != GPT2_TOKENS or tokenizer.bos != GPT2_TOKENS - 1:
        raise ExperimentError(
            "data.tokenizer_file",
            f"{place} is not GPT-2's tokenizer: that has {GPT2_TOKENS:,} tokens, the last of them its "
            f"delimiter, and this one has {tokenizer.vocab_size:,}. With data.tokenizer bpe any byte-level BPE will do",
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
    """The tokenizer that the fields of a DataConfig ask for, learned from the text where it is not read from files.

    Raises:
        ExperimentError: its files are missing, or are not what they should be.
        TokenizerError: the text has no characters to learn.
    """
    making = making_tokenizer(data, text)
    try:
        while True:
            next(making)
    except StopIteration as done:
        return done.value


def making_tokenizer(data, text: str) -> Making:
    """As `make_tokenizer`, in small pieces of work: yields the share that is done, returns the tokenizer."""
    return TOKENIZERS[data.tokenizer].make(data, text)


def tokenizer_from_pieces(data, pieces: Iterable[str]) -> Tokenizer:
    """As `make_tokenizer`, from a text that comes in pieces and may be larger than memory."""
    choice = TOKENIZERS[data.tokenizer]
    return choice.make_from_pieces(data, pieces) if choice.make_from_pieces else make_tokenizer(data, "")


def train_tokenizer(kind: str, text: str, documents: bool, vocab_size: int = 1024) -> Tokenizer:
    """Make a tokenizer for a text by the name of its kind; with `documents` it also has a delimiter, BOS.

    `vocab_size` is for the kind whose vocabulary may have any size, bpe: so many tokens, BOS among them.
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
    """How many tokens there will be (at most, where they are learned), or None if only the text can tell."""
    return TOKENIZERS[data.tokenizer].vocab_size(data)


def tokenizer_from_dict(description: dict) -> Tokenizer:
    """Read back what `Tokenizer.to_dict` wrote.

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
    return kinds[kind].from_dict(description)


def _find_gpt2() -> Path | None:
    if sys.platform == "emscripten":
        raise ExperimentError(
            "data.tokenizer",
            "GPT-2's tokenizer is read from its files, and a page has none; a run that "
            "was trained or imported with it can be opened here",
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
