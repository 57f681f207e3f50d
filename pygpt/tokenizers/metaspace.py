"""Words as in SentencePiece's BPE (Llama 2): a space is the visible character of a token, "▁", and begins a word."""

from __future__ import annotations

import re

from pygpt.tokenizers.pretokens import Splitter

SPACE = "▁"  # U+2581
_RUNS = re.compile(f"{SPACE}*[^{SPACE}]+|{SPACE}+")  # a word with all spaces before it
_SINGLE = re.compile(f"{SPACE}[^{SPACE}]*|[^{SPACE}]+")  # a word with one space before it
_SEAM = re.compile(f"[^ {SPACE}](?= )")


class Metaspace(Splitter):
    """Splits before spaces.

    `prefix` is where a space is put in front: "always" (of the text, and of what follows an added token), "first" (of
    the text) or "never"; with `once`, not in front of another space. `single` makes a word of each space. Without
    `words`, the whole text is one: some tokens have a space after something else.
    """

    def __init__(self, prefix: str, once: bool, single: bool, words: bool):
        self.prefix, self.once = prefix, once
        self.prefixes_sections = prefix == "always"
        self._word = _SINGLE if single else _RUNS if words else None
        self.seam = _SEAM if self._word else None

    def split(self, text: str, begins: bool = True) -> list[str]:
        """Split a text into its words, in order; if it `begins` here, a space is put in front."""
        text = text.replace(" ", SPACE)
        if begins and text and self.prefix != "never" and not (self.once and text.startswith(SPACE)):
            text = SPACE + text
        if self._word is None:
            return [text] if text else []
        return self._word.findall(text)
