"""The words of a text as documents: short, pronounceable, and there without a network, for the smallest of models."""

import re


def words(text: str) -> str:
    """Every different word of a text in small letters, those of two letters and more, sorted, one on each line."""
    return "".join(f"{word}\n" for word in sorted(set(re.findall("[a-z]{2,}", text.lower()))))
