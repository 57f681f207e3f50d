"""Unicode's categories for the regular expressions of tokenizers, which Python's `re` does not know.

A text is translated for matching: ASCII stays, every other character becomes a stand-in for its category. A match in
the translation has the same place in the text. The categories are Unicode 16's, whichever version this Python's tables
have (14 in Python 3.11, 16 in Python 3.14). Later additions are listed here, so that a text has the same tokens in the
tab, natively, and in Hugging Face's `tokenizers`.
"""

import unicodedata

_CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co Cn".split()
# The stand-ins are in Latin-1: a translated text takes one byte per character.
STAND_INS = {category: chr(0x80 + index) for index, category in enumerate(_CATEGORIES)}
# Characters outside ASCII that a pattern treats unlike the rest of their category: U+0085, the only white space among
# the control characters, and two that match an ASCII letter where case is ignored. They stand for themselves, or for a
# free character of Latin-1.
NEXT_LINE, LONG_S, KELVIN = "\xff", "\u017f", "\u212a"
_SINGLE = {0x85: NEXT_LINE, ord(LONG_S): LONG_S, ord(KELVIN): KELVIN}

# Characters that Unicode 15.0, 15.1 and 16.0 added: first-last, in hexadecimal, by category.
_NEWER_CHARACTERS = """
    Cf:13439-1343F Ll:1C8A,A7CD,A7DB,10D70-10D85,1DF25-1DF2A Lm:10D4E,10D6F,16D40-16D42,16D6B-16D6C,1E030-1E06D,1E4EB
    Lo:105C0-105F3,10D4A-10D4D,10D4F,10EC2-10EC4,1123F-11240,11380-11389,1138B,1138E,11390-113B5,113B7,113D1,113D3
    Lo:11BC0-11BE0,11F02,11F04-11F10,11F12-11F33,1342F,13441-13446,13460-143FA,16100-1611D,16D43-16D6A,18CFF,1B132,1B155
    Lo:1E4D0-1E4EA,1E5D0-1E5ED,1E5F0,2B739,2EBF0-2EE5D,31350-323AF Lu:1C89,A7CB-A7CC,A7DA,A7DC,10D50-10D65
    Mc:CF3,113B8-113BA,113C2,113C5,113C7-113CA,113CC-113CD,113CF,11F03,11F34-11F35,11F3E-11F3F,11F41,1612A-1612C
    Mn:897,ECE,10D69-10D6D,10EFC-10EFF,11241,113BB-113C0,113CE,113D0,113D2,113E1-113E2,11F00-11F01,11F36-11F3A,11F40
    Mn:11F42,11F5A,13440,13447-13455,1611E-16129,1612D-1612F,1E08F,1E4EC-1E4EF,1E5EE-1E5EF
    Nd:10D40-10D49,116D0-116E3,11BF0-11BF9,11F50-11F59,16130-16139,16D70-16D79,1CCF0-1CCF9,1E4F0-1E4F9,1E5F1-1E5FA
    No:1D2C0-1D2D3 Pd:10D6E Po:1B4E-1B4F,1B7F,113D4-113D5,113D7-113D8,11B00-11B09,11BE1,11F43-11F4F,16D6D-16D6F,1E5FF
    Sm:10D8E-10D8F So:2427-2429,2FFC-2FFF,31E4-31E5,31EF,1CC00-1CCEF,1CD00-1CEB3,1F6DC,1F774-1F776,1F77B-1F77F,1F7D9
    So:1F8B2-1F8BB,1F8C0-1F8C1,1FA75-1FA77,1FA87-1FA89,1FA8F,1FAAD-1FAAF,1FABB-1FABF,1FAC6,1FACE-1FACF,1FADA-1FADC
    So:1FADF,1FAE8-1FAE9,1FAF7-1FAF8,1FBCB-1FBEF"""
NEWER = [
    (int(span.split("-")[0], 16), int(span.split("-")[-1], 16), category)
    for group in _NEWER_CHARACTERS.split()
    for category, spans in [group.split(":")]
    for span in spans.split(",")
]


def category_of(code_point: int) -> str:
    """Return the two letters of a character's category in Unicode 16."""
    category = unicodedata.category(chr(code_point))
    if category == "Cn":
        return next((newer for first, last, newer in NEWER if first <= code_point <= last), "Cn")
    return category


class StandIns(dict):
    """For `str.translate`: from a code point to its stand-in. ASCII maps to itself."""

    def __missing__(self, code_point):
        symbol = chr(code_point) if code_point < 128 else _SINGLE.get(code_point) or STAND_INS[category_of(code_point)]
        self[code_point] = symbol
        return symbol


# Every character of a translated text, with its category.
ALPHABET = {
    **{chr(code_point): unicodedata.category(chr(code_point)) for code_point in range(128)},
    **{symbol: category for category, symbol in STAND_INS.items()},
    NEXT_LINE: "Cc",
    LONG_S: "Ll",
    KELVIN: "Lu",
}
WHITE_SPACE = frozenset("\t\n\v\f\r ") | {STAND_INS[category] for category in ("Zs", "Zl", "Zp")} | {NEXT_LINE}
