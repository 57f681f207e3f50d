"""The records that messages between a session and its page are made of."""

import dataclasses
from typing import NewType

Experiment = NewType("Experiment", dict)  # as `Experiment.to_dict` gives it: sections of fields


@dataclasses.dataclass(frozen=True)
class FieldDescription:
    """One field of an Experiment, or of a SamplingConfig: a control is made from it."""

    field: str
    type: str
    default: bool | float | str
    help: str
    minimum: float | None
    maximum: float | None
    choices: list[str] | None


@dataclasses.dataclass(frozen=True)
class MetricDescription:
    """A metric of a run; its source is step, evaluation, schedule or clock."""

    name: str
    source: str
    help: str
    unit: str


@dataclasses.dataclass(frozen=True)
class TextFacts:
    """A text. `excerpt` is its beginning; `built_in` says whether its name is enough to get it back."""

    name: str
    built_in: bool
    characters: int
    distinct: int
    alphabet: str
    excerpt: str


@dataclasses.dataclass(frozen=True)
class TaskDescription:
    """A synthetic task: a text by name, such as "task:sort,length=6". `measures` says what its length counts."""

    name: str
    description: str
    measures: str
    length: int
    shortest: int
    longest: int


@dataclasses.dataclass(frozen=True)
class ModelDescription:
    """A kind of model. `fields` are those of the model's section that it uses, null for all."""

    help: str
    fields: list[str] | None


@dataclasses.dataclass(frozen=True)
class RunFacts:
    """A run: its id, its experiment, the name of its text, and how far it is."""

    id: str
    experiment: Experiment
    text: str
    step: int
    parameters: int
    vocabulary: int


@dataclasses.dataclass(frozen=True)
class KeptRun:
    """A safety copy: which one, and what it is of."""

    copy: str
    name: str
    step: int
    steps: int
    seconds_ago: float


@dataclasses.dataclass(frozen=True)
class ProfileRow:
    """All launches of a kernel in a training step. `of_peak` is the share of the device's peak that they reach."""

    kernel: str
    calls: int
    ms: float
    share: float
    gflops: float
    of_peak: float


@dataclasses.dataclass(frozen=True)
class ProfileFacts:
    """Where a training step's time goes, the mean of `steps` of them. `trace` is a file for ui.perfetto.dev."""

    device: str
    steps: int
    launches: int
    ms: float
    gflops: float
    gigabytes: float
    rows: list[ProfileRow]
    trace: str


@dataclasses.dataclass(frozen=True)
class Measurement:
    """A result of the benchmark: of kind "matmul" (size, milliseconds, gflops), or of kind "preset" (the other fields).

    `share` is what fraction of the best product's rate the preset's step reaches; with a `note`, the preset is too large
    for the device, and the figures are 0.
    """

    kind: str
    milliseconds: float
    gflops: float
    size: int = 0
    name: str = ""
    batch_size: int = 0
    tokens_per_second: float = 0.0
    sampled_per_second: float = 0.0
    share: float = 0.0
    note: str = ""
