"""What a session tells its page: every event, declared once. commands.py has what the page tells the session.

Both are plain JSON, and bytes (a text file, a saved run) travel beside them. The page's types in lab/transport/messages.js
are written from these files by `python -m pygpt.session.page_types`; `pygpt serve` sends the same events as a stream. An
event about a run carries the run's id.
"""

import dataclasses
import json
import math
import re
from typing import Any, ClassVar

from pygpt.session.records import (
    Experiment,
    FieldDescription,
    KeptRun,
    Measurement,
    MetricDescription,
    ModelDescription,
    ProfileFacts,
    RunFacts,
    TaskDescription,
    TextFacts,
)

Number = float | None  # JSON has no NaN and no infinity: they become null


class Event:
    """What a session tells its page. `type` is its name in JSON."""

    type: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """In plain JSON values."""
        return {"type": self.type, **_plain(self)}


def _plain(record: Any) -> Any:
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {field.name: _plain(getattr(record, field.name)) for field in dataclasses.fields(record)}
    if isinstance(record, dict):
        return {name: _plain(item) for name, item in record.items()}
    if isinstance(record, list | tuple):
        return [_plain(item) for item in record] if record and dataclasses.is_dataclass(record[0]) else record
    return record


def event(cls):
    """Declare an event: its type is the name of its class in snake_case."""
    cls = dataclasses.dataclass(frozen=True)(cls)
    cls.type = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
    EVENTS[cls.type] = cls
    return cls


EVENTS: dict[str, type[Event]] = {}


@event
class Loading(Event):
    """Something is being waited for, for the "text", the "device", or in general (""); `fraction` of it is there, or null
    where that is not known."""

    stage: str
    fraction: Number
    field: str = ""


@event
class Ready(Event):
    """What the lab has: the answer to `begin`. `machine` says whether there is one behind the page that trains too."""

    version: str
    python: str
    presets: dict[str, Experiment]
    fields: list[FieldDescription]
    sampling: list[FieldDescription]
    metrics: list[MetricDescription]
    models: dict[str, ModelDescription]
    texts: list[str]
    tasks: list[TaskDescription]
    numpy: bool
    machine: bool


@event
class Device(Event):
    """The device that is open, and how it came to be chosen."""

    kind: str
    name: str
    why: str
    choice: str


@event
class Text(Event):
    """The text of the next run."""

    text: TextFacts


@event
class Checked(Event):
    """What a draft comes to: the answer to `check`. `bytes` is about what the device must hold."""

    parameters: int
    bytes: int
    vocabulary: int


@event
class Started(Event):
    """A new run has begun."""

    run_id: str
    run: RunFacts


@event
class Opened(Event):
    """A saved run was opened, and is paused."""

    run_id: str
    run: RunFacts


@event
class Curve(Event):
    """The losses so far of a run that was opened, or went on without this page: rows of (step, mean loss, of how many
    steps it is the mean), and of (step, validation loss, accuracy)."""

    run_id: str
    training: list[tuple[float, float, float]]
    validation: list[tuple[float, float, Number]]


@event
class Progress(Event):
    """All steps since the last one, ten times a second at most. `logged` has the metrics of those that are logged, a
    column by name; the speed is an average over some seconds."""

    run_id: str
    steps: list[int]
    losses: list[Number]
    learning_rate: Number
    tokens_per_second: Number
    ms_per_step: Number
    seconds_left: Number
    logged: dict[str, list[Number]]


@event
class Evaluated(Event):
    """An evaluation has ended. `accuracy`: of questions with answers, the fraction answered right."""

    run_id: str
    step: int
    val_loss: Number
    accuracy: Number = None


@event
class Baselines(Event):
    """The losses of n-gram models of the run's text, in nats per token: uniform, unigram, bigram, trigram."""

    run_id: str
    nats: dict[str, float]


@event
class Sample(Event):
    """A few lines that the model wrote at a step of its training."""

    run_id: str
    step: int
    text: str


@event
class Resumed(Event):
    """Steps are being taken again."""

    run_id: str
    step: int


@event
class Paused(Event):
    """No steps are being taken, for now."""

    run_id: str
    step: int


@event
class Stopped(Event):
    """No more steps will be taken; the model stays."""

    run_id: str
    step: int


@event
class Finished(Event):
    """All steps are done."""

    run_id: str
    step: int


@event
class Sampled(Event):
    """The text that was generated since the last one."""

    run_id: str
    text: str
    done: bool


@event
class Measured(Event):
    """A result of the benchmark."""

    result: Measurement


@event
class MeasuringEnded(Event):
    """The benchmark has ended, completely or early."""

    complete: bool


@event
class Profiled(Event):
    """The profile that was asked for, or null where no step was left to look at."""

    run_id: str
    profile: ProfileFacts | None


@event
class Saved(Event):
    """The run as a file, whose bytes travel beside the event."""

    run_id: str
    name: str
    step: int


@event
class Kept(Event):
    """A safety copy was made. Not sent where there is no place for one."""

    run_id: str
    step: int


@event
class Found(Event):
    """The safety copies of earlier visits, newest first."""

    runs: list[KeptRun]


@event
class Error(Event):
    """Something went wrong, `during` a command or "training". `field` is a dotted field of the experiment, or "text",
    "device", "prompt" or "file"; `run_id` is "" where it is not about a run."""

    message: str
    field: str
    during: str
    run_id: str = ""


def encode(event: dict) -> str:
    """The JSON of an event. Numbers that JSON does not have become null."""
    return json.dumps(_finite(event))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        # Most lists are of finite numbers, thousands of them: one sum tells.
        if value and isinstance(value[0], float) and _all_finite(value):
            return value
        return [_finite(item) for item in value]
    return value


def _all_finite(values) -> bool:
    try:
        return math.isfinite(sum(values))
    except TypeError:  # a null among them
        return False
