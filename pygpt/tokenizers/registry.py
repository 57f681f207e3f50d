"""Which tokenizer a run has: learned from its text, or read from files."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path

from pygpt.errors import ExperimentError, TokenizerError
from pygpt.tokenizers import BPETokenizer, Tokenizer, read_tokenizer, train_tokenizer

GPT2_TOKENS = 50257
GPT2_FOLDER = "gpt2-tokenizer"  # in PYGPT_DATA, or in the cache, where `pygpt download` puts it


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


def making_tokenizer(data, text: str) -> Generator[float, None, Tokenizer]:
    """As `make_tokenizer`, in small pieces of work: yields the share that is done, returns the tokenizer."""
    documents = data.layout == "documents"
    if data.tokenizer == "gpt2":
        return _gpt2(data.tokenizer_file)
    if data.tokenizer_file:
        return _from_files(Path(data.tokenizer_file))
    if data.tokenizer == "bpe":
        return (yield from BPETokenizer.learning(text, documents, data.vocab_size))
    return train_tokenizer(data.tokenizer, text, documents)


def expected_vocabulary(data) -> int | None:
    """How many tokens there will be (at most, where they are learned), or None if only the text can tell."""
    if data.tokenizer == "gpt2":
        return GPT2_TOKENS
    if data.tokenizer_file:
        return _from_files(Path(data.tokenizer_file)).vocab_size
    return {"bpe": data.vocab_size, "byte": 256 + (data.layout == "documents")}.get(data.tokenizer)


def is_gpt2_here() -> bool:
    """Whether GPT-2's tokenizer can be had by its name alone: its files are on this machine. A page has none."""
    return sys.platform != "emscripten" and _find_gpt2() is not None


def _gpt2(file: str) -> Tokenizer:
    place = Path(file) if file else _find_gpt2()
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


def _find_gpt2() -> Path | None:
    if sys.platform == "emscripten":
        raise ExperimentError(
            "data.tokenizer",
            "GPT-2's tokenizer is read from its files, and a page has none; a run that "
            "was trained or imported with it can be opened here",
        )
    # Imported here, because a tab has no use for it.
    from pygpt.utils.cache import cache_folder

    folders = [Path(os.environ["PYGPT_DATA"])] if os.environ.get("PYGPT_DATA") else []
    return next(
        (folder / GPT2_FOLDER for folder in [*folders, cache_folder()] if (folder / GPT2_FOLDER).is_dir()), None
    )


def _from_files(path: Path) -> BPETokenizer:
    try:
        return read_tokenizer(path)
    except TokenizerError as error:
        raise ExperimentError("data.tokenizer_file", str(error)) from None
