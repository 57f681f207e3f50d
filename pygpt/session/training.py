"""A run in a session: what is done with the driver's events while the page watches.

It sends the metrics on, writes a sample now and then, keeps safety copies, and brings the run back when the loss is no
longer finite or the device was lost.
"""

import asyncio
import time

from pygpt.analysis.autotune import tune
from pygpt.analysis.profile import Profile, profile
from pygpt.errors import DeviceLost, DivergedError, PygptError
from pygpt.session.baselines import send_baselines
from pygpt.session.messages import (
    Curve,
    Error,
    Finished,
    Kept,
    Opened,
    Paused,
    Profiled,
    Resumed,
    Started,
    Stopped,
)
from pygpt.session.progress import ProgressReporter
from pygpt.session.records import ProfileFacts, ProfileRow, RunFacts
from pygpt.session.sampling import TrainingSamples
from pygpt.training.driver import Driver
from pygpt.training.run import Run

KEEP_APART = 10.0  # seconds between two safety copies, at least; and they take a twentieth of the time at most


class Training:
    """A run being trained, paused, or at rest.

    `emit(event)` sends to the page; `store` keeps the safety copy, the log and the tuning; `recover` is called when the
    device is lost, and brings the run back on a new one.
    """

    def __init__(self, emit, store, recover):
        self.emit, self.store, self.recover = emit, store, recover
        self.run: Run | None = None
        self.text = ""
        self.halting: type[Paused] | type[Stopped] | None = None  # how, once asked for
        self.driver: Driver | None = None
        self.profiling = False  # whether the next steps are to be timed launch by launch
        self.task: asyncio.Task | None = None
        self.counting: asyncio.Task | None = None  # working out the n-gram baselines
        self.lock = asyncio.Lock()  # held while steps are sent, and while a checkpoint is read
        self.safe: bytes | None = None  # the last checkpoint
        self.samples = TrainingSamples(emit, lambda: self.halting is not None)
        self._kept_at = self._keeping_took = 0.0

    @property
    def active(self) -> bool:
        """Whether steps are being taken."""
        return self.task is not None and not self.task.done()

    async def begin(self, run: Run, text: str) -> None:
        """Train a new run from its first step."""
        await self.store.begin(run)
        self.run, self.text, self.safe, self.samples.step = run, text, None, -1
        self.emit(Started(run.id, self._facts()))
        self._count()
        self._go()

    async def adopt(self, run: Run, data: bytes, copy: str = "") -> None:
        """Take up a restored run, at rest. It is kept as a copy of its own, or continues with the one it comes from."""
        await self.store.begin(run, copy)
        self.run, self.safe = run, data
        self.text, self.samples.step = run.text.name, -1
        self.emit(Opened(run.id, self._facts()))
        curve = run.metrics.curve
        if not curve.empty:
            self.emit(Curve(run.id, curve.training, curve.validation))
        self._count()

    def _count(self) -> None:
        if self.counting is not None:
            self.counting.cancel()
        self.counting = asyncio.ensure_future(send_baselines(self.emit, self.run))

    def resume(self) -> None:
        """Continue: after the last step there may still be an evaluation to do."""
        if self.run is not None and not self.active:
            self.emit(Resumed(self.run.id, self.run.step))
            self._go()

    async def halt(self, how: type[Paused] | type[Stopped]) -> None:
        """Take no more steps. Returns once the device is quiet."""
        if self.active:
            self.halting = how
            if self.driver is not None:
                self.driver.halt()
            await asyncio.wait([self.task])
        elif self.run is not None and how is Stopped:
            self.emit(Stopped(self.run.id, self.run.step))

    async def snapshot(self) -> tuple[int, bytes]:
        """The run between two steps: its step, and its file."""
        async with self.lock:
            return self.run.step, await self.run.fetch_checkpoint()

    async def checkpoint(self) -> bytes:
        """The run as it is, or as it was last kept if its device is gone."""
        try:
            return (await self.snapshot())[1]
        except DeviceLost:
            if self.safe is None:
                raise
            return self.safe

    def _go(self) -> None:
        self.halting, self.driver = None, None
        self.task = asyncio.ensure_future(self._train())

    def _facts(self) -> RunFacts:
        run = self.run
        return RunFacts(
            id=run.id,
            experiment=run.experiment.to_dict(),
            text=self.text,
            step=run.step,
            parameters=run.model.parameter_count,
            vocabulary=run.tokenizer.vocab_size,
        )

    async def _train(self) -> None:
        run = self.run
        try:
            if await self._steps(run):
                self.halting = None  # asked for too late: there was nothing left to halt
        except DivergedError as error:
            self._complain(error, "")
            self._complain(error, "optim.learning_rate")
            self.halting = Stopped
            # The weights are not finite any more; those of the last checkpoint are.
            self.run = run = Run.restore(self.safe, run.device, text=run.text)
        except DeviceLost as error:
            self.halting = Stopped
            run = await self._recover(error) or run
        except PygptError as error:
            self._complain(error, "")
            self.halting = Stopped
        except Exception as error:
            # A mistake of ours: the page must not wait for a training that is over.
            self._complain(error, "")
            self.emit(Stopped(run.id, run.step))
            raise
        self.emit((self.halting or Finished)(run.id, run.step))

    async def _recover(self, lost: DeviceLost) -> Run | None:
        try:
            self.run = await self.recover(self.safe, self.run.text)
        except PygptError as error:
            self._complain(
                f"{lost}; and it cannot be opened again: {error}. Choose another device: the run moves there "
                "as it was last kept",
                "device",
            )
            return None
        self._complain(
            "the GPU was lost while training and was opened again. The run is back at step "
            f"{self.run.step}, where it was last kept; Resume continues from there",
            "device",
        )
        return self.run

    def _complain(self, error, field):
        self.emit(Error(str(error), field, "training", self.run.id))

    async def _steps(self, run: Run) -> bool:
        """Take steps until the end, which is True, or until they are halted."""
        reporter = ProgressReporter(self.emit, run)
        await tune(run.device, run.experiment, run.tokenizer.vocab_size, self.store)
        driver = self.driver = Driver(run, self.lock)
        if self.halting:
            driver.halt()
        if run.step == 0:
            await self.samples.write(run)
        if self.safe is None:
            self.safe = (await self.snapshot())[1]
        self._kept_at = time.perf_counter()
        self.samples.begin()
        async for event in driver.events():
            reporter.take(event.metrics)
            await self.store.log(event.metrics, run.experiment.train.log_every)
            reporter.send()
            if self.profiling:
                async with self.lock:
                    self._send_profile(await profile(run, driver.steps))
            if self.samples.is_due(event.evaluated):
                await self.samples.write(run)
            if event.evaluated and not self.halting:
                await self._keep(run)
        if self.profiling:  # asked for too late
            self._send_profile(None)
        reporter.send(last=True)
        await self.samples.write(run)
        await self._keep(run, now=True)
        return driver.ended

    def _send_profile(self, found: Profile | None) -> None:
        self.profiling = False
        self.emit(Profiled(self.run.id, found and _profile_facts(found)))

    async def _keep(self, run: Run, now: bool = False) -> None:
        """Keep a safety copy, seldom enough not to be felt. Everything up to the run's step has been read, and was finite."""
        began = time.perf_counter()
        if not now and began - self._kept_at < max(KEEP_APART, 20 * self._keeping_took):
            return
        step, self.safe = await self.snapshot()
        experiment = run.experiment
        about = {
            "name": f"{experiment.name or experiment.model.kind} on {self.text}",
            "step": step,
            "steps": experiment.train.steps,
        }
        kept = await self.store.keep(self.safe, about)
        self._kept_at = time.perf_counter()
        self._keeping_took = self._kept_at - began
        if kept:
            self.emit(Kept(run.id, step))


def _profile_facts(found: Profile) -> ProfileFacts:
    rows = [
        ProfileRow(
            kernel=row.kernel,
            calls=row.calls,
            ms=1000 * row.seconds,
            share=row.share,
            gflops=row.flops / max(row.seconds, 1e-9) / 1e9,
            of_peak=row.of_peak,
        )
        for row in found.rows()
    ]
    return ProfileFacts(
        device=found.device,
        steps=found.steps,
        launches=len(found.launches),
        ms=1000 * found.seconds,
        gflops=found.peak.flops / 1e9,
        gigabytes=found.peak.bytes / 1e9,
        rows=rows,
        trace=found.trace(),
    )
