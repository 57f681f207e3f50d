"""Runs the benchmark of pygpt/analysis/bench.py and sends each result to the page."""

import asyncio
import dataclasses

from pygpt.analysis.bench import survey
from pygpt.errors import sentence_of
from pygpt.session.message_records import Measurement
from pygpt.session.messages import Emit, Error, Measured, MeasuringEnded


class Benchmark:
    """The benchmark of a device, if one is running."""

    def __init__(self, emit: Emit):
        self.emit = emit
        self.task: asyncio.Task | None = None

    @property
    def active(self) -> bool:
        """Whether it is running."""
        return self.task is not None and not self.task.done()

    async def begin(self, device, seconds: float) -> None:
        """Start to measure a device for about `seconds`; a benchmark that is running is stopped."""
        await self.stop()
        self.task = asyncio.ensure_future(self._measure(device, seconds))

    async def _measure(self, device, seconds):
        message, complete = None, False
        try:
            async for result in survey(device, seconds):
                self.emit(Measured(Measurement(kind=result.kind, **dataclasses.asdict(result))))
            complete = True
        except Exception as error:
            message = sentence_of(error)
        finally:
            self.emit(MeasuringEnded(complete))
        if message:
            self.emit(Error(message, "device", "benchmark"))

    async def stop(self) -> None:
        """Stop the benchmark if one is running; returns once the device is free."""
        while self.task is not None and not self.task.done():  # another command may begin the next one meanwhile
            self.task.cancel()
            await asyncio.wait([self.task])
