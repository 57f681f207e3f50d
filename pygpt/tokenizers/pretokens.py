"""GPT-2's pre-tokenizer: splits a text into words, each with the space before it. No token spans two words."""

import re
from collections.abc import Iterable, Iterator

from pygpt.tokenizers.unicode_classes import Classes

# GPT-2's regular expression is
#   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
# Python's re has neither \p{L} nor \p{N}, and its \s includes four control characters more than Unicode's White_Space.
# So the text is first translated, character by character: letters to "a", numbers to "0", white space to a tab,
# everything else to "!", and ASCII to itself. The matches have the same positions in the original text.
# Source: encoder.py of github.com/openai/gpt-2, and the pre-tokenizer ByteLevel of github.com/huggingface/tokenizers.
_WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", re.ASCII)
# A word always ends between a character that is not white space and one that is, whatever comes before and after.
_SEAM = re.compile(r"[^\s\x1c-\x1f](?=[^\S\x1c-\x1f])")
_LAST_SEAM = re.compile(r"(?s:.*)" + _SEAM.pattern)
_CLASSES = Classes()

PIECE = 1 << 18  # characters split at a time, so that the words of a long text are not all in memory at once


def split_words(text: str) -> list[str]:
    """Split a text into its words, in order. Joined, they give the text again."""
    if text.isascii():
        return _WORD.findall(text)
    words, start = [], 0
    for word in _WORD.findall(text.translate(_CLASSES)):
        end = start + len(word)
        words.append(text[start:end])
        start = end
    return words


def pieces(text: str) -> Iterator[str]:
    """Split a text into pieces whose words, in sequence, are the words of the whole text."""
    start = 0
    while seam := _SEAM.search(text, start + PIECE):
        yield text[start : seam.end()]
        start = seam.end()
    yield text[start:]


def regroup_at_word_boundaries(parts: Iterable[str]) -> Iterator[str]:
    """Regroup the parts of a text so that the words of the parts, in sequence, are the words of the whole text."""
    text = ""
    for part in parts:
        text += part
        seam = last_word_boundary(text)
        if seam:
            yield text[:seam]
            text = text[seam:]
    if text:
        yield text


def last_word_boundary(text: str) -> int:
    """Return the last position where a text can be split without changing its words, whatever follows, or else 0."""
    match = _LAST_SEAM.match(text)
    return match.end() if match else 0
