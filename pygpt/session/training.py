"""Training in slices: the device is kept busy, the page is told ten times a second, and nothing waits longer than a blink.

A slice of steps is sent to the device while the one before it is still being computed; reading the losses of that one
back is what paces it all. How many steps make a slice follows from how long they take.
"""

import asyncio
import time

from pygpt.analysis.autotune import tune
from pygpt.analysis.profile import profile
from pygpt.data.sources.tasks import SEPARATOR
from pygpt.errors import DeviceLost, DivergedError, PygptError
from pygpt.inference.sampler import Sampler
from pygpt.session.baselines import tell_baselines
from pygpt.session.progress import Log
from pygpt.tokenizers import split_documents
from pygpt.training.run import Run

SLICE = 0.05  # seconds of the device's work sent at once, at least; two slices are under way
LONGEST = 0.25  # and at most: where reading takes long, whatever there is to wait for, so much work hides it
BREATH = 0.025  # seconds of Python after which the page's messages are let in
LONGEST_SLICE = 500  # steps; the device keeps the losses of four thousand that have not been read
SAMPLE_EVERY = 5.0  # seconds between two samples, at most
SAMPLE_APART = 1.5  # and at least
SAMPLE_SHARE = 0.1  # of the time samples may take: on a slow device they come less often
SAMPLE_LENGTH = 160
PARTING = 0.5  # seconds the last sample of a run that was halted may take
KEEP_APART = 10.0  # seconds between two safety copies, at least; and they take a twentieth of the time at most


async def _time(awaitable) -> float:
    began = time.perf_counter()
    await awaitable
    return time.perf_counter() - began


async def _settled(reading) -> bytes | PygptError:
    """What was read, or the error instead: of two readings under way the second may never be waited for."""
    try:
        return await reading
    except PygptError as error:
        return error


def _value(settled: bytes | PygptError) -> bytes:
    if isinstance(settled, PygptError):
        raise settled
    return settled


def _question(run: Run) -> tuple[str, str]:
    """A question up to its separator, and the same with its answer."""
    every = round(1 / run.experiment.data.val_fraction)
    documents = split_documents(run.text.text)
    held_back = documents[every - 1 :: every] or documents[-1:]
    wanted = held_back[run.step % len(held_back)]
    return wanted.partition(SEPARATOR)[0] + SEPARATOR, wanted


class Training:
    """A run being trained, paused, or at rest.

    `tell(event)` sends to the page; `store` keeps the safety copy and the tuning; `recover` is called without waiting when the device
    is lost, and brings the run back on a new one.
    """

    def __init__(self, tell, store, recover):
        self.tell, self.store, self.recover = tell, store, recover
        self.run: Run | None = None
        self.text = ""
        self.halting: str | None = None  # "paused" or "stopped", once asked for
        self.profiling = False  # whether the next steps are to be timed launch by launch
        self.task: asyncio.Task | None = None
        self.counting: asyncio.Task | None = None  # working out what counting alone would give
        self.steady = asyncio.Lock()  # held while steps are sent, and while a checkpoint is read
        self.safe: bytes | None = None  # the last checkpoint
        self.kept_at = self.keeping_took = 0.0
        self.sampled = -1  # the step of the last sample
        self.sampling_took = 0.0

    @property
    def active(self) -> bool:
        """Whether steps are being taken."""
        return self.task is not None and not self.task.done()

    async def begin(self, run: Run, text: str) -> None:
        """Train a new run from its first step."""
        await self.store.begin()
        self.run, self.text, self.safe, self.sampled = run, text, None, -1
        self.tell({"type": "started", "run": self._facts()})
        self._count()
        self._go()

    async def adopt(self, run: Run, data: bytes, copy: str = "") -> None:
        """Take up a restored run, at rest. It is kept as a copy of its own, or goes on with the one it comes from."""
        await self.store.begin(copy)
        self.run, self.safe = run, data
        self.text, self.sampled = run.text.name, -1
        self.tell({"type": "opened", "run": self._facts()})
        if not run.losses.curve.empty:
            self.tell(run.losses.curve.event())
        self._count()

    def _count(self) -> None:
        if self.counting is not None:
            self.counting.cancel()
        self.counting = asyncio.ensure_future(tell_baselines(self.tell, self.run))

    def resume(self) -> None:
        """Go on: after the last step there may still be an evaluation to do."""
        if self.run is not None and not self.active:
            self.tell({"type": "resumed", "step": self.run.step})
            self._go()

    async def halt(self, how: str) -> None:
        """Take no more steps: "paused" or "stopped". Returns once the device is quiet."""
        if self.active:
            self.halting = how
            await asyncio.wait([self.task])
        elif self.run is not None and how == "stopped":
            self.tell({"type": "stopped", "step": self.run.step})

    async def snapshot(self) -> tuple[int, bytes]:
        """The run between two steps: its step, and its file."""
        async with self.steady:
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
        self.halting = None
        self.task = asyncio.ensure_future(self._train())

    def _facts(self) -> dict:
        run = self.run
        return {
            "experiment": run.experiment.to_dict(),
            "text": self.text,
            "step": run.step,
            "parameters": run.model.parameter_count,
            "vocabulary": run.tokenizer.vocab_size,
        }

    async def _train(self) -> None:
        run = self.run
        try:
            if await self._steps(run):
                self.halting = None  # asked for too late: there was nothing left to halt
        except DivergedError as error:
            self._complain(error, "")
            self._complain(error, "optim.learning_rate")
            self.halting = "stopped"
            # The weights are not numbers any more; those of the last checkpoint are.
            self.run = run = Run.restore(self.safe, run.device, text=run.text)
        except DeviceLost as error:
            self.halting = "stopped"
            run = await self._recover(error) or run
        except PygptError as error:
            self._complain(error, "")
            self.halting = "stopped"
        except Exception as error:
            # A mistake of ours: the page must not wait for a training that is over.
            self._complain(error, "")
            self.tell({"type": "stopped", "step": run.step})
            raise
        self.tell({"type": self.halting or "finished", "step": run.step})

    async def _recover(self, lost: DeviceLost) -> Run | None:
        try:
            self.run = await self.recover(self.safe, self.run.text)
        except PygptError as error:
            self._complain(
                f"{lost}; and it cannot be opened again: {error}. Choose another device: the run goes there "
                "as it was last kept",
                "device",
            )
            return None
        self._complain(
            "the GPU went away while training and was opened again. The run is back at step "
            f"{self.run.step}, where it was last kept; Resume goes on from there",
            "device",
        )
        return self.run

    def _complain(self, error, field):
        self.tell({"type": "error", "message": str(error), "field": field, "during": "training"})

    async def _steps(self, run: Run) -> bool:
        """Send steps until the end, which is True, or until they are halted."""
        device, log = run.device, Log(self.tell, run)
        await tune(device, run.experiment, run.tokenizer.vocab_size, self.store)
        steps = run.train()
        await device.fetch(run.history)
        idle = await _time(device.fetch(run.history))  # what reading costs when there is nothing to wait for
        count, reading, ended, work = 1, None, False, min(max(SLICE, idle), LONGEST)
        if run.step == 0:
            await self._sample(run)
        if self.safe is None:
            self.safe = (await self.snapshot())[1]
        self.kept_at = sampled_at = time.perf_counter()
        while not ended and not self.halting:
            if self.profiling:
                async with self.steady:
                    await self._profile(run, steps)
            began = breathed = time.perf_counter()
            evaluated = False
            async with self.steady:
                for _ in range(count):
                    event = next(steps, None)
                    ended = event is None
                    evaluated = evaluated or (event is not None and event.kind == "evaluation")
                    if ended or self.halting:
                        break
                    if time.perf_counter() - breathed > BREATH:
                        await asyncio.sleep(0)
                        breathed = time.perf_counter()
            sent = asyncio.ensure_future(_settled(device.fetch(run.history)))
            await asyncio.sleep(0)  # the reading is under way before more work is sent behind it
            if reading is not None:
                log.take(run.take_metrics(_value(await reading)))
            reading = sent
            took = time.perf_counter() - began - idle
            count = max(1, min(LONGEST_SLICE, 2 * count, round(count * work / max(took, work / 4))))
            log.tell()
            since = time.perf_counter() - sampled_at
            if (
                since > SAMPLE_EVERY or (evaluated and since > SAMPLE_APART)
            ) and since > self.sampling_took / SAMPLE_SHARE:
                await self._sample(run)
                sampled_at = time.perf_counter()
            if evaluated:
                await self._keep(run, log)
        if reading is not None:
            log.take(run.take_metrics(_value(await reading)))
        if self.profiling:  # asked for too late
            self._tell_profile(None)
        log.tell(last=True)
        await self._sample(run)
        await self._keep(run, log, now=True)
        return ended

    async def _profile(self, run: Run, steps) -> None:
        """Time each launch of the next steps, and tell the page."""
        self._tell_profile(await profile(run, steps))

    def _tell_profile(self, found) -> None:
        self.profiling = False
        self.tell(
            {
                "type": "profiled",
                "profile": found
                and {
                    "device": found.device,
                    "steps": found.steps,
                    "launches": len(found.launches),
                    "ms": 1000 * found.seconds,
                    "gflops": found.peak.flops / 1e9,
                    "gigabytes": found.peak.bytes / 1e9,
                    "trace": found.trace(),
                    "rows": [
                        {
                            "kernel": row.kernel,
                            "calls": row.calls,
                            "ms": 1000 * row.seconds,
                            "share": row.share,
                            "gflops": row.flops / max(row.seconds, 1e-9) / 1e9,
                            "of_peak": row.of_peak,
                        }
                        for row in found.rows()
                    ],
                },
            }
        )

    async def _sample(self, run: Run) -> None:
        """A few lines from the model as it is now, once a step at most."""
        if self.sampled == run.step:
            return
        self.sampled = run.step
        step, began, count, left = run.step, time.perf_counter(), 4, SAMPLE_LENGTH
        # Whoever learns answers is asked a question of those held back, another each time, and says what is likeliest.
        text, wanted = _question(run) if run.splits[1].separator is not None else ("", "")
        sampler = Sampler(run.model, run.tokenizer, prompt=text, temperature=0.0 if wanted else 0.8, seed=step)
        # Whoever presses Pause gets what can be written in a moment.
        while left > 0 and not sampler.done and not (self.halting and time.perf_counter() - began > PARTING):
            sent = time.perf_counter()
            sampler.enqueue(min(count, left))
            left -= count
            text += sampler.take(await run.device.fetch(sampler.output))
            # NumPy computes without ever waiting: let the page's messages in, and take so many tokens at once that a
            # press of Pause is seen soon.
            await asyncio.sleep(0)
            if time.perf_counter() - sent < SLICE:
                count *= 2
        # The first one compiles what the others use: it says nothing of them.
        self.sampling_took = time.perf_counter() - began if step else 0.0
        text += sampler.finish()
        if wanted:
            text += "  right" if text == wanted else f"  wrong: {wanted}"
        self.tell({"type": "sample", "step": step, "text": text})

    async def _keep(self, run: Run, log: Log, now: bool = False) -> None:
        """Put a safety copy aside, seldom enough not to be felt.

        Raises: DivergedError rather than keep weights that are not numbers.
        """
        began = time.perf_counter()
        if not now and began - self.kept_at < max(KEEP_APART, 20 * self.keeping_took):
            return
        log.take(run.take_metrics(await run.device.fetch(run.history)))
        step, self.safe = await self.snapshot()
        experiment = run.experiment
        kept = await self.store.keep(
            self.safe,
            {
                "name": f"{experiment.name or experiment.model.kind} on {self.text}",
                "step": step,
                "steps": experiment.train.steps,
            },
        )
        self.kept_at = time.perf_counter()
        self.keeping_took = self.kept_at - began
        if kept:
            self.tell({"type": "kept", "step": step})
