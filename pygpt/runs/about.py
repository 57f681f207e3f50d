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


def first_about(run, parent: Parent | None) -> dict:
    """What is known of a run before its first step. Without a parent, it differs from its preset."""
    before = parent.experiment if parent else preset_of(run.experiment)
    return {
        "id": run.id,
        "preset": run.experiment.name,
        "notes": "",
        "star": False,
        "created": time.time(),
        "parent": parent.id if parent else "",
        "differs": differences(before, run.experiment),
    }
