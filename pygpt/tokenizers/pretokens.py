"""GPT-2's first cut: a text in words, each with the space before it. No token reaches from one word into the next."""

import re
from collections.abc import Iterable, Iterator

from pygpt.tokenizers.unicode_classes import Classes

# GPT-2's own expression is
#   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
# Python's re knows neither \p{L} nor \p{N}, and its \s holds four control characters more than Unicode's White_Space. So
# the text is first translated, character for character: every letter to "a", every number to "0", every white space to a
# tab, everything else to "!", and ASCII to itself. What the expression finds there stands at the same places in the text.
# Source: encoder.py of github.com/openai/gpt-2, and the pre-tokenizer ByteLevel of github.com/huggingface/tokenizers.
_WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", re.ASCII)
# Between a character that is no white space and one that is, words end whatever stands before and after.
_SEAM = re.compile(r"[^\s\x1c-\x1f](?=[^\S\x1c-\x1f])")
_LAST_SEAM = re.compile(r"(?s:.*)" + _SEAM.pattern)
_CLASSES = Classes()

PIECE = 1 << 18  # characters cut at a time: the words of a long text need not all be in memory at once


def split_words(text: str) -> list[str]:
    """The words of a text, in order; joined they are the text again."""
    if text.isascii():
        return _WORD.findall(text)
    words, start = [], 0
    for word in _WORD.findall(text.translate(_CLASSES)):
        end = start + len(word)
        words.append(text[start:end])
        start = end
    return words


def pieces(text: str) -> Iterator[str]:
    """A text in pieces whose words, piece after piece, are the words of the whole."""
    start = 0
    while seam := _SEAM.search(text, start + PIECE):
        yield text[start : seam.end()]
        start = seam.end()
    yield text[start:]


def at_seams(parts: Iterable[str]) -> Iterator[str]:
    """A text that comes in parts, in other parts whose words, one after the other, are the words of the whole."""
    text = ""
    for part in parts:
        text += part
        seam = last_seam(text)
        if seam:
            yield text[:seam]
            text = text[seam:]
    if text:
        yield text


def last_seam(text: str) -> int:
    """The last place where a text may be cut without changing its words, whatever follows it; 0 if there is none."""
    found = _LAST_SEAM.match(text)
    return found.end() if found else 0
