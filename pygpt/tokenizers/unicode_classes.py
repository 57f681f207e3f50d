"""The classes of characters in GPT-2's regular expression: letter, number, white space, or other.

They follow Unicode 16, whichever version this Python's tables have (14 in Python 3.11, 16 in Python 3.14). Later
additions are listed here, so that a text has the same tokens in the tab, natively, and in Hugging Face's `tokenizers`.
"""

import unicodedata

LETTER, NUMBER, SPACE, OTHER = "a0\t!"

# Unicode's White_Space beyond ASCII. This property no longer grows.
_WHITE_SPACE = frozenset("\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))))
# Letters (L) and numbers (N) that Unicode 15.0, 15.1 and 16.0 added: first-last, in hexadecimal.
_NEWER_LETTERS = """
    1C89-1C8A A7CB-A7CD A7DA-A7DC 105C0-105F3 10D4A-10D65 10D6F-10D85 10EC2-10EC4 1123F-11240 11380-11389 1138B-1138B
    1138E-1138E 11390-113B5 113B7-113B7 113D1-113D1 113D3-113D3 11BC0-11BE0 11F02-11F02 11F04-11F10 11F12-11F33
    1342F-1342F 13441-13446 13460-143FA 16100-1611D 16D40-16D6C 18CFF-18CFF 1B132-1B132 1B155-1B155 1DF25-1DF2A
    1E030-1E06D 1E4D0-1E4EB 1E5D0-1E5ED 1E5F0-1E5F0 2B739-2B739 2EBF0-2EE5D 31350-323AF"""
_NEWER_NUMBERS = """
    10D40-10D49 116D0-116E3 11BF0-11BF9 11F50-11F59 16130-16139 16D70-16D79 1CCF0-1CCF9 1D2C0-1D2D3 1E4F0-1E4F9
    1E5F1-1E5FA"""
_NEWER = [
    (int(first, 16), int(last, 16), symbol)
    for ranges, symbol in ((_NEWER_LETTERS, LETTER), (_NEWER_NUMBERS, NUMBER))
    for first, last in (span.split("-") for span in ranges.split())
]
_BY_CATEGORY = {"L": LETTER, "N": NUMBER}


class Classes(dict):
    """For `str.translate`: from a code point to the ASCII character of its class. ASCII maps to itself."""

    def __missing__(self, code_point):
        character = chr(code_point)
        if code_point < 128:
            symbol = character
        elif character in _WHITE_SPACE:
            symbol = SPACE
        elif (category := unicodedata.category(character)) == "Cn":
            symbol = next((symbol for first, last, symbol in _NEWER if first <= code_point <= last), OTHER)
        else:
            symbol = _BY_CATEGORY.get(category[0], OTHER)
        self[code_point] = symbol
        return symbol
