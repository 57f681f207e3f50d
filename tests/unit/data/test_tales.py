"""The tales: the same bytes everywhere, long enough, and well formed."""

import hashlib
import re

import pytest

from pygpt.data import tales
from pygpt.data.sources.tale_templates.vocabulary import ANIMALS
from pygpt.errors import DataError

MEGABYTE = "32990599e70669521c2ec8168320a6aefe283de88451115a094aabdcb377550f"


@pytest.fixture(scope="module")
def text():
    return tales(0, 1_000_000)


def test_the_same_bytes_everywhere(text):
    assert hashlib.sha256(text.encode("ascii")).hexdigest() == MEGABYTE


def test_the_last_story_reaches_a_megabyte(text):
    assert 1_000_000 <= len(text) < 1_001_500


def test_a_longer_text_begins_like_a_shorter_one(text):
    assert text.startswith(tales(0, 5000))


def test_another_seed_gives_other_tales():
    assert tales(1, 3000) != tales(0, 3000) and tales(-1, 3000) == tales(2**64 - 1, 3000)


def test_vocabulary(text):
    assert len(set(re.findall(r"[a-z]+", text.lower()))) >= 1000


def test_stories_are_whole_and_short(text):
    stories = text.removesuffix("\n\n").split("\n\n")
    assert len(set(stories)) > 0.95 * len(stories)
    for story in stories:
        title, *paragraphs = story.split("\n")
        assert title[0].isupper() and title[-1] not in ".,;"
        assert 2 <= len(paragraphs) <= 6
        assert 60 <= len(story.split()) <= 140
        for paragraph in paragraphs:
            assert paragraph[0].isupper() or paragraph[0] == '"', paragraph
            assert re.search(r'[.!?]"?$', paragraph), paragraph
            assert paragraph.count('"') % 2 == 0, paragraph


@pytest.mark.parametrize(
    "mistake",
    [
        r"\b[Aa] [aeiouAEIOU]",
        r"\b[Aa]n [^aeiouAEIOU]",
        r"[{}|]",
        r"  ",
        r" [.,!?]",
        r"[.,][.,]",
        r"\b(\w+) \1\b(?<!that that)",
        r"[.!?] [a-z]",
        r"[a-z][.,!?][A-Za-z]",
        r" $",
    ],
)
def test_no_mistake_in_form(text, mistake):
    match = re.search(rf".{{0,40}}{mistake}.{{0,20}}", text, re.MULTILINE)
    assert match is None, match[0]


def test_every_animal_appears_with_the_right_pronoun(text):
    other = {"he": r"\b(her|she|herself)\b", "she": r"\b(his|him|himself)\b"}
    for animal in ANIMALS:
        assert text.count(f"{animal.name} the {animal.kind}") > 50
        for habit in animal.habits:
            assert not re.search(other[animal.they], habit), habit


def test_a_size_below_1_is_refused():
    with pytest.raises(DataError, match="at least 1 character; the size is 0"):
        tales(0, 0)
