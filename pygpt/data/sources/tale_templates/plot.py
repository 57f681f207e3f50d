"""The structure of a plot; tales.py fills in its templates."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plot:
    """A story with slots to fill in.

    `paragraphs` are templates, or choices of templates. `slots` are words that the plot adds: one element of a tuple is
    chosen for the whole story, and a list is shuffled and numbered ({try1}, {try2}). Each of `cases` is a set of slots
    that belong together. The slots h, f and k hold the tags that the hero, the friend and a third animal must have or,
    after a minus, must not have. The slot sky is the weather that the plot needs.
    """

    titles: tuple[str, ...]
    paragraphs: tuple[str | tuple[str, ...], ...]
    slots: dict = field(default_factory=dict)
    cases: tuple[dict, ...] = ({},)
