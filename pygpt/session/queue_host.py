"""What the queue of a session needs of its session: the chosen text, an estimate of the time, and a start."""

import dataclasses
from typing import Any

from pygpt.config.experiment import Experiment
from pygpt.config.sweep import Sweep
from pygpt.data import Text
from pygpt.tokenizers import expected_vocabulary


class QueueHost:
    """The parts of `session`, a Session, that its queue uses."""

    def __init__(self, session: Any):
        self.session = session

    def chosen_text(self) -> Text | None:
        """The text of the next run."""
        text: Text | None = self.session.texts.chosen
        return text

    async def load_text(self, name: str) -> Text:
        """A built-in text. Raises: DataError."""
        text: Text = await self.session.site.load_text(name)
        return text

    async def seconds_of(self, sweep: Sweep) -> float | None:
        """The estimated seconds of a sweep's runs, or None if the device was not measured yet. Raises: PygptError."""
        session, text = self.session, self.session.texts.chosen
        if text is None or session.device is None:
            return None
        seconds: dict[object, float | None] = {}
        total = 0.0
        for run in sweep.runs:
            draft = run.experiment
            # Planning a run takes tens of milliseconds in a tab. The rate and the seed change nothing in it.
            key = draft.data, draft.model, draft.optim.name, dataclasses.replace(draft.train, seed=0)
            if key not in seconds:
                size = expected_vocabulary(draft.data)
                size = size or (await session.tokenizers.get(draft.data, text)).vocab_size
                seconds[key] = session.timing.seconds(draft, size, session.device)
            if (each := seconds[key]) is None:
                return None
            total += each
        return total

    async def begin_queued(self, draft: Experiment, text: Text, about: dict) -> None:
        """Start to train a run of the queue. Raises: PygptError."""
        session = self.session
        await session.replace_lost_device()
        await session.start_run(draft, text, await session.tokenizers.get(draft.data, text), about)

    async def resume_kept(self, copy: str) -> None:
        """Open a kept run unless it is open, and train on. Raises: PygptError."""
        await self.session.replace_lost_device()
        await self.session.open_kept(copy, for_queue=True)
