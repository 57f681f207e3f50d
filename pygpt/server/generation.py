"""Asking a trained model: one question at a time, answered by a process of its own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from pygpt.errors import RequestError
from pygpt.server.generation_worker import run_generation
from pygpt.server.worker_process import Worker

IDLE = 300.0  # seconds after which a model that nobody asks lets its memory go


class Generation:
    """The process that answers, started when somebody asks and ended when nobody did for a while."""

    def __init__(self, choice: str):
        self.choice = choice
        self.worker: Worker | None = None
        self._one = asyncio.Lock()
        self._tasks: set[asyncio.Task] = set()
        self._idle: asyncio.TimerHandle | None = None

    async def generate(self, path: Path, **settings) -> AsyncIterator[str]:
        """Yield what the model writes, piece by piece; whoever stops asking stops the writing.

        Raises: RequestError for settings or a prompt that the model refuses.
        """
        pieces: asyncio.Queue = asyncio.Queue()
        gone = asyncio.Event()
        # A task of its own: whoever goes away is cancelled at once, and yet what is on its way must be taken.
        task = asyncio.ensure_future(self._write(pieces, gone, {"type": "generate", "path": str(path), **settings}))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while (piece := await pieces.get()) is not None:
                if isinstance(piece, RequestError):
                    raise piece
                yield piece
        finally:
            gone.set()

    async def _write(self, pieces, gone, command):
        async with self._one:
            done = told = gone.is_set()
            try:
                worker = None if done else self._worker()
                if worker:
                    await worker.send(command)
                while not done:
                    event = await self._next(worker)
                    done = event["done"]
                    if event["text"]:
                        pieces.put_nowait(event["text"])
                    if gone.is_set() and not done and not told:
                        told = True
                        await worker.send({"type": "stop"})
            except RequestError as error:
                pieces.put_nowait(error)
            pieces.put_nowait(None)

    async def evaluate(self, path: Path, dataset: str, data: bytes | None) -> dict:
        """Measure the model on the validation part of a text. Raises RequestError if it cannot be done."""
        async with self._one:
            worker = self._worker()
            await worker.send({"type": "evaluate", "path": str(path), "dataset": dataset}, data)
            return await self._next(worker)

    async def end(self) -> None:
        """End the process, if there is one."""
        worker, self.worker = self.worker, None
        if self._idle:
            self._idle.cancel()
        if worker is not None:
            await worker.end(0.2)

    def _worker(self):
        if self._idle:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE, self._rest)
        if self.worker is None:
            self.worker = Worker(run_generation, self.choice)
        return self.worker

    def _rest(self):
        if self._one.locked():
            self._idle = asyncio.get_running_loop().call_later(IDLE, self._rest)
        else:
            task = asyncio.ensure_future(self.end())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _next(self, worker):
        item = await worker.receive()
        if item is None:
            self.worker = None
            raise RequestError(500, worker.exit_reason)
        event, _ = item
        if event["type"] == "error":
            raise RequestError(422, event["message"], event["field"])
        return event
