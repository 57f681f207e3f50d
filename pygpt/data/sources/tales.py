"""The data set `tales`: any number of children's stories, generated from a seed.

A story is a plot with its slots filled in (tale_templates: mishaps, friends, wonders, moments). Animals of the valley
fill the roles; things and weather fill the other slots. Slots are in braces and are filled from the inside outwards:

    {h}  {h.they}  {thing}     the slot's text in this story
    {gently|slowly|}           one of these, drawn each time
"""

from __future__ import annotations

import re

from pygpt.data.sources.tale_templates import vocabulary as words
from pygpt.data.sources.tale_templates.plot import Plot
from pygpt.errors import DataError

_SLOT = re.compile(r"\{([^{}]*)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])")
_SENTENCE = re.compile(r"(^|[.!?] )([a-z])")
_SMALL = frozenset("a an and at for in of on or that the to who with".split())
_SHORTEST, _LONGEST = 60, 140  # words in a story, including its title


class SplitMix64:
    """The Splitmix64 generator, implemented here so that a seed gives the same text on every Python and platform.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """

    def __init__(self, seed: int):
        self._state = seed & 0xFFFFFFFFFFFFFFFF

    def below(self, limit: int) -> int:
        """Draw an integer from 0 to limit - 1."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        return ((mixed ^ (mixed >> 31)) * limit) >> 64

    def pick(self, choices):
        """Draw one element of a sequence."""
        return choices[self.below(len(choices))]

    def shuffled(self, choices) -> list:
        """Return the elements of a sequence in random order."""
        remaining = list(choices)
        return [remaining.pop(self.below(len(remaining))) for _ in choices]


def tales(seed: int = 0, size: int = 1_000_000) -> str:
    """Generate whole stories, separated by blank lines, until the text has at least `size` characters.

    Raises:
        DataError: the size is below 1.
    """
    if size < 1:
        raise DataError(f"tales need at least 1 character; the size is {size}: choose a larger size")
    chance = SplitMix64(seed)
    stories, length, previous_title = [], 0, ""
    while length < size:
        story = _story(chance)
        title = story.partition("\n")[0]
        if title != previous_title and _SHORTEST <= len(story.split()) <= _LONGEST:
            stories.append(story)
            length += len(story) + 2
            previous_title = title
    return "\n\n".join(stories) + "\n\n"


def _story(chance: SplitMix64) -> str:
    plot = chance.pick(_plots())
    slots: dict[str, str] = {}
    chosen = {**words.POOLS, **plot.slots, **chance.pick(plot.cases)}
    for name, value in chosen.items():
        if isinstance(value, list):
            slots |= {f"{name}{number}": text for number, text in enumerate(chance.shuffled(value), 1)}
        else:
            slots[name] = chance.pick(value) if isinstance(value, tuple) else value
    sky = slots["sky"]
    slots["weather"], slots["clouds"] = chance.pick(words.WEATHER[sky])
    _cast(chance, slots)

    def fill(match: re.Match) -> str:
        key = match[1]
        return chance.pick(key.split("|")) if "|" in key else slots[key]

    lines = [line if isinstance(line, str) else chance.pick(line) for line in (plot.titles, *plot.paragraphs)]
    text = "\n".join(lines)
    while "{" in text:
        text = _SLOT.sub(fill, text)
    text = _ARTICLE.sub(r"\1n ", re.sub(" +", " ", text))
    title, *rest = text.split("\n")
    return "\n".join([_titled(title), *(_SENTENCE.sub(_capital, line.strip()) for line in rest)])


def _cast(chance: SplitMix64, slots: dict[str, str]) -> None:
    """Assign three animals to the roles h, f and k; h and f differ in pronoun if possible, so that "she" is clear."""
    taken: list[words.Animal] = []
    for role in "hfk":
        required = slots.pop(role, "").split()
        candidates = [
            animal
            for animal in words.ANIMALS
            if animal not in taken
            and all((tag[1:] not in animal.tags) if tag[0] == "-" else tag in animal.tags for tag in required)
        ]
        if role == "f":
            candidates = [animal for animal in candidates if animal.they != taken[0].they] or candidates
        animal = chance.pick(candidates)
        taken.append(animal)
        slots |= {(f"{role}.{key}" if key else role): value for key, value in animal.slots.items()}
        slots[f"{role}.habit"] = chance.pick(animal.habits)
    noun = slots["thing"].split()[-1]
    slots["full"], slots["thing"] = slots["thing"], noun


def _capital(match: re.Match) -> str:
    return match[1] + match[2].upper()


def _titled(title: str) -> str:
    first, *rest = title.split()
    return " ".join(
        [first[0].upper() + first[1:], *(word if word in _SMALL else word[0].upper() + word[1:] for word in rest)]
    )


def _plots() -> tuple[Plot, ...]:
    # Imported here because only this data set needs the plots.
    from pygpt.data.sources.tale_templates import friends, mishaps, moments, wonders

    return mishaps.PLOTS + friends.PLOTS + wonders.PLOTS + moments.PLOTS
