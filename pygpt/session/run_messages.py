"""The events about the runs that a session keeps; messages.py declares the others."""

from pygpt.session.events import Event, event
from pygpt.session.message_records import Experiment, KeptRun, WrittenSample
from pygpt.session.messages import Number


@event
class Found(Event):
    """The runs that are kept, the newest first, and those that were deleted and can be brought back, the last one
    last."""

    runs: list[KeptRun]
    deleted: list[KeptRun]


@event
class SettingsListed(Event):
    """The settings of the kept runs, by folder."""

    settings: dict[str, Experiment]


@event
class RunRead(Event):
    """The settings of a kept run, its curve as in `curve`, what its model wrote during training, and the steps at which
    it has a checkpoint. `began_from` names the run that it took its first weights from, or is "". `metrics` are those
    of the logged steps, evenly thinned, as columns that have null where nothing was measured; what was never measured
    has no column. `bytes_per_token` is how much of the text a token stands for, or null if the file does not say."""

    copy: str
    text_sha256: str
    began_from: str
    experiment: Experiment
    training: list[tuple[int, float, int]]
    validation: list[tuple[int, float, Number]]
    samples: list[WrittenSample]
    checkpoints: list[int]
    metrics: dict[str, list[Number]]
    bytes_per_token: Number


@event
class RunExported(Event):
    """A kept run in a format, as a file; its bytes travel beside the event."""

    name: str


@event
class Imported(Event):
    """The runs in the file `name` are kept: those that are new in the folders `copies`; those of `known` were kept
    before. `refused` has a sentence for each that could not be read."""

    name: str
    copies: list[str]
    known: list[str]
    refused: list[str]
