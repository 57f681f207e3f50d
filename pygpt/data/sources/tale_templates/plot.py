"""What a plot of the tales is made of; tales.py says how its templates are filled."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plot:
    """A story with places to fill in.

    `paragraphs` are templates, or choices of templates. `slots` are words the plot adds: of a tuple one is chosen for
    the whole story, a list is shuffled and numbered ({try1}, {try2}). Each of `cases` is a set of slots that belong
    together. The slots named h, f and k hold the tags a hero, a friend and a third must have, or, after a minus, must
    not have; sky is the weather the plot needs.
    """

    titles: tuple[str, ...]
    paragraphs: tuple[str | tuple[str, ...], ...]
    slots: dict = field(default_factory=dict)
    cases: tuple[dict, ...] = ({},)
