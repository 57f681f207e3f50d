"""What about.json says of a run from its start."""

import time
from typing import Protocol

from pygpt.config.experiment import Experiment
from pygpt.runs.differences import differences, preset_of


class Parent(Protocol):
    """The run that another one was changed from."""

    experiment: Experiment

    @property
    def id(self) -> str:
        """The id of the run."""
        ...


def first_about(run, parent: Parent | None, parent_step: int | None) -> dict:
    """What is known of a run before its first step. Without a parent, it differs from its preset. `parent_step` is the
    step of its parent whose weights it begins with, if it is a branch."""
    before = parent.experiment if parent else preset_of(run.experiment)
    return {
        "id": run.id,
        "preset": run.experiment.name,
        "notes": "",
        "star": False,
        "created": time.time(),
        "parent": parent.id if parent else "",
        "parent_step": parent_step,
        "differs": differences(before, run.experiment),
    }
