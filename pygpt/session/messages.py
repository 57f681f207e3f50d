"""The events that a session sends to its page. commands.py declares the commands that the page sends to the session.

Both are plain JSON; bytes (a text file, a saved run) travel beside them. `python -m pygpt.session.page_types` writes
the page's types in lab/transport/messages.js from these files. `pygpt serve` sends the same events as a stream. An
event about a run carries the run's id.
"""

from pygpt.session.events import Event, event
from pygpt.session.message_records import (
    DatasetDescription,
    Experiment,
    FieldDescription,
    Measurement,
    MetricDescription,
    ModelDescription,
    ProfileFacts,
    RunFacts,
    TaskDescription,
    TextFacts,
    TokenizerDescription,
)

Number = float | None  # JSON has no NaN and no infinity; they become null


@event
class Loading(Event):
    """Something is being loaded or computed. `field` is "text", "device", or "" for anything else; `fraction` is the
    part that is done, or null if it is unknown."""

    stage: str
    fraction: Number
    field: str = ""


@event
class Ready(Event):
    """What the lab offers; the answer to `begin`. `machine` is true if the page's server can train too."""

    version: str
    python: str
    presets: dict[str, Experiment]
    fields: list[FieldDescription]
    sampling: list[FieldDescription]
    metrics: list[MetricDescription]
    models: dict[str, ModelDescription]
    tokenizers: dict[str, TokenizerDescription]
    data_sets: dict[str, DatasetDescription]
    texts: list[str]
    tasks: list[TaskDescription]
    numpy: bool
    machine: bool


@event
class Device(Event):
    """The open device, and why it was chosen."""

    kind: str
    name: str
    why: str
    choice: str


@event
class Text(Event):
    """The text of the next run; `asked` is the name with which it was chosen. `of_run`: it is the run's. The bytes
    of one that is the visitor's own come with it, unless it is too long."""

    text: TextFacts
    asked: str
    of_run: bool = False


@event
class Checked(Event):
    """The size of a draft; the answer to `check`, sent again when the device has been measured. `bytes` and `seconds`
    estimate the memory that training needs, on the device and for its safety copies, and its time (null until then)."""

    parameters: int
    bytes: int
    vocabulary: int
    seconds: Number


@event
class Started(Event):
    """A new run has started."""

    run_id: str
    run: RunFacts


@event
class Opened(Event):
    """A saved run was opened, and is paused."""

    run_id: str
    run: RunFacts


@event
class Curve(Event):
    """The losses so far of a run at `step`: one that was opened, that continued without this page, or that is back at
    its last copy. `training` has rows of (step, mean loss, number of steps in the mean), `validation` of (step,
    validation loss, accuracy); `smoothed` is the moving average of the losses at the last step."""

    run_id: str
    step: int
    training: list[tuple[int, float, int]]
    validation: list[tuple[int, float, Number]]
    smoothed: Number


@event
class Progress(Event):
    """The steps since the last `progress` event, sent at most ten times a second. `logged` holds the metrics of the
    logged steps, one column for each name; the speed is an average over several seconds."""

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
    """An evaluation has ended. `accuracy` is the fraction of correct answers, or null for a text without questions."""

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
class Judged(Event):
    """The verdict on a run so far: a sentence, and advice: "more steps", "lower rate", "stop", "dropout", "write" or
    "" (see pygpt/training/verdict.py)."""

    run_id: str
    kind: str
    sentence: str
    advice: str


@event
class Sample(Event):
    """A short text that the model generated at a step of its training, and the share of its words that are words of the
    training text; null for questions, or for too few words."""

    run_id: str
    step: int
    text: str
    real_words: Number = None


@event
class Resumed(Event):
    """Training has resumed, to a total of `steps`: more than before if the run was extended."""

    run_id: str
    step: int
    steps: int


@event
class Paused(Event):
    """Training is paused."""

    run_id: str
    step: int


@event
class Stopped(Event):
    """Training was stopped; the model is kept."""

    run_id: str
    step: int


@event
class Finished(Event):
    """All steps are done."""

    run_id: str
    step: int


@event
class Sampled(Event):
    """The text generated since the last `sampled` event."""

    run_id: str
    text: str
    done: bool


@event
class Measured(Event):
    """A result of the benchmark."""

    result: Measurement


@event
class MeasuringEnded(Event):
    """The benchmark has ended; `complete` is false if it ended early."""

    complete: bool


@event
class Profiled(Event):
    """The requested profile, or null if no step was left to profile."""

    run_id: str
    profile: ProfileFacts | None


@event
class Saved(Event):
    """The run as a file; its bytes travel beside the event."""

    run_id: str
    name: str
    step: int


@event
class Exported(Event):
    """The run as a web page; its bytes travel beside the event."""

    run_id: str
    name: str
    step: int


@event
class Shared(Event):
    """What a link can hold of the run besides its settings: the kind of its device, and its `curve` after `step`
    steps, as pygpt/runs/shared_curve.py packs it. `why` says why there is none, or is ""."""

    run_id: str
    step: int
    device: str
    curve: str
    why: str


@event
class Compared(Event):
    """How far the run agrees with the one of the link that is reproduced, as a sentence. With `done` nothing is left to
    compare; `same` says that all of the curve agrees."""

    run_id: str
    sentence: str
    done: bool
    same: bool


@event
class Kept(Event):
    """The run was kept. If it cannot be, an `error` with the field "copy" says why, once."""

    run_id: str
    step: int


@event
class Branched(Event):
    """The run that was `opened` last begins with the weights of a kept run, `copy`, at a step of it."""

    run_id: str
    copy: str
    step: int


@event
class Written(Event):
    """The text written in a slot since the last `written` event."""

    slot: int
    text: str
    done: bool


@event
class Error(Event):
    """An error `during` a command or "training". `field` is a dotted field of the experiment, or "text", "device",
    "prompt", "file", "copy" or ""; `run_id` is "" if the error is not about a run."""

    message: str
    field: str
    during: str
    run_id: str = ""


@event
class CalledOff(Event):
    """What was prepared `during` a command was called off by `call_off`: the command ends without an effect."""

    during: str
