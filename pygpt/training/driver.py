"""The training loop: sends steps to the device and yields their metrics.

In a tab, the driver sends a slice of steps while the device still computes the previous one, and reading the metrics of
the previous slice paces the loop. Natively a read blocks, so each slice is read before the next. The measured step time
determines the size of a slice. The command line, the page's session and LanguageModel all run this loop; they differ in
how they handle an event.
"""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncGenerator, Awaitable

from pygpt.errors import DivergedError, PygptError
from pygpt.training.mean_time import MeanTime
from pygpt.training.metrics import Metric
from pygpt.training.run import Run
from pygpt.utils.blocking import yield_to_event_loop
from pygpt.utils.clock_resolution import clock_resolution

MIN_SLICE_SECONDS = 0.05  # minimum seconds of device work in a slice; in a tab, two slices are in flight
MAX_SLICE_SECONDS = 0.25  # maximum seconds: a slice grows up to this length to hide a slow read
MAX_SLICE_STEPS = 500  # maximum steps in a slice; the device keeps the metrics of 2,048 steps
YIELD_SECONDS = 0.025  # seconds of Python work before other tasks can run
SPEED_TIME_CONSTANT = 8.0  # time constant of the average step time, in seconds


@dataclasses.dataclass(frozen=True)
class DriverEvent:
    """A slice of steps was sent, and the metrics of earlier slices were read.

    `evaluated` means that an evaluation has just ended. All metrics up to the run's step have then been read.
    """

    metrics: list[Metric]
    evaluated: bool = False


class StepTimer:
    """The time of a training step, averaged over several seconds, without evaluations."""

    def __init__(self, tokens_per_step: float):
        self.tokens_per_step = tokens_per_step
        self.milliseconds = 0.0  # 0 until measured
        self.seconds = 0.0  # all that was measured, evaluations included
        self._mean = MeanTime(SPEED_TIME_CONSTANT)
        self.start()

    def start(self) -> None:
        """Start timing."""
        self._began = time.perf_counter()

    def skip(self, seconds: float) -> None:
        """Exclude these seconds from the current measurement."""
        self._began += seconds

    def add(self, steps: int, untimed: bool) -> None:
        """Count steps done since the last call; if `untimed`, the time since then is not that of these steps alone."""
        now = time.perf_counter()
        # The coarse clock of a browser tab may not have advanced since the last call.
        elapsed, self._began = max(now - self._began, clock_resolution()), now
        self.seconds += elapsed
        if not steps or (untimed and self.milliseconds):
            return
        if not self.milliseconds:
            self.milliseconds = 1000 * elapsed / steps  # a rough first value: it includes compilation and evaluation
            return
        self._mean.add(elapsed, steps)
        self.milliseconds = 1000 * (self._mean.seconds or 0.0)

    def metrics(self) -> dict[str, float]:
        """The measured metrics, by name."""
        if not self.milliseconds:
            return {}
        per_second = self.tokens_per_step / self.milliseconds * 1000
        return {"ms_per_step": self.milliseconds, "tokens_per_second": per_second}


class Driver:
    """Trains a run to its end, or until `halt` is called.

    `lock` is held while steps are sent; code that reads the run's state must hold it too. `steps` is the generator of
    `run.train()`; a caller can advance it between two events, outside an evaluation (`run.evaluating`). An event comes
    early in each evaluation, so that a caller can save the run before it. `ended` is true once the run is complete.
    """

    def __init__(self, run: Run, lock: asyncio.Lock | None = None):
        self.run, self.lock = run, lock or asyncio.Lock()
        self.steps = run.train()
        self.halting = self.ended = False
        # Whether the steps since the last read cannot be timed: part of the time was an evaluation, or the caller took
        # some of them.
        self._untimed = False
        self.timer = StepTimer(run.experiment.train.sequences * run.train_batches.tokens_per_sequence)
        self._before = run.metrics.curve.seconds  # the training time before this driver; None if unknown

    def halt(self) -> None:
        """Stop sending steps."""
        self.halting = True

    async def events(self) -> AsyncGenerator[DriverEvent, None]:
        """Train, yielding a DriverEvent after each slice of steps.

        Raises: DivergedError at a loss that is not finite, after a DriverEvent with the metrics before it; DeviceLost.
        """
        pending: list[tuple[Awaitable[bytes], bool]] = []  # the reads in flight, each with `_untimed` of its steps
        metrics: list[Metric] = []  # read, and not yielded yet
        try:
            device = self.run.device
            await device.fetch(self.run.metrics_tensor)
            began = time.perf_counter()
            await device.fetch(self.run.metrics_tensor)
            latency = time.perf_counter() - began  # the time of a read that waits for no work
            target, count = min(max(MIN_SLICE_SECONDS, latency), MAX_SLICE_SECONDS), 1
            self.timer.start()
            while not self._is_over():
                began = time.perf_counter()
                self._untimed |= self.run.evaluating
                evaluated = await self._send(count)
                pending.append((device.start_fetch(self.run.metrics_tensor), self._untimed))
                await yield_to_event_loop()  # start the read before more work is queued
                drain = device.blocking_reads or evaluated or self._is_over()
                while len(pending) > (0 if drain else 1):
                    metrics += await self._take(*pending.pop(0))
                now = time.perf_counter()
                elapsed = now - began - latency
                count = max(1, min(MAX_SLICE_STEPS, 2 * count, round(count * target / max(elapsed, target / 4))))
                step = self.run.step
                yield DriverEvent(metrics, evaluated)
                metrics = []
                self.timer.skip(time.perf_counter() - now)  # the time spent in the caller
                self._untimed = self.run.step > step
            # The run was halted while the last slice was read, or by the caller during the last yield.
            if self._untimed:  # the caller's own steps have not been read
                pending.append((device.start_fetch(self.run.metrics_tensor), True))
            while pending:
                metrics += await self._take(*pending.pop(0))
            if metrics:
                yield DriverEvent(metrics)
        except DivergedError as error:
            yield DriverEvent([*metrics, *error.metrics])
            raise
        finally:
            for read, _ in pending:
                with contextlib.suppress(PygptError):
                    await read

    async def _send(self, count: int) -> bool:
        """Send `count` pieces of work, fewer if an evaluation begins or ends; return whether one ended."""
        turn, evaluating = time.perf_counter(), self.run.evaluating
        async with self.lock:
            for _ in range(count):
                event = next(self.steps, None)
                self.ended = event is None
                if event is not None and event.kind != "step":
                    self._untimed = True
                if event is not None and event.kind == "evaluation":
                    return True
                if self._is_over() or self.run.evaluating > evaluating:
                    return False
                if time.perf_counter() - turn > YIELD_SECONDS:
                    await yield_to_event_loop()
                    turn = time.perf_counter()
        return False

    def _is_over(self) -> bool:
        """Whether no more work is to be sent."""
        return self.ended or self.halting

    async def _take(self, read: Awaitable[bytes], untimed: bool) -> list[Metric]:
        data = await read
        self.timer.add(self.run.metrics.steps_in(data) - self.run.metrics.taken, untimed)
        clock = self.timer.metrics()
        if self._before is not None:
            clock["seconds"] = self._before + self.timer.seconds
        return self.run.take_metrics(data, **clock)
