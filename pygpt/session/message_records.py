"""The records that messages between a session and its page contain."""

import dataclasses
from typing import NewType

Experiment = NewType("Experiment", dict)  # as `Experiment.to_dict` returns it: sections of fields


@dataclasses.dataclass(frozen=True)
class FieldDescription:
    """One field of an Experiment or a SamplingConfig; the page makes a control from it. `special` is a value that
    stands for something else, and what for; `needs` has, by field, the values with which this one has an effect."""

    field: str
    type: str
    default: bool | float | str
    help: str
    minimum: float | None
    maximum: float | None
    choices: list[str] | None
    special: tuple[float, str] | None
    needs: dict[str, list[bool | float | str]]


@dataclasses.dataclass(frozen=True)
class MetricDescription:
    """A metric of a run; `source` is "step", "evaluation", "schedule" or "clock"."""

    name: str
    source: str
    help: str
    unit: str


@dataclasses.dataclass(frozen=True)
class TextFacts:
    """A text. `excerpt` is its beginning; `built_in` says whether it can be loaded by its name."""

    name: str
    sha256: str
    built_in: bool
    characters: int
    distinct: int
    alphabet: str
    excerpt: str

    @staticmethod
    def of(text) -> "TextFacts":
        """Describe a pygpt.data.Text."""
        alphabet = "".join(sorted(set(text.text)))
        return TextFacts(
            name=text.name,
            sha256=text.sha256,
            built_in=text.built_in,
            characters=len(text.text),
            distinct=len(alphabet),
            alphabet=alphabet[:200],
            excerpt=text.text[:300].strip(),
        )


@dataclasses.dataclass(frozen=True)
class TaskDescription:
    """A synthetic task: a text with a name such as "task:sort,length=6". `measures` is what its length counts."""

    name: str
    description: str
    measures: str
    length: int
    shortest: int
    longest: int


@dataclasses.dataclass(frozen=True)
class ModelDescription:
    """A kind of model. `fields` are the fields of the model section that it uses, null for all; with `has_blocks` it is
    made of `n_layer` equal blocks."""

    help: str
    fields: list[str] | None
    has_blocks: bool


@dataclasses.dataclass(frozen=True)
class TokenizerDescription:
    """A tokenizer. With `sized` it uses the field data.vocab_size."""

    help: str
    sized: bool


@dataclasses.dataclass(frozen=True)
class DatasetDescription:
    """A built-in text, and the layout it is read in."""

    title: str
    description: str
    layout: str


@dataclasses.dataclass(frozen=True)
class RunFacts:
    """A run: its id, experiment, text, step and size. `built_in` says whether the text can be loaded by its name;
    `cut`, a sentence, what the context leaves out of its documents, "" if nothing."""

    id: str
    experiment: Experiment
    text: str
    text_sha256: str
    built_in: bool
    step: int
    parameters: int
    vocabulary: int
    cut: str


@dataclasses.dataclass(frozen=True)
class WrittenSample:
    """What a model wrote at a step of its training."""

    step: int
    text: str


@dataclasses.dataclass(frozen=True)
class SettingChange:
    """A setting of the run that another one was changed from, or of its preset, and the run's own; the field is
    "preset" if that is another one."""

    field: str
    before: bool | float | str
    after: bool | float | str


@dataclasses.dataclass(frozen=True)
class KeptRun:
    """A run that is kept: the name of its folder in `copy`, and what is known about it.

    `open` is "here" if it is the current run, "elsewhere" if another tab writes it, else "". `parent` is the id of the
    run that it was changed from, or "", and `parent_step` the step whose weights it began with, if it is a branch.
    `sweep` is the id of its sweep and `sweep_name` what differs there, or "".
    `seconds` is its training time, and `bytes_per_token` how much of the text a token stands for; null if an earlier
    version wrote it.
    """

    copy: str
    id: str
    name: str
    text: str
    preset: str
    parent: str
    parent_step: int | None
    differs: list[SettingChange]
    notes: str
    star: bool
    step: int
    steps: int
    loss: float | None
    val_loss: float | None
    accuracy: float | None
    parameters: int
    seconds: float | None
    bytes_per_token: float | None
    bytes: int
    created: float
    seconds_ago: float
    open: str
    sweep: str
    sweep_name: str

    @staticmethod
    def of(about: dict) -> "KeptRun":
        """The run that `RunStore.find` describes. Earlier versions described less."""
        differs = [SettingChange(**change) for change in about.get("differs", [])]
        known = {field.name: about[field.name] for field in dataclasses.fields(KeptRun) if field.name in about}
        return KeptRun(**{**_NOTHING_KNOWN, "created": about.get("time", 0), **known, "differs": differs})


_NOTHING_KNOWN: dict = {
    "name": "",
    "step": 0,
    "steps": 0,
    "id": "",
    "text": "",
    "preset": "",
    "parent": "",
    "parent_step": None,
    "notes": "",
    "star": False,
    "loss": None,
    "val_loss": None,
    "accuracy": None,
    "seconds": None,
    "bytes_per_token": None,
    "parameters": 0,
    "bytes": 0,
    "sweep": "",
    "sweep_name": "",
}


@dataclasses.dataclass(frozen=True)
class QueuedRun:
    """A run that waits in the queue, or trains there: its name says what differs from the others of its sweep."""

    id: str
    name: str
    sweep: str
    sweep_name: str
    text: str
    text_sha256: str
    built_in: bool
    steps: int


@dataclasses.dataclass(frozen=True)
class RunGroup:
    """Kept runs that differ in their seed alone, by their folders. The rows of both bands are (step, mean, lowest loss,
    highest loss, standard deviation, number of runs)."""

    copies: list[str]
    seeds: list[int]
    training: list[tuple[int, float, float, float, float, int]]
    validation: list[tuple[int, float, float, float, float, int]]


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
    """The time of each kernel in a training step, averaged over `steps`. `trace` is a file for ui.perfetto.dev."""

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
    """A benchmark result: kind "matmul" has size, milliseconds and gflops; kind "preset" has all fields except size.

    `share` is the fraction of the best matrix product's rate that the preset's step reaches. A `note` means that the
    preset is too large for the device; its figures are 0.
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
