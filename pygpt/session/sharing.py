"""Sharing a run, and comparing the run on the page with the one that a link describes."""

import dataclasses
from collections.abc import Callable

from pygpt.config.experiment import Experiment
from pygpt.errors import CheckpointError, DataError
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.runs.differences import settings
from pygpt.runs.shared_curve import SharedCurve, compare, comparison
from pygpt.session.events import Emit, Event
from pygpt.session.messages import (
    Compared,
    Curve,
    Exported,
    Finished,
    Opened,
    Paused,
    Progress,
    Resumed,
    Shared,
    Started,
    Stopped,
)
from pygpt.session.training import Training
from pygpt.training.run import Run
from pygpt.utils.files import file_name
from pygpt.version import __version__
from pygpt.webpage import web_page

_MOVES = (Started, Opened, Curve, Progress, Resumed, Paused, Stopped, Finished)  # after which a curve may be longer
_NOT_COMPARED = ("data.source", "data.tokenizer_file")  # the text is known by its SHA-256


@dataclasses.dataclass(frozen=True)
class Expected:
    """The run of a link: its settings, its curve, and what it says of its origin (see `causes`)."""

    settings: dict[str, object]
    curve: SharedCurve
    origin: dict[str, str]


class Sharing:
    """Carries out the commands about sharing. `training` returns the session's training."""

    def __init__(self, emit: Emit, training: Callable[[], Training]):
        self.emit, self.training = emit, training
        self.expected: Expected | None = None
        self._said: tuple[str, str] | None = None  # the last run and sentence

    def watch(self, event: Event, data: bytes | None = None) -> None:
        """Send an event of the training, and after it how far the run agrees with the one that is to be reproduced."""
        self.emit(event, data)
        if isinstance(event, _MOVES):
            self._compare()

    async def share(self) -> None:
        """Send what a link can hold of the run besides its settings. Raises: DataError without a run."""
        run = self._run()
        try:
            curve, why = SharedCurve.of(run.metrics.curve).packed(), ""
        except CheckpointError as error:
            curve, why = "", str(error)
        self.emit(Shared(run.id, run.step, run.device.kind, curve, why))

    async def reproduce(self, experiment: dict, curve: str, sha256: str, version: str, device: str) -> None:
        """Compare a run with these settings with the curve of a link, from now on; answered by `compared` during the
        training. Raises: ExperimentError for settings or a curve that are damaged."""
        wanted = _compared_settings(Experiment.from_dict(experiment))
        origin = {"version": version, "device": device, "sha256": sha256}
        self.expected, self._said = Expected(wanted, SharedCurve.unpacked(curve), origin), None
        self._compare()

    async def export_html(self, lab: str) -> None:
        """Send the run as a web page that links to the lab. Raises: DataError without a run, and what web_page does."""
        run = self._run()
        step, data = await self.training().checkpoint()
        name = f"{file_name(run.experiment.name) or run.experiment.model.kind}-step{step}.html"
        self.emit(Exported(run.id, name, step), web_page(read_checkpoint(data), lab))

    def _run(self) -> Run:
        run = self.training().run
        if run is None:
            raise DataError("there is no run to share yet; train one, or open one")
        return run

    def _compare(self) -> None:
        run, expected = self.training().run, self.expected
        if run is None or expected is None or _compared_settings(run.experiment) != expected.settings:
            return
        found = compare(expected.curve, run.metrics.curve)
        here = {"version": __version__, "device": run.device.kind, "sha256": run.text.sha256}
        sentence = comparison(found, expected.origin, here)
        if self._said != (run.id, sentence):
            self._said = run.id, sentence
            self.emit(Compared(run.id, sentence, found.complete, found.same))


def _compared_settings(experiment: Experiment) -> dict[str, object]:
    return {field: value for field, value in settings(experiment).items() if field not in _NOT_COMPARED}
