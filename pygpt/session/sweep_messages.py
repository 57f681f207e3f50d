"""The events about sweeps, their queue, groups of runs and range tests; see messages.py."""

from pygpt.session.events import Event, event
from pygpt.session.message_records import QueuedRun, RunGroup
from pygpt.session.messages import Number


@event
class GroupsRead(Event):
    """Kept runs in groups that differ in their seed alone; a run without others like it is a group of its own."""

    groups: list[RunGroup]


@event
class SweepPlanned(Event):
    """The runs of a sweep by their names, which say what differs, and the time that they take (null: not known yet)."""

    names: list[str]
    seconds: Number


@event
class Queue(Event):
    """The queue: its runs in their order. `current` is the id of the one that is training, or ""."""

    runs: list[QueuedRun]
    paused: bool
    current: str


@event
class LrRange(Event):
    """The learning-rate range test so far: a rate and two losses for each step. `suggested` is the smaller of
    `steepest`, where the smoothed loss falls fastest, and a tenth of `lowest`, where it is lowest; they are null if it
    did not fall. `done` is true in the last event of a test, which may have ended early."""

    rates: list[float]
    losses: list[Number]
    smoothed: list[Number]
    lowest: Number
    steepest: Number
    suggested: Number
    diverged: bool
    done: bool
