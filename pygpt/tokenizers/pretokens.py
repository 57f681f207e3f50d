"""Pre-tokenizers: split a text into words. No token spans two words."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import product

from pygpt.tokenizers.unicode_classes import StandIns

# Source: encoder.py of github.com/openai/gpt-2, and the pre-tokenizer ByteLevel of github.com/huggingface/tokenizers.
GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

PIECE = 1 << 18  # characters split at a time, so that the words of a long text are not all in memory at once

_STAND_INS = StandIns()
# Places where a text can be cut, if the patterns always end a word there: between a character that is not white space
# and any white space, or at least a space. Python's white space is Unicode's and four control characters.
_SEAMS = re.compile(r"[^\s\x1c-\x1f](?=[^\S\x1c-\x1f])"), re.compile(r"\S(?= )")
_PROBES = "aZé9½.!/'_-東ǅ\u0301\u200d\U0001f642", "\n \r\t\f\x85\xa0\u2028"  # characters of all kinds, white space


class Splitter(ABC):
    """Splits a text into words. The parts of a long text are split one by one, if the words are the same then.

    `seam` matches the character before a place where a word always ends, whatever comes before and after; it is None if
    there are none. With `prefixes_sections`, the text after an added token begins as a text does.
    """

    seam: re.Pattern[str] | None
    prefixes_sections = False

    @abstractmethod
    def split(self, text: str, begins: bool = True) -> list[str]:
        """Split a text into its words, in order. `begins` is false for the continuation of a text."""

    def pieces(self, text: str) -> Iterator[str]:
        """Split a text into pieces whose words, in sequence, are the words of the whole text."""
        start = 0
        if len(text) > PIECE and self.seam:
            while seam := self.seam.search(text, start + PIECE):
                yield text[start : seam.end()]
                start = seam.end()
        yield text[start:]

    def regroup(self, parts: Iterable[str]) -> Iterator[str]:
        """Regroup the parts of a text so that the words of the parts, in sequence, are the words of the whole text."""
        text = ""
        for part in parts:
            text += part
            boundary = self.last_boundary(text)
            if boundary:
                yield text[:boundary]
                text = text[boundary:]
        if text:
            yield text

    def last_boundary(self, text: str) -> int:
        """Return the last position where a text can be cut without changing its words, whatever follows, or else 0."""
        match = re.compile(f"(?s:.*){self.seam.pattern}").match(text) if self.seam else None
        return match.end() if match else 0


class Pretokenizer(Splitter):
    """Splits at the matches of patterns, one after the other: each pattern splits the words of those before it.

    `patterns` are pairs of a pattern and `only_matches`: if it is false, the text between matches is a word too. With
    `composed`, a letter and its accents are first composed to one character (NFC, with the tables of this Python).
    """

    def __init__(self, patterns: Iterable[tuple[str, bool]], composed: bool = False):
        self.patterns, self.composed = tuple(patterns), composed

    @cached_property
    def stages(self) -> list[tuple[re.Pattern[str], bool, bool]]:
        """The compiled patterns, each with `only_matches` and whether it matches the text itself.

        Raises:
            TokenizerError: pygpt does not read a pattern.
        """
        from pygpt.tokenizers.patterns import compile_pattern, matches_text  # not needed to train on characters

        return [
            (compile_pattern(pattern), only_matches, matches_text(pattern)) for pattern, only_matches in self.patterns
        ]

    def split(self, text: str, begins: bool = True) -> list[str]:
        """Split a text into its words, in order."""
        if self.composed:
            text = unicodedata.normalize("NFC", text)
        symbols = text if text.isascii() else text.translate(_STAND_INS)
        if len(self.stages) == 1 and not self.stages[0][2]:
            words = self.stages[0][0].findall(symbols)
            if sum(map(len, words)) == len(text) and "" not in words:  # nothing between the matches, as usual
                return words if symbols is text else _cut(text, words)
        return [text[start:end] for start, end in self._spans(text, symbols)]

    def _spans(self, text, symbols):
        """The positions of the words of a text, given also its translation."""
        spans = [(0, len(text))] if text else []
        for pattern, only_matches, of_text in self.stages:
            source = text if of_text else symbols
            spans = [span for start, end in spans for span in _split(pattern, only_matches, source, start, end)]
        return spans

    @cached_property
    def seam(self) -> re.Pattern[str] | None:  # type: ignore[override]
        """See Splitter. Each kind of character is tried: the patterns of tokenizers are runs of one kind."""
        kinds, spaces = _PROBES
        for seam, space in zip(_SEAMS, (spaces, " ")):
            texts = map("".join, product("a.\n", kinds, space, kinds + spaces))
            if all(2 in (end for _, end in self._spans(text, text.translate(_STAND_INS))) for text in texts):
                return seam
        return None


def _split(pattern, only_matches, symbols, start, end):
    """Yield the words of a part of the text as positions."""
    place = start
    for match in pattern.finditer(symbols[start:end]):
        first, last = start + match.start(), start + match.end()
        if first > place and not only_matches:
            yield place, first
        if last > first:
            yield first, last
        place = last
    if place < end and not only_matches:
        yield place, end


def _cut(text, words):
    """Cut a text where its translated words end."""
    parts, start = [], 0
    for word in words:
        end = start + len(word)
        parts.append(text[start:end])
        start = end
    return parts


GPT2 = Pretokenizer([(GPT2_PATTERN, False)])
GPT2.seam = _SEAMS[0]  # what the search would find
