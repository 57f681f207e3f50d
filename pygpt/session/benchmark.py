"""The benchmark of the device at hand, told to the page figure by figure. What is measured is in pygpt/analysis/bench.py."""

import asyncio
import dataclasses

from pygpt.analysis.bench import survey
from pygpt.errors import PygptError


class Measuring:
    """A benchmark under way, or none."""

    def __init__(self, tell):
        self.tell = tell
        self.task: asyncio.Task | None = None

    async def begin(self, device, seconds: float) -> None:
        """Measure a device for about so many seconds, from the beginning."""
        await self.stop()
        self.task = asyncio.ensure_future(self._measure(device, seconds))

    async def _measure(self, device, seconds):
        message, complete = None, False
        try:
            async for found in survey(device, seconds):
                self.tell({"type": "measured", "result": {"kind": found.kind, **dataclasses.asdict(found)}})
            complete = True
        except PygptError as error:
            message = str(error)
        finally:
            self.tell({"type": "measuring_ended", "complete": complete})
        if message:
            self.tell({"type": "error", "message": message, "field": "device", "during": "benchmark"})

    async def stop(self) -> None:
        """End it where it is, if it is under way; returns once the device is free."""
        if self.task is not None and not self.task.done():
            self.task.cancel()
            await asyncio.wait([self.task])
