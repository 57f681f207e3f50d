"""The benchmark of the device at hand, sent to the page figure by figure. What is measured is in analysis/bench.py."""

import asyncio
import dataclasses

from pygpt.analysis.bench import survey
from pygpt.errors import PygptError
from pygpt.session.messages import Error, Measured, MeasuringEnded
from pygpt.session.records import Measurement


class Benchmark:
    """A benchmark under way, or none."""

    def __init__(self, emit):
        self.emit = emit
        self.task: asyncio.Task | None = None

    async def begin(self, device, seconds: float) -> None:
        """Measure a device for about so many seconds, from the beginning."""
        await self.stop()
        self.task = asyncio.ensure_future(self._measure(device, seconds))

    async def _measure(self, device, seconds):
        message, complete = None, False
        try:
            async for found in survey(device, seconds):
                self.emit(Measured(Measurement(kind=found.kind, **dataclasses.asdict(found))))
            complete = True
        except PygptError as error:
            message = str(error)
        finally:
            self.emit(MeasuringEnded(complete))
        if message:
            self.emit(Error(message, "device", "benchmark"))

    async def stop(self) -> None:
        """End it where it is, if it is under way; returns once the device is free."""
        if self.task is not None and not self.task.done():
            self.task.cancel()
            await asyncio.wait([self.task])
