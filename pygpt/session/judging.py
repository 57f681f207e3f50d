"""Judges the run of a session: sends the verdict on its curve whenever that changes."""

from pygpt.session.events import Emit
from pygpt.session.messages import Judged
from pygpt.training.run import Run
from pygpt.training.verdict import verdict_on


class Judge:
    """Sends the verdict on a run. `baselines` are those of its text, once they are known."""

    def __init__(self, emit: Emit):
        self.emit = emit
        self.baselines: dict[str, float] | None = None
        self._said: Judged | None = None

    def turn_to(self, run: Run) -> None:
        """Another run is the session's."""
        self.baselines = self._said = None
        self.look(run)

    def look(self, run: Run) -> None:
        """Send the verdict on a run, unless it is the one that was sent last."""
        found = verdict_on(run.metrics.curve, run.experiment.train.steps, self.baselines)
        said = Judged(run.id, found.kind, found.sentence, found.advice)
        if said != self._said:
            self._said = said
            self.emit(said)
