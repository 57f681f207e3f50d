"""Generation and evaluation with trained models: one request at a time, in a worker process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from pygpt.errors import RequestError
from pygpt.server.generation_worker import run_generation
from pygpt.server.worker_process import Worker

LEFT_INTERVAL = 0.5  # seconds between two looks whether the client of an evaluation has left
IDLE_TIMEOUT = 300.0  # seconds without a request after which the process ends, to free its memory


class Generation:
    """The worker process for requests to models: started by a request, ended after IDLE_TIMEOUT seconds without one."""

    def __init__(self, choice: str):
        self.choice = choice
        self.worker: Worker | None = None
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task] = set()
        self._idle_timer: asyncio.TimerHandle | None = None
        self._closing = False  # whether the server is shutting down

    async def generate(self, find: Callable[[], Path], **settings) -> AsyncIterator[str]:
        """Yield the generated text piece by piece; closing the iterator stops the generation.

        `find` returns the model's file, or raises a RequestError: a model can be deleted while its request waits.
        Raises: RequestError for settings or a prompt that the model rejects.
        """
        find()
        pieces: asyncio.Queue = asyncio.Queue()
        closed = asyncio.Event()
        # A separate task: a disconnect cancels this generator, but the rest of the worker's events must still be read.
        task = asyncio.ensure_future(self._write(pieces, closed, find, settings))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while (piece := await pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            closed.set()

    async def _write(self, pieces, closed, find, settings):
        async with self._lock:
            done = stopping = closed.is_set()
            try:
                if not done:
                    worker, path = self._worker(), find()
                    await worker.send({"type": "generate", "path": str(path), **settings})
                while not done:
                    event = await self._receive(worker, find)
                    done = event["done"]
                    if event["text"]:
                        pieces.put_nowait(event["text"])
                    if closed.is_set() and not done and not stopping:
                        stopping = True
                        await worker.send({"type": "stop"})
            except Exception as error:  # the one who reads the pieces handles it
                pieces.put_nowait(error)
            pieces.put_nowait(None)

    async def evaluate(
        self,
        find: Callable[[], Path],
        dataset: str,
        data: bytes | None,
        left: Callable[[], Awaitable[bool]],
    ) -> dict:
        """Evaluate the model on the validation split of a text; `find` is as for `generate`.

        Raises: RequestError if that fails, or if the client has `left`: others do not wait for what nobody reads.
        """
        find()
        async with self._lock:
            if await left():
                raise _client_left()
            worker, path = self._worker(), find()
            await worker.send({"type": "evaluate", "path": str(path), "dataset": dataset}, data)
            answer = asyncio.ensure_future(self._receive(worker, find))
            while not answer.done():
                await asyncio.wait({answer}, timeout=LEFT_INTERVAL)
                if not answer.done() and await left():
                    answer.cancel()
                    self.worker = None
                    await worker.end(0)  # an evaluation cannot be stopped in the middle
                    raise _client_left()
            return answer.result()

    def close(self) -> None:
        """End what runs and what waits with an error: the server is shutting down, and waits for their responses."""
        self._closing = True
        if self.worker is not None:
            self.worker.process.kill()

    async def end(self) -> None:
        """End the worker process, if there is one."""
        worker, self.worker = self.worker, None
        if self._idle_timer:
            self._idle_timer.cancel()
        if worker is not None:
            await worker.end(0.2)

    def _worker(self) -> Worker:
        if self._closing:
            raise _shutting_down()
        if self._idle_timer:
            self._idle_timer.cancel()
        self._idle_timer = asyncio.get_running_loop().call_later(IDLE_TIMEOUT, self._end_if_idle)
        if self.worker is None:
            self.worker = Worker(run_generation, self.choice)
        return self.worker

    def _end_if_idle(self):
        if self._lock.locked():
            self._idle_timer = asyncio.get_running_loop().call_later(IDLE_TIMEOUT, self._end_if_idle)
        else:
            task = asyncio.ensure_future(self.end())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _receive(self, worker, find):
        item = await worker.receive()
        if item is None:
            self.worker = None
            if self._closing:
                raise _shutting_down()
            raise RequestError(500, worker.exit_reason(f"generation or evaluation with {find().parent.name!r}"))
        event, _ = item
        if event["type"] == "error":
            path = find()  # if it was deleted before it was opened, that is the error
            # Where the server keeps its files does not concern its clients.
            message = event["message"].replace(str(path), f"the model {path.parent.name!r}")
            raise RequestError(422, message, event["field"])
        return event


def _client_left():
    return RequestError(503, "the client has closed its connection")


def _shutting_down():
    return RequestError(503, "the server is shutting down")
