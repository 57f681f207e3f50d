"""Translates the regular expressions of tokenizers for Python's `re`.

Those of Hugging Face's `tokenizers` have the syntax of Oniguruma, with Unicode's categories as in `\\p{Lu}`. The
translation matches a text of stand-ins (see `unicode_classes`): each set of characters becomes the list of the
stand-ins in it. Whatever has no translation here is refused by its name.

Source: doc/RE of github.com/kkos/oniguruma, syntax ONIG_SYNTAX_RUBY; tiktoken's patterns use the same part of it.
"""

import re

from pygpt.errors import TokenizerError
from pygpt.tokenizers.unicode_classes import ALPHABET, WHITE_SPACE

_EVERYTHING = frozenset(ALPHABET)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b", "0": "\0"}
# What has a case: letters, and a mark. A set of them in (?i: ) would need the cases of every character that a stand-in
# stands for, and Oniguruma takes some pairs of letters for one character, such as "ss" for "ß".
_CASED = frozenset(c for c, category in ALPHABET.items() if category[0] in "LM")
_PAIRS = ("ss", "ff", "fi", "fl", "st")
_TOKEN = re.compile(
    r"""(?P<group>\((?:\?(?:i?:|i\)|[=!>]|<[=!]))?) | (?P<close>\)) | (?P<set>\[)
    | (?P<quantifier>[*+?][+?]?) | (?P<interval>\{(?:\d+(?:,\d*)?|,\d+)\}[+?]?)
    | (?P<category>\\[pP]\{\^?\w+\}) | (?P<escape>\\(?:x[0-9A-Fa-f]{2}|.))
    | (?P<anchor>[\^$]) | (?P<bar>\|) | (?P<dot>\.) | (?P<literal>.)""",
    re.VERBOSE | re.DOTALL,
)


# Characters and ranges of them, by themselves: for Python's `re`, they mean what they do for Oniguruma.
_PLAIN_SET = re.compile(r"\[(?:[^\\\[\]^&|~-](?:-[^\\\[\]^&|~-])?)+\]\+?")


def matches_text(pattern: str) -> bool:
    """Whether a compiled pattern matches a text itself, and not its stand-ins: a set of characters outside ASCII."""
    return not pattern.isascii() and _PLAIN_SET.fullmatch(pattern) is not None


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the translation of a pattern, whose whole match is the pattern's.

    Raises:
        TokenizerError: a part of the pattern has no translation.
    """
    try:
        return re.compile(pattern if matches_text(pattern) else _Translation(pattern).text)
    except (re.error, OverflowError, RecursionError) as error:
        raise TokenizerError(f"the pattern {pattern!r:.80} cannot be read: {error}") from None


class _Translation:
    """A pattern on its way: `text` is the translation."""

    def __init__(self, pattern):
        self.pattern, self.place = pattern, 0
        # The translated parts, where the groups around this place start, and where the part for a quantifier starts.
        self.parts: list[str] = []
        self.groups: list[int] = []
        self.last = 0
        # Whether the case is ignored, here and in each group around, and the letter just before if it is.
        self.ignores = [False]
        self.before = ""
        while self.place < len(pattern):
            self._step()
        self.text = "".join(self.parts)

    def _step(self):
        token = _TOKEN.match(self.pattern, self.place)
        assert token and token.lastgroup  # the last alternative takes any character
        kind, text, self.place = token.lastgroup, token.group(), token.end()
        if kind == "group":
            if text == "(?i)" and self.parts:
                raise self._refused(text)  # Python allows it only at the start
            if text == "(?i)":
                self.ignores[-1] = True
            else:
                self.groups.append(len(self.parts))
                self.ignores.append(self.ignores[-1] or text == "(?i:")
            self.parts.append("(?:" if text == "(" else text)  # a group is never referred to
        elif kind == "close":
            self.last = self.groups.pop() if self.groups else 0
            self.ignores = self.ignores[:-1] or [False]
            self.parts.append(text)
        elif kind == "quantifier":
            self.parts.append(text)
        elif kind == "interval":
            self._interval(text)
        elif kind == "anchor":  # of a line, not of the text
            self.parts.append(f"(?m:{text})")
        elif kind == "bar":
            self.before = ""
            self.parts.append(text)
        else:
            self.last = len(self.parts)
            if kind == "literal":
                self._letter(self._ascii(text))
                self.parts.append(re.escape(text))
            else:
                members = self._members(kind, text)
                self._letter(next(iter(members)) if len(members) == 1 else "")
                if self.ignores[-1] and kind != "dot" and members & _CASED and not all(map(str.isascii, members)):
                    raise self._refused(f"(?i:{self.pattern[token.start() : self.place]})")
                self.parts.append(_written(members))

    def _letter(self, letter):
        """Refuse a pair of letters that Oniguruma can take for one character where the case is ignored."""
        pair = (self.before + letter).lower()
        if self.ignores[-1] and pair in _PAIRS:
            raise self._refused(f"(?i:{pair})")
        self.before = letter if self.ignores[-1] else ""

    def _interval(self, text):
        self._letter(self.before)  # {2} makes a pair of one letter
        if text.endswith("?") and "," not in text:
            raise self._refused(text)
        if not text.endswith("+"):
            self.parts.append(text)
            return
        # Here {1,3}+ repeats {1,3}; in Python it would be possessive.
        self.parts[self.last :] = [f"(?:{''.join(self.parts[self.last :])}{text[:-1]})+"]

    def _members(self, kind, text):
        """The characters that a part of one character matches."""
        if kind == "set":
            return self._set()
        if kind == "dot":
            return _EVERYTHING - {"\n"}
        if kind == "category":
            inside = {c for c, category in ALPHABET.items() if category.startswith(text[3:-1].lstrip("^"))}
            if len(text[3:-1].lstrip("^")) > 2 or not inside:
                raise self._refused(text)
            return inside if (text[1] == "p") == (text[3] != "^") else _EVERYTHING - inside
        name = text[1:]
        if name in ("s", "S"):
            return WHITE_SPACE if name == "s" else _EVERYTHING - WHITE_SPACE
        if name in ("d", "D"):
            return {c for c, category in ALPHABET.items() if (category == "Nd") == (name == "d")}
        if len(name) == 3:
            return {self._ascii(chr(int(name[1:], 16)))}
        if name in _ESCAPES:
            return {_ESCAPES[name]}
        if name.isalnum():  # \b, \w, \1 and so on
            raise self._refused(text)
        return {self._ascii(name)}

    def _set(self):
        """Read a set up to its bracket."""
        negated = self.pattern.startswith("^", self.place)
        self.place += negated
        members: set[str] = set()
        if self.pattern.startswith("]", self.place):
            raise self._refused("a set that begins with ]")
        while not self.pattern.startswith("]", self.place):
            token = _TOKEN.match(self.pattern, self.place)
            if token is None or token.lastgroup == "set" or self.pattern.startswith("&&", self.place):
                raise self._refused("a set within a set" if token else "a set without an end")
            kind, text = token.lastgroup, token.group()
            if kind not in ("category", "escape"):
                kind, text = "literal", text[0]
            self.place += len(text)
            items = {self._ascii(text)} if kind == "literal" else self._members(kind, text)
            if self.pattern.startswith("-", self.place) and not self.pattern.startswith("-]", self.place):
                items = self._range(items)
            members |= items
        self.place += 1
        return _EVERYTHING - members if negated else members

    def _range(self, first):
        token = _TOKEN.match(self.pattern, self.place + 1)
        if token is None or token.lastgroup not in ("literal", "escape") or len(first) > 1:
            raise self._refused(self.pattern[max(0, self.place - 2) : self.place + 3])
        text = token.group()
        last = {self._ascii(text)} if token.lastgroup == "literal" else self._members("escape", text)
        if len(last) > 1 or max(last) < max(first):
            raise self._refused(self.pattern[max(0, self.place - 2) : self.place + 3])
        self.place = token.end()
        return set(map(chr, range(ord(max(first)), ord(max(last)) + 1)))

    def _ascii(self, character):
        if not character.isascii():
            raise self._refused(character)
        return character

    def _refused(self, part):
        return TokenizerError(f"the pattern {self.pattern!r:.80} has {part!r:.40}, which pygpt does not read")


def _written(members):
    """A set for Python's `re`."""
    if not members:
        return "(?!)"
    codes = sorted(map(ord, members))
    text, start = "", codes[0]
    for code, following in zip(codes, [*codes[1:], -1]):
        if following != code + 1:
            text += f"\\u{start:04x}" if start == code else f"\\u{start:04x}-\\u{code:04x}"
            start = following
    return f"[{text}]"
