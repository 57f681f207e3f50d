"""The words of a text as documents: short, pronounceable data for the smallest models, available offline."""

import re


def words(text: str) -> str:
    """List the distinct words of a text in lower case, sorted, one per line, without single letters."""
    return "".join(f"{word}\n" for word in sorted(set(re.findall("[a-z]{2,}", text.lower()))))
