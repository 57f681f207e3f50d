"""The one loop that trains: it sends steps to the device, reads their metrics, and says what happened.

A slice of steps is sent while the one before it is still being computed; reading the metrics of that one is what paces
the loop. How many steps make a slice follows from how long they take. The command line, the page's session and
LanguageModel each run this loop and differ in what they do with an event.
"""

import asyncio
import contextlib
import dataclasses
import math
import time
from collections.abc import AsyncGenerator, Awaitable

from pygpt.errors import DivergedError, PygptError
from pygpt.training.metrics import Metric
from pygpt.training.run import Run
from pygpt.utils.blocking import let_others_run
from pygpt.utils.timer import tick

SLICE = 0.05  # seconds of the device's work sent at once, at least; two slices are under way
LONGEST = 0.25  # and at most: where reading takes long, whatever there is to wait for, so much work hides it
LONGEST_SLICE = 500  # steps; the device keeps the metrics of 2,048
TURN = 0.025  # seconds of Python after which other tasks get their turn
REMEMBERED = 8.0  # seconds over which the speed is averaged


@dataclasses.dataclass(frozen=True)
class Progress:
    """A slice of steps was sent and the metrics of an earlier one have come.

    `evaluated` says that an evaluation has just ended: then everything up to the run's step has been read.
    """

    metrics: list[Metric]
    evaluated: bool = False


class StepTimer:
    """How long a training step takes, averaged over some seconds; evaluations do not count."""

    def __init__(self, tokens_per_step: int):
        self.tokens_per_step = tokens_per_step
        self.milliseconds = 0.0  # as long as it is unknown
        self._seconds = self._steps = 0.0
        self.start()

    def start(self) -> None:
        """Count from this moment on."""
        self._began = time.perf_counter()

    def skip(self, seconds: float) -> None:
        """So much of the time since then was spent on something else."""
        self._began += seconds

    def add(self, steps: int, evaluated: bool) -> None:
        """So many steps have been done since; `evaluated` says that some of the time went into an evaluation."""
        now = time.perf_counter()
        # A tab's clock may not have moved since.
        passed, self._began = max(now - self._began, tick()), now
        if not steps or (evaluated and self.milliseconds):
            return
        if not self.milliseconds or evaluated:
            self.milliseconds = 1000 * passed / steps  # compiling and evaluating are part of it: for want of better
            return
        fading = math.exp(-passed / REMEMBERED)
        self._seconds = fading * self._seconds + passed
        self._steps = fading * self._steps + steps
        self.milliseconds = 1000 * self._seconds / self._steps

    def metrics(self) -> dict[str, float]:
        """The metrics that it measures, by name."""
        if not self.milliseconds:
            return {}
        per_second = self.tokens_per_step / self.milliseconds * 1000
        return {"ms_per_step": self.milliseconds, "tokens_per_second": per_second}


class Driver:
    """Trains a run to its end, or until it is told to halt.

    `lock` is held while steps are sent: whoever reads the run's state holds it meanwhile. `steps` is the generator of
    `run.train()`, for whoever takes some of its steps between two events. With `finish_evaluations` a halt waits for the
    end of an evaluation: a run that is saved in the middle of one does not repeat it. `ended` says whether all is done.
    """

    def __init__(self, run: Run, lock: asyncio.Lock | None = None, finish_evaluations: bool = False):
        self.run, self.lock, self.finish_evaluations = run, lock or asyncio.Lock(), finish_evaluations
        self.steps = run.train()
        self.halting = self.ended = False
        # Whether the last piece of work sent was a batch of an evaluation, and whether the slice had any part of one.
        self._in_evaluation = self._evaluating = False
        train = run.experiment.train
        self.timer = StepTimer(train.sequences * run.experiment.model.block_size)

    def halt(self) -> None:
        """Send no more steps."""
        self.halting = True

    async def events(self) -> AsyncGenerator[Progress, None]:
        """Train, yielding a Progress after each slice of steps.

        Raises: DivergedError at a loss that is not finite, after a Progress with what came before it; DeviceLost.
        """
        pending: list[
            tuple[Awaitable[bytes], bool]
        ] = []  # readings under way, and whether their slice had an evaluation
        try:
            device = self.run.device
            await device.fetch(self.run.metrics_tensor)
            began = time.perf_counter()
            await device.fetch(self.run.metrics_tensor)
            idle = time.perf_counter() - began  # what reading costs when there is nothing to wait for
            work, count = min(max(SLICE, idle), LONGEST), 1
            self.timer.start()
            while not (self.ended or self._may_halt()):
                began = time.perf_counter()
                self._evaluating = self._in_evaluation
                evaluated = await self._send(count)
                pending.append((device.start_fetch(self.run.metrics_tensor), self._evaluating))
                await let_others_run()  # the reading is under way before more work is sent behind it
                everything = evaluated or self.ended or self._may_halt()
                metrics: list[Metric] = []
                while len(pending) > (0 if everything else 1):
                    reading, evaluating = pending.pop(0)
                    metrics += self._take(await reading, evaluating)
                now = time.perf_counter()
                took = now - began - idle
                count = max(1, min(LONGEST_SLICE, 2 * count, round(count * work / max(took, work / 4))))
                yield Progress(metrics, evaluated)
                self.timer.skip(time.perf_counter() - now)  # what the caller did meanwhile
            # Where it was halted while the last slice was read, or by the caller just now.
            while pending:
                reading, evaluating = pending.pop(0)
                yield Progress(self._take(await reading, evaluating))
        except DivergedError as error:
            yield Progress(error.metrics)
            raise
        finally:
            for reading, _ in pending:
                with contextlib.suppress(PygptError):
                    await reading

    async def _send(self, count: int) -> bool:
        """Send so many pieces of work, or fewer up to the end of an evaluation: whether there was one."""
        turn = time.perf_counter()
        async with self.lock:
            for _ in range(count):
                event = next(self.steps, None)
                self.ended = event is None
                self._in_evaluation = event is not None and event.kind == "evaluating"
                if event is not None and event.kind != "step":
                    self._evaluating = True
                if event is not None and event.kind == "evaluation":
                    return True
                if self.ended or self._may_halt():
                    return False
                if time.perf_counter() - turn > TURN:
                    await let_others_run()
                    turn = time.perf_counter()
        return False

    def _may_halt(self) -> bool:
        return self.halting and not (self.finish_evaluations and self._in_evaluation)

    def _take(self, data: bytes, evaluating: bool) -> list[Metric]:
        self.timer.add(self.run.metrics.steps_in(data) - self.run.metrics.taken, evaluating)
        return self.run.take_metrics(data, **self.timer.metrics())
