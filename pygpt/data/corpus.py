"""A text as tokens, split for training and validation."""

from __future__ import annotations

import itertools
import random
from array import array
from dataclasses import dataclass
from typing import Generic, TypeVar

from pygpt.data.sources.tasks import SEPARATOR
from pygpt.errors import DataError, TokenizerError
from pygpt.tokenizers import Tokenizer, split_documents

LAYOUTS = ("stream", "documents")
Part = TypeVar("Part")  # a Split, or ShardedTokens for a text on disk


@dataclass(frozen=True)
class Split:
    """The tokens of one part of a corpus, as `array('I')`.

    A stream has no offsets. Documents are stored as BOS doc0 BOS doc1 ... BOS: `offsets[d]` is the index of the BOS
    before document d, and one more offset is the index of the BOS after the last document.
    """

    tokens: array[int]
    offsets: array[int] | None = None


@dataclass(frozen=True)
class Corpus(Generic[Part]):
    """A text ready for a device: its training tokens and its validation tokens.

    `separator` is the token between question and answer if every document has one and fits into a block, else None.
    """

    layout: str
    train: Part
    val: Part
    separator: int | None = None


def make_corpus(
    text: str,
    tokenizer: Tokenizer,
    layout: str,
    block_size: int,
    val_fraction: float = 0.1,
    rng: random.Random | None = None,
) -> Corpus[Split]:
    """Convert a text to tokens and hold out some of them for validation.

    Layout "stream" holds out the end of the text. Layout "documents" holds out every tenth document (for a fraction
    of 0.1), because lists are often sorted. Documents are kept whole here; one that is longer than the block is
    truncated to its first `block_size` tokens when a batch is drawn. `rng` shuffles the documents, and then the last
    ones are held out: the others have the order they would have without validation.

    Raises:
        DataError: the layout is unknown, the fraction is not above 0 and at most 0.5, the tokenizer's delimiter does
            not fit the layout, a split of the stream is shorter than a block, or there are fewer than two documents.
        TokenizerError: the text has a symbol that is not in the vocabulary.
    """
    if layout not in LAYOUTS:
        raise DataError(f"there is no layout {layout!r}: choose one of {', '.join(LAYOUTS)}")
    if not 0 < val_fraction <= 0.5:
        raise DataError(
            f"the fraction held out for validation must be above 0 and at most 0.5; it is {val_fraction}: 0.1 is usual"
        )
    if block_size < 1:
        raise DataError(f"a block must hold at least 1 token; block_size is {block_size}: choose a longer block")
    if layout == "documents":
        return _documents(text, tokenizer, block_size, val_fraction, rng)
    return _stream(text, tokenizer, block_size, val_fraction)


def whole_split(text: str, tokenizer: Tokenizer, layout: str) -> Split:
    """Convert a whole text to one split to evaluate a model on, with nothing held out.

    Raises:
        DataError: the text is too short, or the tokenizer's delimiter does not fit the layout.
        TokenizerError: the text has a symbol that is not in the vocabulary.
    """
    if layout == "documents":
        return _delimited(_documents_of(text, tokenizer, 1), tokenizer)
    tokens = tokenizer.encode(text)
    if len(tokens) < 2:
        raise DataError(
            f"training needs at least two tokens, one to predict the next from; this text has {len(tokens)}; "
            f"choose a longer one"
        )
    return Split(tokens)


def _documents_of(text: str, tokenizer: Tokenizer, minimum: int) -> list[str]:
    if tokenizer.delimiter is None:
        raise DataError(
            "the layout documents needs a tokenizer with a delimiter; this one has none: train it with documents=True "
            "(an imported model has those of its config.json)"
        )
    documents = split_documents(text)
    if len(documents) < minimum:
        raise DataError(
            f"the layout documents needs at least {minimum} documents, one per line; this text has "
            f"{len(documents)}: put each document on its own line, or choose the layout stream"
        )
    return documents


def _stream(text: str, tokenizer: Tokenizer, block_size: int, val_fraction: float) -> Corpus[Split]:
    tokens = tokenizer.encode(text)
    boundary = int(len(tokens) * (1 - val_fraction))
    held_back = len(tokens) - boundary
    for part, length in ("training", boundary), ("validation", held_back):
        if length < block_size + 1:
            longest = min(boundary, held_back) - 1
            shorter = f"a block of at most {longest}, or " if longest > 0 else ""
            raise DataError(
                f"a block of {block_size} needs {block_size + 1} tokens for {part}; this text of "
                f"{len(tokens)} tokens leaves {length}: choose {shorter}a longer text"
            )
    return Corpus("stream", Split(tokens[:boundary]), Split(tokens[boundary:]))


def _documents(
    text: str, tokenizer: Tokenizer, block_size: int, val_fraction: float, rng: random.Random | None
) -> Corpus[Split]:
    documents = _documents_of(text, tokenizer, 2)
    every = round(1 / val_fraction)
    if rng is not None:
        rng.shuffle(documents)
        boundary = len(documents) - max(1, int(len(documents) * val_fraction))
        kept, held_back = documents[:boundary], documents[boundary:]
    elif len(documents) < every:
        kept, held_back = documents[:-1], documents[-1:]
    else:
        kept = [document for index, document in enumerate(documents) if index % every != every - 1]
        held_back = documents[every - 1 :: every]
    train, val = _delimited(kept, tokenizer), _delimited(held_back, tokenizer)
    return Corpus("documents", train, val, separator_of(tokenizer, block_size, train, val))


def separator_of(tokenizer: Tokenizer, block_size: int, *splits: Split) -> int | None:
    """Return the token between question and answer, or None if a document has none or does not fit into a block."""
    try:
        return (
            _separator(tokenizer, block_size, *splits) if all(split.offsets is not None for split in splits) else None
        )
    except DataError:
        return None


def check_answers(corpus: Corpus, tokenizer: Tokenizer, block_size: int) -> None:
    """Check that every document is a question and an answer that fit into a block.

    Raises:
        DataError: a document has no separator, or is longer than a block.
    """
    if corpus.separator is None:
        _separator(tokenizer, block_size, corpus.train, corpus.val)


def _separator(tokenizer: Tokenizer, block_size: int, *splits: Split) -> int:
    try:
        ids = tokenizer.encode(SEPARATOR)
    except TokenizerError:
        raise DataError(f"no document of this text has a {SEPARATOR} between a question and its answer") from None
    documents = [
        split.tokens[begin:end]
        for split in splits
        if split.offsets is not None
        for begin, end in itertools.pairwise(split.offsets)
    ]
    missing = sum(ids[0] not in document for document in documents) if len(ids) == 1 else len(documents)
    if missing:
        raise DataError(
            f"{missing:,} of {len(documents):,} documents have no token {SEPARATOR} between a question and its "
            "answer: add one to each, or choose the tokenizer char"
        )
    longest = max(map(len, documents))
    if longest > block_size:
        raise DataError(
            f"the longest question with its answer takes {longest} tokens, and a block has {block_size}: choose a "
            f"model.block_size of at least {longest}"
        )
    return ids[0]


def _delimited(documents: list[str], tokenizer: Tokenizer) -> Split:
    delimiter = tokenizer.delimiter
    assert delimiter is not None  # `_documents_of` has checked it
    tokens, offsets = array("I"), array("I")
    for document in documents:
        offsets.append(len(tokens))
        tokens.append(delimiter)
        tokens.extend(tokenizer.encode(document))
    offsets.append(len(tokens))
    tokens.append(delimiter)
    return Split(tokens, offsets)
