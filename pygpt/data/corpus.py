"""A text as tokens, split for training and validation."""

from __future__ import annotations

import dataclasses
import random
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
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
    before document d, and one more offset is the index of the BOS after the last document. If every document is a
    question and an answer that fit into a block, `answers[d]` is the index of the first token of its answer.
    """

    tokens: array[int]
    offsets: array[int] | None = None
    answers: array[int] | None = None

    def documents(self, answers_only: bool = False) -> Iterator[tuple[int, int, int]]:
        """Yield the index of the BOS before each document, of that after it, and of the first token to predict: with
        `answers_only`, the first of the answer, if there are answers."""
        assert self.offsets is not None  # a stream has no documents
        first = self.answers if answers_only and self.answers else (begin + 1 for begin in self.offsets)
        return zip(self.offsets, self.offsets[1:], first)

    def predictions(self, block_size: int, answers_only: bool = False) -> Iterator[tuple[int, range]]:
        """Yield the index of the BOS before each document and those of the tokens that are predicted: at most the first
        `block_size`, of which the BOS after the document may be one."""
        for begin, end, first in self.documents(answers_only):
            yield begin, range(first, min(end, begin + block_size) + 1)


@dataclass(frozen=True)
class Corpus(Generic[Part]):
    """A text ready for a device: its training tokens and its validation tokens. Both have answers, or none."""

    layout: str
    train: Part
    val: Part


@dataclass(frozen=True)
class CutDocuments:
    """Documents of which only the beginning is used: `longer` of `documents` have more predictions than the context,
    `block_size`, which leaves out `left_out` of all `predictions`. A document's predictions are its tokens and its end.
    """

    block_size: int
    documents: int
    longer: int
    predictions: int
    left_out: int

    def __str__(self) -> str:
        share = 100 * self.left_out / self.predictions
        percent = "less than 1" if share < 1 else f"{min(share, 99):.0f}"
        are = "document is" if self.documents == 1 else "documents is" if self.longer == 1 else "documents are"
        return (
            f"{self.longer:,} of {self.documents:,} {are} longer than the context of {self.block_size:,}: {percent} % "
            "of the tokens are left out; a larger model.block_size keeps them, or data.layout stream"
        )

    def to_dict(self) -> dict:
        """Return the numbers as plain JSON values, by name."""
        return dataclasses.asdict(self)


def cut_documents(block_size: int, *splits: object) -> CutDocuments | None:
    """Count what is left out of the splits of a text; None if that is nothing, as of a stream, also in shards."""
    documents = [split for split in splits if isinstance(split, Split) and split.offsets is not None]
    lengths = [end - begin for split in documents for begin, end, _ in split.documents()]
    excess = [length - block_size for length in lengths if length > block_size]
    return CutDocuments(block_size, len(lengths), len(excess), sum(lengths), sum(excess)) if excess else None


def make_corpus(
    text: str,
    tokenizer: Tokenizer,
    layout: str,
    block_size: int,
    val_fraction: float = 0.1,
    rng: random.Random | None = None,
    question_length: int = 0,
) -> Corpus[Split]:
    """Convert a text to tokens and hold out some of them for validation.

    Layout "stream" holds out the end of the text. Layout "documents" holds out every tenth document (for a fraction
    of 0.1; see `hold_out`), because lists are often sorted. Documents are kept whole here; one that is longer than the
    block is truncated to its first `block_size` tokens when a batch is drawn. `rng` shuffles the documents, and then
    the last ones are held out: the others have the order they would have without validation. `question_length` is that
    of the Text.

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
        return _documents(text, tokenizer, block_size, val_fraction, rng, question_length)
    return _stream(text, tokenizer, block_size, val_fraction)


def whole_split(text: str, tokenizer: Tokenizer, layout: str, block_size: int, question_length: int = 0) -> Split:
    """Convert a whole text to one split to evaluate a model on, with nothing held out; otherwise as `make_corpus`.

    Raises:
        DataError: the text is too short, or the tokenizer's delimiter does not fit the layout.
        TokenizerError: the text has a symbol that is not in the vocabulary.
    """
    if layout == "documents":
        split = _delimited(_documents_of(text, tokenizer, 1), tokenizer)
        return _with_answers(tokenizer, block_size, question_length, split)[0]
    tokens = tokenizer.encode(text)
    if len(tokens) < 2:
        raise DataError(
            f"training needs at least two tokens, one to predict the next from; this text has {len(tokens)}; "
            f"choose a longer one"
        )
    return Split(tokens)


def mean_bytes(text: str, corpus: Corpus) -> float:
    """The bytes of a text that a token of its corpus stands for, on average: a loss per token divided by it is one per
    byte, and comparable between tokenizers. The delimiter of a document stands for the end of its line."""
    if corpus.layout == "documents":
        text = "".join(f"{document}\n" for document in split_documents(text))
    delimiters = 2 if corpus.layout == "documents" else 0  # after the last document of each part
    return len(text.encode()) / (len(corpus.train.tokens) + len(corpus.val.tokens) - delimiters)


def _documents_of(text: str, tokenizer: Tokenizer, minimum: int) -> list[str]:
    if tokenizer.delimiter is None:
        raise DataError(
            "the layout documents needs a tokenizer with a delimiter, and this one has none: set data.layout to "
            "stream, or take the tokenizer of a run on documents, or one made with documents=True (an imported "
            "model has the delimiters of its config.json)"
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
            shorter = f"a context length of at most {longest}, or " if longest > 0 else ""
            symbol = {"char": "character", "byte": "byte"}.get(tokenizer.kind, "token")
            size = f"{len(tokens)} {symbol}{'' if len(tokens) == 1 else 's'}"
            raise DataError(
                f"a context length of {block_size} needs {block_size + 1} {symbol}s for {part}; this text of "
                f"{size} leaves {length}: choose {shorter}a longer text"
            )
    return Corpus("stream", Split(tokens[:boundary]), Split(tokens[boundary:]))


def _documents(
    text: str,
    tokenizer: Tokenizer,
    block_size: int,
    val_fraction: float,
    rng: random.Random | None,
    question_length: int,
) -> Corpus[Split]:
    documents = _documents_of(text, tokenizer, 2)
    if rng is not None:
        rng.shuffle(documents)
        boundary = len(documents) - max(1, int(len(documents) * val_fraction))
        kept, held_back = documents[:boundary], documents[boundary:]
    else:
        kept, held_back = hold_out(documents, val_fraction)
    train, val = _delimited(kept, tokenizer), _delimited(held_back, tokenizer)
    return Corpus("documents", *_with_answers(tokenizer, block_size, question_length, train, val))


def hold_out(documents: list[str], val_fraction: float) -> tuple[list[str], list[str]]:
    """Divide documents into those to train on and those held out: evenly spread, `val_fraction` of the first n for each
    n, rounded down; at least the last one."""
    # The decimal fraction that was written: as a binary number, 0.1 is a little more than a tenth.
    fraction = Fraction(str(val_fraction))
    top, bottom = fraction.numerator, fraction.denominator
    kept: list[str] = []
    held_back: list[str] = []
    for index, document in enumerate(documents):
        is_held_back = (index + 1) * top // bottom > index * top // bottom
        (held_back if is_held_back else kept).append(document)
    return (kept, held_back) if held_back else (documents[:-1], documents[-1:])


def question_of(document: str, question_length: int) -> str:
    """The part of a document before its answer; `question_length` is that of the Text."""
    return document[: question_length or document.index(SEPARATOR) + 1]


def _answers(tokenizer: Tokenizer, split: Split, question_length: int) -> array[int]:
    """Return the index of the first token of each answer, by the rule of `question_of`; 0 where there is none.

    A question of `question_length` characters must be as many tokens, and a separator one token.
    """
    tokens, answers = split.tokens, array("I")
    separator = None if question_length else tokenizer.encode(SEPARATOR)
    for begin, end, first in split.documents():
        if separator is None:
            answer = first + question_length
            found = answer < end and len(tokenizer.decode(tokens[first:answer])) == question_length
        elif found := len(separator) == 1 and separator[0] in tokens[begin:end]:
            answer = tokens.index(separator[0], begin, end) + 1
        answers.append(answer if found else 0)
    return answers


def _with_answers(tokenizer: Tokenizer, block_size: int, question_length: int, *splits: Split) -> list[Split]:
    """The splits with the places of their answers, if every document has one and fits into a block."""
    try:
        return _checked_answers(tokenizer, block_size, question_length, *splits)
    except DataError:
        return list(splits)


def check_answers(corpus: Corpus, tokenizer: Tokenizer, block_size: int, question_length: int) -> None:
    """Check that every document is a question and an answer that fit into a block.

    Raises:
        DataError: a document has no answer, or is longer than a block.
    """
    if corpus.val.answers is None:
        _checked_answers(tokenizer, block_size, question_length, corpus.train, corpus.val)


def _checked_answers(tokenizer: Tokenizer, block_size: int, question_length: int, *splits: Split) -> list[Split]:
    try:
        answers = [_answers(tokenizer, split, question_length) for split in splits]
    except TokenizerError:
        raise DataError(f"no document of this text has a {SEPARATOR} between a question and its answer") from None
    missing, number = sum(each.count(0) for each in answers), sum(map(len, answers))
    if missing and question_length:
        raise DataError(
            f"{missing:,} of {number:,} questions are not {question_length} tokens, one per character: choose the "
            "tokenizer char"
        )
    if missing:
        raise DataError(
            f"{missing:,} of {number:,} documents have no token {SEPARATOR} between a question and its "
            "answer: add one to each, or choose the tokenizer char"
        )
    longest = max(end - begin for split in splits for begin, end, _ in split.documents())
    if longest > block_size:
        raise DataError(
            f"the longest question with its answer takes {longest} tokens, and a block has {block_size}: choose a "
            f"model.block_size of at least {longest}"
        )
    return [dataclasses.replace(split, answers=each) for split, each in zip(splits, answers)]


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
