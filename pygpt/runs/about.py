"""What about.json says of a run from its start."""

import time
from typing import Protocol

from pygpt.config.experiment import Experiment
from pygpt.data import Text
from pygpt.runs.differences import changes_of


class Parent(Protocol):
    """The run that another one was changed from."""

    experiment: Experiment
    text: Text | None  # None: the text of the run itself

    @property
    def id(self) -> str:
        """The id of the run."""
        ...


def first_about(run, parent: Parent | None, parent_step: int | None) -> dict:
    """What is known of a run before its first step. Without a parent, it differs from its preset. `parent_step` is the
    step of its parent whose weights it begins with, if it is a branch."""
    return {
        "id": run.id,
        "preset": run.experiment.name,
        "notes": "",
        "star": False,
        "created": time.time(),
        "parent": parent.id if parent else "",
        "parent_step": parent_step,
        "differs": changes_of(run, parent),
    }
