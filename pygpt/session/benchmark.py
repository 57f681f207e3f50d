"""Runs what needs the device to itself: the benchmark of pygpt/analysis/bench.py, and learning-rate range tests."""

import dataclasses

from pygpt.analysis.bench import survey
from pygpt.session.background import Background
from pygpt.session.events import Emit
from pygpt.session.message_records import Measurement
from pygpt.session.messages import Error, Measured, MeasuringEnded
from pygpt.session.sweep_messages import LrRange
from pygpt.training.lr_range import RangeTest, evaluate_range, find_range
from pygpt.training.run import Run


class Benchmark(Background):
    """The benchmark of a device or the range test of a draft, if one is running."""

    def __init__(self, emit: Emit):
        super().__init__()
        self.emit = emit
        self._tested: RangeTest | None = None  # the result so far of a range test

    async def begin(self, device, seconds: float) -> None:
        """Start to measure a device for about `seconds`; a benchmark that is running is stopped."""
        await self.stop()
        self._begin(self._measure(device, seconds), self._ended)

    async def begin_range_test(self, run: Run) -> None:
        """Start a learning-rate range test with a new run of `range_experiment`; what is running is stopped."""
        await self.stop()
        self._tested = None
        self._begin(self._test(run), self._test_ended)

    async def _test(self, run):
        async for result in find_range(run):
            self._tested = result
            self._send_test(done=False)

    def _send_test(self, done):
        found = self._tested or evaluate_range([], [])
        self.emit(LrRange(**dataclasses.asdict(found), done=done))

    def _test_ended(self, complete: bool, error: str):
        self._send_test(done=True)
        if error:
            self.emit(Error(error, "device", "find_lr"))

    async def _measure(self, device, seconds):
        async for result in survey(device, seconds):
            self.emit(Measured(Measurement(kind=result.kind, **dataclasses.asdict(result))))

    def _ended(self, complete: bool, error: str):
        self.emit(MeasuringEnded(complete))
        if error:
            self.emit(Error(error, "device", "benchmark"))
