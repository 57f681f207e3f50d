"""Runs the benchmark of pygpt/analysis/bench.py and sends each result to the page."""

import dataclasses

from pygpt.analysis.bench import survey
from pygpt.session.background import Background
from pygpt.session.events import Emit
from pygpt.session.message_records import Measurement
from pygpt.session.messages import Error, Measured, MeasuringEnded


class Benchmark(Background):
    """The benchmark of a device, if one is running."""

    def __init__(self, emit: Emit):
        super().__init__()
        self.emit = emit

    async def begin(self, device, seconds: float) -> None:
        """Start to measure a device for about `seconds`; a benchmark that is running is stopped."""
        await self.stop()
        self._begin(self._measure(device, seconds), self._ended)

    async def _measure(self, device, seconds):
        async for result in survey(device, seconds):
            self.emit(Measured(Measurement(kind=result.kind, **dataclasses.asdict(result))))

    def _ended(self, complete: bool, error: str):
        self.emit(MeasuringEnded(complete))
        if error:
            self.emit(Error(error, "device", "benchmark"))
