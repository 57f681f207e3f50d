"""The training loop of `pygpt train`: logs, saves, shows progress, and stops on a signal."""

import asyncio
import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pygpt.cli.checkpoints import RunCheckpoints
from pygpt.cli.output import as_argument
from pygpt.cli.signals import handling_signals
from pygpt.cli.tracking import Tracking
from pygpt.errors import CheckpointError, DivergedError
from pygpt.training.driver import Driver

STEPS_BEFORE_PROFILE = 5  # the first steps compile, and run on a cold device
SHARE = 20  # saving takes at most one part in this many of the time
LONGEST = 600.0  # seconds between two saves by that rule: a save that the machine slept through takes hours
RETRY_SECONDS = 2.0  # between attempts to save a run that has ended
GIVE_UP_SECONDS = 60.0  # of such attempts, when the machine or a service wants the process to end


class Training:
    """Trains a run. A checkpoint is saved every `save_every` seconds, before the last evaluation, and at the end.

    No failed write ends the training, and neither does a signal: SIGINT, SIGTERM and SIGHUP stop it between two steps
    or batches of an evaluation, and it is saved. A second Ctrl+C ends it at once, unless a checkpoint is being written.
    `resumed` is the folder or file that the run was resumed from, perhaps not its own. With `checkpoints`, those along
    the run are written too.
    """

    def __init__(
        self,
        run,
        folder,
        console,
        save_every: float,
        profiled: bool,
        resumed: Path | None = None,
        checkpoints: bool = False,
    ):
        self.run, self.folder, self.console, self.save_every = run, folder, console, save_every
        self.first_step = run.step
        self.profiled_after = run.step + STEPS_BEFORE_PROFILE if profiled else None
        self.driver = Driver(run)
        self.tracking: Tracking | None = None
        self.signal: int | None = None  # the first one that came
        self.signals = 0
        self.val_loss: float | None = None
        self.failing: dict[str, bool] = {}  # what could not be written the last time, and whether that was at the end
        # The last checkpoint: its step, and its folder or file.
        begun_from = folder.folder if folder.model.exists() else resumed
        self.intact = (run.step, begun_from) if begun_from else None
        self.saved: tuple[int, bool] | None = None  # the step of the last checkpoint, and whether it was evaluated
        self.saved_at, self.saving_took, self.saving = time.perf_counter(), 0.0, False
        self.along = RunCheckpoints(run, folder.folder) if checkpoints else None

    async def train(self) -> int:
        """Train to the end or until a signal, and return the exit status. Raises: DivergedError."""
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,}/{task.total:,}"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        steps = self.run.experiment.train.steps
        with handling_signals(self._stop):
            if self.along and self.run.step == 0:
                self._write_along(self.run.checkpoint())
            try:
                with self.progress:
                    self.task = self.progress.add_task("training", total=steps, completed=self.run.step, figures="")
                    async for event in self.driver.events():
                        self._handle_metrics(event.metrics)
                        if self._is_save_due():
                            self._save()
                        if self._is_profile_due():
                            await self._profile()
            except DivergedError as error:
                hint = f". The last good checkpoint is in {self.intact[1]}" if self.intact else ""
                raise DivergedError(error.step, f"{error}{hint}") from None
            await self._save_last()
        folder = as_argument(self.folder.folder)
        if self.signal is not None and (self.run.step < steps or self.run.evaluation_due):
            during = " before its evaluation" if self.run.evaluation_due else ""
            self.console.print(
                f"Stopped at step {self.run.step:,}{during} and saved to {self.folder.folder}. Continue with:\n"
                f"  pygpt train --resume {folder}"
            )
            return 128 + self.signal
        self.console.print(f"Done. Sample from it:\n  pygpt sample {folder}")
        return 0

    def print_last_checkpoint(self) -> None:
        """Say what is left of a run that was ended at once."""
        if self.intact is not None:
            step, place = self.intact
            self.console.print(
                f"Ended at step {self.run.step:,}; the last checkpoint is of step {step:,}. Continue with:\n"
                f"  pygpt train --resume {as_argument(place)}"
            )

    def _stop(self, number, frame):
        self.signals += 1
        self.signal = self.signal or number
        self.driver.halt()
        # A step that is cut off leaves nothing to save. Only a person who insists asks for that.
        if self.signals > 1 and number == signal.SIGINT and not self.saving:
            raise KeyboardInterrupt

    def _is_profile_due(self):
        if self.profiled_after is None or self.signal is not None or self.run.evaluating:
            return False
        return self.run.step >= self.profiled_after

    async def _profile(self):
        from pygpt.analysis.profile import profile
        from pygpt.cli.profile_table import print_profile

        self.profiled_after = None
        if result := await profile(self.run, self.driver.steps):
            self._attempt("the profile", lambda: print_profile(result, self.folder, self.console))

    def _is_save_due(self) -> bool:
        if self.run.step == self.first_step or self.saved == self._state():
            return False
        waited, share = time.perf_counter() - self.saved_at, min(SHARE * self.saving_took, LONGEST)
        if self.run.evaluating and self.saved != (self.run.step, False):  # the evaluation has just begun
            return waited >= share or self.run.step == self.run.experiment.train.steps
        return waited >= max(self.save_every, share)

    def _state(self) -> tuple[int, bool]:
        return self.run.step, not self.run.evaluation_due

    def _save(self, last: bool = False) -> bool:
        """Write a checkpoint. Return whether that worked."""
        began, self.saving = time.perf_counter(), True
        checkpoint = b""

        def write() -> None:
            nonlocal checkpoint
            checkpoint = self.run.checkpoint()
            self.folder.save(checkpoint)

        try:
            if saved := self._attempt("the checkpoint", write, last):
                self.saved, self.intact = self._state(), (self.run.step, self.folder.folder)
                self._write_along(checkpoint)
        finally:
            self.saving = False
        self.saved_at, self.saving_took = began, time.perf_counter() - began
        return saved

    def _write_along(self, checkpoint: bytes) -> None:
        """Write the checkpoint along the run that is due, if one is. A full disk ends nothing."""
        if along := self.along:
            self._attempt(f"a checkpoint in {self.folder.checkpoints}", lambda: along.write_if_due(checkpoint))

    async def _save_last(self) -> None:
        """Save the run as it is now, again and again if that fails, until a signal; after one that no person sent, for
        GIVE_UP_SECONDS. Raises: CheckpointError then."""
        signals, began = self.signals, time.perf_counter()
        # Both are tried: a log that cannot be written is no reason to lose the model.
        while not all([self._log([], last=True), self.saved == self._state() or self._save(last=True)]):
            tried = time.perf_counter()
            while time.perf_counter() - tried < RETRY_SECONDS:
                await asyncio.sleep(0.1)
                late = self._must_end() and time.perf_counter() - began > GIVE_UP_SECONDS
                if self.signals > signals or late:
                    raise CheckpointError(
                        f"the run at step {self.run.step:,} could not be written to {self.folder.folder}"
                        f"{self._missing_space()}; {self._last_checkpoint()}"
                    )

    def _last_checkpoint(self) -> str:
        if self.intact is None:
            return "its last checkpoint could not be written either"
        step, place = self.intact
        elsewhere = "" if place == self.folder.folder else f", in {place}, and can be resumed again"
        return f"its last checkpoint is of step {step:,}{elsewhere}"

    def _must_end(self) -> bool:
        return self.signal not in (None, signal.SIGINT)

    def _missing_space(self) -> str:
        with contextlib.suppress(OSError, MemoryError):
            missing = len(self.run.checkpoint()) - shutil.disk_usage(self.folder.folder).free
            return f", whose disk lacks {missing:,} bytes" if missing > 0 else ""
        return ""

    def _attempt(self, what: str, write: Callable[[], None], last: bool = False) -> bool:
        """Write something and return whether that worked. What failed is said once, until it works again."""
        try:
            write()
        except (CheckpointError, MemoryError) as error:
            reason = str(error) or "there is not enough memory for a copy of the run"
            if self.failing.get(what) is not last:
                until = f"for {GIVE_UP_SECONDS:.0f} seconds" if self._must_end() else "until it works; Ctrl+C gives up"
                how = f"It is tried again {until}" if last else "Training goes on"
                print(f"pygpt: {what}: {reason}. {how}.", file=sys.stderr)
            self.failing[what] = last
            return False
        if self.failing.pop(what, None) is not None:
            print(f"pygpt: {what} is written again.", file=sys.stderr)
        return True

    def _log(self, metrics, last: bool = False) -> bool:
        every = self.run.experiment.train.log_every
        return self._attempt("the log", lambda: self.folder.log(metrics, every), last)

    def _handle_metrics(self, metrics):
        self._log(metrics)
        if self.tracking is not None:
            self.tracking.log(metrics)
        for metric in metrics:
            if metric.val_loss is not None:
                self.val_loss = metric.val_loss
                self._print_evaluation(metric)
        latest = next((metric for metric in reversed(metrics) if metric.loss is not None), None)
        if latest:
            val = f"  val {self.val_loss:.4f}" if self.val_loss is not None else ""
            speed = f"  {latest.tokens_per_second:,.0f} tokens/s" if latest.tokens_per_second else ""
            self.progress.update(self.task, completed=latest.step, figures=f"loss {latest.loss:.4f}{val}{speed}")

    def _print_evaluation(self, metric):
        parts = [f"step {metric.step:>6,}"]
        if metric.loss is not None:
            parts.append(f"loss {metric.loss:.4f}")
        parts.append(f"validation loss {metric.val_loss:.4f}")
        if metric.accuracy is not None:
            parts.append(f"correct answers {metric.accuracy:.1%}")
        if metric.ms_per_step:
            parts.append(f"{metric.ms_per_step:.1f} ms/step")
        self.console.print("  ".join(parts))
