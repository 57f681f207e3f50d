"""What a session prepares and its visitor can call off: a text or a device on its way, a tokenizer being learned."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from pygpt.data import Text
from pygpt.errors import PygptError
from pygpt.session.events import Emit
from pygpt.session.messages import Loading
from pygpt.tokenizers import Tokenizer, make_tokenizer_stepwise
from pygpt.utils.blocking import yield_to_event_loop

LEARNING_SLICE = 0.05  # seconds of learning a tokenizer between two turns for the page's messages

T = TypeVar("T")


class CalledOff(PygptError):
    """The visitor called off what was being prepared."""


class Preparing:
    """The work in progress, by the place of the page that waits for it: "text", "device", or "" for a start."""

    def __init__(self):
        self._tasks: dict[str, asyncio.Task] = {}
        self._called_off: set[asyncio.Task] = set()
        self._pressed: set[str] = set()  # the fields called off since their work began

    async def run(self, field: str, work: Coroutine[Any, Any, T]) -> T:
        """Do the work and return its result. Raises: CalledOff if it is called off, and whatever the work raises."""
        task = self._tasks[field] = asyncio.ensure_future(work)
        self._pressed.discard(field)
        try:
            return await task
        except asyncio.CancelledError:
            if task not in self._called_off:  # the session itself is ending
                raise
            raise CalledOff from None
        finally:
            self._called_off.discard(task)
            if self._tasks.get(field) is task:
                del self._tasks[field]

    def call_off(self, field: str) -> None:
        """Stop the work for a field, if there is any."""
        self._pressed.add(field)
        if task := self._tasks.get(field):
            self._called_off.add(task)
            task.cancel()

    async def wait(self, field: str) -> None:
        """Wait for the work for a field, if there is any. Raises: what it raises, CalledOff if it is called off."""
        if task := self._tasks.get(field):
            await asyncio.wait([task])
            if task.cancelled():
                raise CalledOff
            task.result()

    async def pass_on(self, field: str) -> None:
        """Go on with what was prepared. Raises: CalledOff if it was called off when its work had just ended."""
        await yield_to_event_loop()  # the command may have arrived while the event loop was blocked
        if field in self._pressed:
            raise CalledOff


class Tokenizers:
    """Makes the tokenizers of a session, and keeps the last one."""

    def __init__(self, emit: Emit):
        self.emit = emit
        self._key: tuple[str, ...] = ()
        self._last: Tokenizer | None = None

    async def get(self, data, text: Text) -> Tokenizer:
        """The tokenizer of a draft's data section and text. Learning one takes seconds: this sends progress and lets
        other tasks run."""
        key = text.sha256, data.layout, data.tokenizer, str(data.vocab_size)
        if self._last is not None and self._key == key:
            return self._last
        steps, paused_at = make_tokenizer_stepwise(data, text.text), time.perf_counter()
        while True:
            try:
                share = next(steps)
            except StopIteration as done:
                self._key, self._last = key, done.value
                return done.value
            if time.perf_counter() - paused_at > LEARNING_SLICE:
                self.emit(Loading(f"Learning {data.vocab_size:,} tokens from {text.name}", share))
                await yield_to_event_loop()
                paused_at = time.perf_counter()
