"""Trains a run in a session: handles the events of the training driver.

For each event it sends the metrics, writes a sample if one is due, and keeps safety copies. It restores the run when
the loss is no longer finite or the device is lost.
"""

import asyncio
from collections.abc import Awaitable, Callable

from pygpt.analysis.autotune import tune
from pygpt.analysis.profile import Profile, profile
from pygpt.data import Text
from pygpt.errors import DeviceLost, DivergedError, ExperimentError, PygptError, sentence_of
from pygpt.runs.checkpoint import Checkpoint, read_checkpoint
from pygpt.runs.run_store import RunStore
from pygpt.session.baselines import send_baselines
from pygpt.session.events import Emit
from pygpt.session.judging import Judge
from pygpt.session.keeping import Keeping
from pygpt.session.message_records import Experiment, ProfileFacts, ProfileRow, RunFacts
from pygpt.session.messages import (
    Curve,
    Error,
    Finished,
    Opened,
    Paused,
    Profiled,
    Resumed,
    Sample,
    Started,
    Stopped,
)
from pygpt.session.progress import ProgressReporter
from pygpt.session.sampling import TrainingSamples
from pygpt.training.driver import Driver
from pygpt.training.run import Run

SAMPLES_SHOWN = 30  # of a run that is opened


class Training:
    """A run that is training, paused or stopped.

    `store` keeps the run, its logs and the tuning. `recover(checkpoint, run)` is called when the device is lost, and
    restores the run on a new one; without a checkpoint, the run starts anew. `list_runs` is called when a run that was
    not kept before is kept.
    """

    def __init__(
        self,
        emit: Emit,
        store: RunStore,
        recover: Callable[[bytes | None, Run], Awaitable[Run]],
        list_runs: Callable[[], Awaitable[None]],
    ):
        self.emit, self.store, self.recover = emit, store, recover
        self.keeping = Keeping(emit, store, self.snapshot, list_runs)
        self.run: Run | None = None
        self.halting: type[Paused] | type[Stopped] | None = None  # the event that a requested halt sends
        self.driver: Driver | None = None
        self.profiling = False  # whether to time the next steps launch by launch
        self.task: asyncio.Task | None = None
        self.baselines_task: asyncio.Task | None = None  # computes the n-gram baselines
        self.lock = asyncio.Lock()  # held while steps are sent, and while a checkpoint is read
        self.judge = Judge(emit)
        self.samples = TrainingSamples(self._send_sample, lambda: self.halting is not None)
        self._first: Awaitable[None] | None = None  # what a new run writes first

    @property
    def active(self) -> bool:
        """Whether the run is training."""
        return self.task is not None and not self.task.done()

    async def begin(self, run: Run) -> None:
        """Train a new run from its first step."""
        parent = self.run
        self.run, self.samples.step = run, -1
        self.keeping.turn_to(None)
        self.emit(Started(run.id, self._facts(run)))
        self._first = self.store.begin(run, parent=parent)  # in the task, which a Pause can halt from now on
        self._start_baselines(run)
        self._start(run)

    async def adopt(self, run: Run, data: bytes, copy: str = "", parent: Checkpoint | None = None) -> None:
        """Take a run without starting it; `data` is its checkpoint. It is kept as a new run, with the `parent` that it
        branches from, if any, or continues `copy`, its source."""
        self.run, self.samples.step = run, -1
        self.keeping.turn_to(data)
        self.emit(Opened(run.id, self._facts(run)))
        curve = run.metrics.curve
        if not curve.empty:
            self.emit(Curve(run.id, curve.training, curve.validation, curve.smoothed))
        await self.keeping.attempt(run, self._take_folder(run, data, copy, parent))
        self._start_baselines(run)

    async def _take_folder(self, run: Run, data: bytes, copy: str, parent: Checkpoint | None) -> None:
        await self.store.begin(run, copy, parent, parent.step if parent else None)
        if copy:
            await self.keeping.list_once(run)
        else:
            await self.keeping.write(run, data, run.step)
        for sample in (await self.store.samples(self.store.current))[-SAMPLES_SHOWN:]:
            share = None if run.val_batches.answers else self.samples.share_of_words(run, sample["text"])
            self.emit(Sample(run.id, sample["step"], sample["text"], share))
            self.samples.step = sample["step"]

    def _start_baselines(self, run: Run) -> None:
        if self.baselines_task is not None:
            self.baselines_task.cancel()
        self.judge.turn_to(run)
        self.baselines_task = asyncio.ensure_future(self._compare_with_counting(run))

    async def _compare_with_counting(self, run: Run) -> None:
        self.judge.baselines = await send_baselines(self.emit, run)
        self.judge.look(run)

    async def resume(self) -> None:
        """Continue training. After the last step an evaluation can still be due."""
        run = self.run
        if run is None or self.active:
            return
        await self.keeping.attempt(run, self.store.resume(run))
        if run is self.run and (self.task is None or self.task.done()):  # not changed while this was written
            self.emit(Resumed(run.id, run.step, run.experiment.train.steps))
            self._start(run)

    async def extend(self, steps: int) -> None:
        """Continue up to a total of `steps`. Raises: ExperimentError if it is training, or has taken so many."""
        _, data = await self.checkpoint()
        assert self.run is not None  # as the caller knows
        if self.active:  # perhaps since the checkpoint was read
            raise ExperimentError("train.steps", "the run is training; pause it first")
        run = Run.restore(data, self.run.device, text=self.run.text, steps=steps)
        # The next checkpoint has the new total: a run that is lost goes back to it.
        self.run, self.keeping.last_checkpoint = run, None
        await self.resume()

    async def halt(self, how: type[Paused] | type[Stopped]) -> None:
        """Stop training and send the event `how`. Returns once the device is idle."""
        if self.task is not None and not self.task.done():
            self.halting = how
            if self.driver is not None:
                self.driver.halt()
            await asyncio.wait([self.task])
        elif self.run is not None and how is Stopped:
            self.emit(Stopped(self.run.id, self.run.step))

    async def snapshot(self) -> tuple[int, bytes]:
        """The run's step and checkpoint, read between two steps."""
        async with self.lock:
            assert self.run is not None  # as every caller knows
            return self.run.step, await self.run.fetch_checkpoint()

    async def checkpoint(self) -> tuple[int, bytes]:
        """The run's step and checkpoint, or the last ones if its device is lost."""
        try:
            return await self.snapshot()
        except DeviceLost:
            if self.keeping.last_checkpoint is None:
                raise
            return read_checkpoint(self.keeping.last_checkpoint).step, self.keeping.last_checkpoint

    async def restore(self) -> None:
        """Restore the run, which is not training, on a new device after the loss of its own."""
        assert self.run is not None  # as the caller knows
        self.run = await self.recover(self.keeping.last_checkpoint, self.run)

    def _start(self, run: Run) -> None:
        self.halting, self.driver = None, None
        if self.samples.step > run.step:
            self.samples.step = -1  # of a model that is gone
        self.task = asyncio.ensure_future(self._train(run))

    def _facts(self, run: Run) -> RunFacts:
        return RunFacts(
            id=run.id,
            experiment=Experiment(run.experiment.to_dict()),
            text=run.text.name,
            text_sha256=run.text.sha256,
            built_in=isinstance(run.text, Text) and run.text.built_in,
            step=run.step,
            parameters=run.model.parameter_count,
            vocabulary=run.tokenizer.vocab_size,
            cut=f"{run.cut}." if run.cut else "",
        )

    async def _train(self, run: Run) -> None:
        try:
            if await self._run_steps(run):
                self.halting = None  # requested too late: the run has finished
        except DivergedError as error:
            self._send_error(run, error, "")
            self._send_error(run, error, "optim.learning_rate")
            self.halting = Stopped
            # The weights are no longer finite; those of the last checkpoint are. There is none if memory was too short.
            data = self.keeping.last_checkpoint
            self.run = run = run.again(run.device) if data is None else Run.restore(data, run.device, text=run.text)
        except DeviceLost as error:
            self.halting = Stopped
            run = await self._recover(run, error) or run
        except PygptError as error:
            self._send_error(run, error, "")
            self.halting = Stopped
        except Exception as error:
            # A bug in pygpt: the page must not wait for a run that has ended.
            self._send_error(run, error, "")
            self.emit(Stopped(run.id, run.step))
            raise
        self.emit((self.halting or Finished)(run.id, run.step))
        self.keeping.try_later(run, lambda: run is self.run and not self.active)

    async def _recover(self, run: Run, lost: DeviceLost) -> Run | None:
        try:
            self.run = recovered = await self.recover(self.keeping.last_checkpoint, run)
        except PygptError as error:
            self._send_error(
                run,
                f"{lost}; it cannot be opened again: {error}. Choose another device; the run moves there "
                "from its last checkpoint",
                "device",
            )
            return None
        self._send_error(
            recovered,
            "the GPU was lost while training and was opened again. The run is back at step "
            f"{recovered.step}, where it was last copied; press Resume to continue from there",
            "device",
        )
        return recovered

    def _send_sample(self, sample: Sample) -> None:
        self.emit(sample)
        self.store.note_sample(sample.step, sample.text)

    def _send_error(self, run: Run, error: Exception | str, field: str) -> None:
        self.emit(Error(sentence_of(error) if isinstance(error, Exception) else error, field, "training", run.id))

    async def _run_steps(self, run: Run) -> bool:
        """Train until the end (returns True) or until a halt (returns False)."""
        reporter = ProgressReporter(self.emit, run)
        if self._first is not None:
            first, self._first = self._first, None
            await self.keeping.attempt(run, first)
        if self.keeping.last_checkpoint is None:
            await self.keeping.attempt(run, self.keeping.keep(run))
        await tune(run.device, run.experiment, run.tokenizer.vocab_size, self.store)
        driver = self.driver = Driver(run, self.lock)
        if self.halting:
            driver.halt()
        await self.samples.write(run)
        self.keeping.begin(run)
        self.samples.begin()
        async for event in driver.events():
            reporter.add(event.metrics)
            await self.keeping.attempt(run, self.store.log(event.metrics, run.experiment.train.log_every))
            reporter.send()
            if event.evaluated:
                self.judge.look(run)
            if self.samples.is_due(event.evaluated):
                await self.samples.write(run)
            if not self.halting and self.keeping.is_due:
                if self.store.is_checkpoint_due(run.step):  # each has its sample
                    await self.samples.write(run)
                await self.keeping.attempt(run, self.keeping.keep(run))
            # After the copy: the losses of the profiled steps are read later.
            if self.profiling and not self.halting and not run.evaluating:
                async with self.lock:
                    self._send_profile(run, await profile(run, driver.steps))
        if self.profiling:  # requested after the last step, or halted first
            self._send_profile(run, None)
        reporter.send(last=True)
        self.judge.look(run)
        await self.samples.write(run)
        await self.keeping.attempt(run, self.keeping.keep(run))
        return driver.ended

    def _send_profile(self, run: Run, found: Profile | None) -> None:
        self.profiling = False
        self.emit(Profiled(run.id, _profile_facts(found) if found else None))


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
