"""The share of real words in a sample."""

from pygpt.training.real_words import real_share, words_of

TALE = "The old fox didn't sleep. \"Who's there?\" asked the élan."


def test_words_of_the_text_are_real_in_any_case():
    known = words_of(TALE)
    assert known == {"the", "old", "fox", "didn't", "sleep", "who's", "there", "asked", "élan"}
    # 4 of 6; the seventh word may be cut off
    assert real_share("Fox FOX slee, the who's 12 glorp ol", known) == 4 / 6


def test_too_few_words_have_no_share():
    assert real_share("xq fox fo", words_of(TALE)) is None and real_share("", words_of(TALE)) is None
