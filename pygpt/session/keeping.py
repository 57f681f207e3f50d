"""Keeps a run while it trains and after: safety copies now and then, and another attempt where a write failed."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from pygpt.errors import CheckpointError, DivergedError
from pygpt.runs.run_store import RunStore
from pygpt.session.events import Emit
from pygpt.session.kept_runs import about_run
from pygpt.session.messages import Error, Kept
from pygpt.training.run import Run

COPY_MIN_INTERVAL = 8.0  # seconds between two safety copies, at least: with the time they take, a kill loses about ten
COPY_FIRST = 1.0  # seconds: the first copies of a run come sooner, because it changes most in its first seconds
COPY_SHARE = 0.05  # largest share of the time spent on them
COPY_MAX_INTERVAL = 600.0  # seconds: the clock may say that the last copy took hours, if the machine slept
RETRY_INTERVAL = 5.0  # seconds between two attempts to keep a run that no longer trains


class Keeping:
    """Writes the run of a session to its `store`.

    `snapshot()` returns the step and the checkpoint of the run. `list_runs` is called when a run that was not kept
    before is kept. `last_checkpoint` is the checkpoint read last, or None.
    """

    def __init__(
        self,
        emit: Emit,
        store: RunStore,
        snapshot: Callable[[], Awaitable[tuple[int, bytes]]],
        list_runs: Callable[[], Awaitable[None]],
    ):
        self.emit, self.store, self.snapshot, self.list_runs = emit, store, snapshot, list_runs
        self.last_checkpoint: bytes | None = None
        self.retry: asyncio.Task | None = None  # tries to keep a run that no longer trains
        self._kept_at = self._took = 0.0
        self._listed = ""  # the id of the run that was listed last
        self._began_at = -math.inf  # when the run took its first step
        self._refused = ""  # the error of the last write that failed, until a copy is kept
        self._refused_checkpoint = ""  # the same, of a checkpoint along the run

    def turn_to(self, checkpoint: bytes | None) -> None:
        """Another run is the session's; `checkpoint` is its own, if it has one. A refusal is said again."""
        self.last_checkpoint, self._refused, self._refused_checkpoint = checkpoint, "", ""

    def begin(self, run: Run) -> None:
        """Start the interval to the next copy: the run starts or continues."""
        self._kept_at = time.perf_counter()
        if run.step == 0:
            self._began_at = self._kept_at

    @property
    def is_due(self) -> bool:
        """Whether the next copy is due."""
        now = time.perf_counter()
        least = min(COPY_MIN_INTERVAL, max(COPY_FIRST, self._kept_at - self._began_at))  # doubles the run's age
        return now - self._kept_at >= min(max(least, self._took / COPY_SHARE), COPY_MAX_INTERVAL)

    async def keep(self, run: Run) -> None:
        """Keep the run. Raises: CheckpointError if it cannot be written, MemoryError if it does not fit."""
        began = time.perf_counter()
        try:
            step, self.last_checkpoint = await self.snapshot()
            refused = await self.write(run, self.last_checkpoint, step)
        finally:
            self._kept_at = time.perf_counter()
            # The copy of step 0 compiles and opens files: its time does not predict the next one's.
            self._took = self._kept_at - began if run.step else 0.0
        self._refused = ""
        self.emit(Kept(run.id, step))
        if refused and not self._refused_checkpoint:
            message = f"the run is kept, but not its checkpoint of step {step:,}: {refused}. Training goes on"
            self.emit(Error(message, "copy", "training", run.id))
        self._refused_checkpoint = refused

    async def write(self, run: Run, checkpoint: bytes, step: int) -> str:
        """Write a checkpoint of the run. Returns why the one along the run that is due cannot be written, or "".

        Raises: CheckpointError.
        """
        refused = await self.store.keep(checkpoint, about_run(run, step))
        await self.list_once(run)
        return refused

    async def list_once(self, run: Run) -> None:
        """Send the list of runs, unless this run was the last to be listed."""
        if run.id != self._listed:
            self._listed = run.id
            await self.list_runs()

    async def attempt(self, run: Run, writing: Awaitable[object]) -> None:
        """Write to the store. If the disk or memory is full, say so once and train on: the next write tries again."""
        try:
            await writing
        except DivergedError:
            pass  # the weights are of no use; the driver raises it too, with the losses before it
        except (CheckpointError, MemoryError) as error:
            reason = "a copy does not fit in memory" if isinstance(error, MemoryError) else str(error)
            if reason != self._refused:
                message = f"this run cannot be kept now: {reason}. Training goes on, and tries again"
                self.emit(Error(message, "copy", "training", run.id))
            self._refused = reason

    def try_later(self, run: Run, waits: Callable[[], bool]) -> None:
        """If the run could not be kept, try again until it is, or it no longer `waits`."""
        if self._refused:
            self.retry = asyncio.ensure_future(self._keep_later(run, waits))

    async def _keep_later(self, run: Run, waits: Callable[[], bool]) -> None:
        while self._refused and waits():
            await asyncio.sleep(RETRY_INTERVAL)
            if self._refused and waits():
                await self.attempt(run, self.keep(run))
