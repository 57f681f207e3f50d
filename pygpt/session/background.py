"""Work of a session that a command begins, and that goes on while later commands are handled."""

import asyncio
from collections.abc import Callable, Coroutine

from pygpt.errors import DeviceLost, sentence_of


class Background:
    """One piece of work at a time; its end is always announced, also if it is stopped before its first step."""

    def __init__(self):
        self.task: asyncio.Task | None = None

    @property
    def active(self) -> bool:
        """Whether it is running."""
        return self.task is not None and not self.task.done()

    def _begin(self, work: Coroutine, ended: Callable[[bool, str], None]) -> None:
        """Begin the work. `ended(complete, error)` is called once at its end; `error` is a sentence, or ""."""

        def announce(task: asyncio.Task):
            error = None if task.cancelled() else task.exception()
            sentence = sentence_of(error) if isinstance(error, Exception) else ""
            # The commands that begin such work open the device again first.
            again = ". Try again: the GPU is then opened anew" if isinstance(error, DeviceLost) else ""
            ended(not task.cancelled() and error is None, sentence + again)

        self.task = asyncio.ensure_future(work)
        # Not a `finally` in the work: a task that is cancelled before its first step never enters its `try`.
        self.task.add_done_callback(announce)

    async def stop(self) -> None:
        """Stop the work if there is any; returns once its end was announced and the device is free."""
        while self.task is not None and not self.task.done():  # another command may begin the next one meanwhile
            self.task.cancel()
            await asyncio.wait([self.task])
