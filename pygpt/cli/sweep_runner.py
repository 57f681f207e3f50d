"""Trains the runs of a sweep as a session keeps them: the same files in each folder as in the lab."""

import asyncio
import functools
import signal
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from pygpt.cli.output import printable
from pygpt.cli.signals import handling_signals
from pygpt.config.sweep import Sweep, SweepRun
from pygpt.errors import CheckpointError, DeviceLost, PygptError
from pygpt.runs.disk_files import DiskFiles
from pygpt.runs.run_folder import read_beginning, writing
from pygpt.runs.run_store import RunStore
from pygpt.session import messages
from pygpt.session.events import Event
from pygpt.session.training import Training
from pygpt.training.run import Run
from pygpt.utils.folder_lock import lock_folder

DONE = ("finished", "diverged")  # the states of runs that are not trained again


class SweepRunner:
    """The runs of a sweep on a text, in the folder `out`. With `checkpoints`, the weights along each run are kept."""

    def __init__(self, sweep: Sweep, text, choice: str, out: Path, console, checkpoints: bool):
        self.sweep, self.text, self.choice, self.out, self.console = sweep, text, choice, out, console
        self.id = sweep.id(text.sha256)
        self.store = RunStore(DiskFiles(out), checkpoints=checkpoints)
        self.signal: int | None = None
        self.signals = 0
        self.training: Training | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.errors: list[str] = []  # of the run that is training
        self.kept_step = -1
        self.total: Any = None  # the tasks of the progress bars
        self.current: Any = None

    def estimate(self) -> list[float]:
        """The estimated seconds of each run on the device, which is measured for it."""
        from pygpt.analysis.rates import measure_rates

        async def measure():
            rates = await measure_rates(device)
            return [rates.run(run.experiment, self._vocabulary(run), device) for run in self.sweep.runs]

        device = self._open_device(self.sweep.runs[0])
        try:
            return asyncio.run(measure())
        finally:
            device.close()

    def run(self) -> int:
        """Train what is not done yet, print the results, and return the exit status."""
        with writing(self.out):
            self.out.mkdir(parents=True, exist_ok=True)
            held = lock_folder(self.out, "choose another folder with --out")
        with held, handling_signals(self._stop):
            known = self._known()
            todo = [run for run in self.sweep.runs if known.get(run.name, {}).get("state") not in DONE]
            done, count = len(self.sweep.runs) - len(todo), len(self.sweep.runs)
            self.console.print(f"{count} runs in {self.out}" + (f", of which {done} are done" if done else ""))
            with Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:,}/{task.total:,}"),
                TextColumn("{task.fields[figures]}"),
                TimeRemainingColumn(),
                console=self.console,
                disable=not self.console.is_terminal,
                transient=True,
            ) as self.progress:
                self.total = self.progress.add_task("runs", total=count, completed=done, figures="")
                for run in todo:
                    if self.signal is None:
                        self._train(run, known.get(run.name))
            self._print_results()
        unfinished = sum(about.get("state") not in DONE for about in self._by_name())
        if self.signal is not None and unfinished:
            self.console.print(f"\nStopped; {unfinished} of {count} runs are not done. The same command goes on.")
            return 128 + self.signal
        return 0

    def _known(self) -> dict[str, dict]:
        """What is known about the runs of this sweep in the folder, by name. Raises: CheckpointError for another's."""
        found = asyncio.run(self.store.find())
        others = {about["sweep_name"] for about in found if about.get("sweep", self.id) != self.id}
        if others:
            raise CheckpointError(
                f"{self.out} has another sweep, over {' and '.join(sorted(others))}: its settings or its text differ. "
                "Choose another folder with --out"
            )
        return {about["name"]: about for about in found if "sweep" in about}

    def _by_name(self) -> list[dict]:
        known = self._known()
        return [known.get(run.name, {}) for run in self.sweep.runs]

    def _open_device(self, run: SweepRun):
        from pygpt.analysis.device_choice import open_device_for

        return open_device_for(self.choice, run.experiment)

    def _tokenizer(self, run: SweepRun):
        return self.text.tokenizer if self.text.text is None else _make_tokenizer(run.experiment.data, self.text)

    def _vocabulary(self, run: SweepRun) -> int:
        return self._tokenizer(run).vocab_size

    def _train(self, wanted: SweepRun, about: dict | None) -> None:
        """Train a run, or what is left of it. Raises: PygptError if that ended it, and nothing in its settings."""
        device = self._open_device(wanted)
        try:
            asyncio.run(self._train_on(device, wanted, about))
        finally:
            device.close()

    async def _train_on(self, device, wanted: SweepRun, about: dict | None) -> None:
        self.loop, self.errors, self.kept_step = asyncio.get_running_loop(), [], -1
        training = self.training = Training(self._handle, self.store, _refuse, _no_list)
        if about is None:
            run = Run(wanted.experiment, self.text, device, self._tokenizer(wanted))
            names = {"name": wanted.name, "sweep": self.id, "sweep_name": self.sweep.name}
            await training.begin(run, names)
        else:
            data = await self.store.read_copy(about["copy"])
            run = Run.restore(data, device, text=self.text)
            await training.adopt(run, data, about["copy"])
            await training.resume()
        self.current = self.progress.add_task(
            printable(wanted.name), total=run.experiment.train.steps, completed=run.step, figures=""
        )
        if self.signal is not None:
            self._halt()
        assert training.task is not None and training.baselines_task is not None  # as it has begun
        training.baselines_task.cancel()  # for a chart
        await training.task
        self.progress.remove_task(self.current)
        await self.store.files.release(self.store.current)
        finished = training.run is not None and training.run.step >= run.experiment.train.steps
        if training.failure == "diverged" or (finished and self.kept_step >= run.experiment.train.steps):
            self.progress.advance(self.total)
            state = training.failure or "finished"
            self.console.print(f"{printable(wanted.name)}  {state} at step {self.last_step:,}")
        elif self.signal is None or self.errors:
            reason = self.errors[-1] if self.errors else "it stopped"
            raise PygptError(f"the run {wanted.name}: {reason}. The same command goes on from its last checkpoint")

    def _handle(self, event: Event, data: bytes | None = None) -> None:
        if isinstance(event, messages.Progress):
            self.last_step, loss = event.steps[-1], event.losses[-1]
            shown = "" if loss is None else f"loss {loss:.4f}"
            speed = f"  {event.tokens_per_second:,.0f} tokens/s" if event.tokens_per_second else ""
            self.progress.update(self.current, completed=self.last_step, figures=shown + speed)
        elif isinstance(event, messages.Kept):
            self.kept_step = event.step
        elif isinstance(event, messages.Error):
            self.errors.append(event.message)

    def _stop(self, number, frame):
        self.signals += 1
        self.signal = self.signal or number
        if self.signals > 1 and number == signal.SIGINT:
            raise KeyboardInterrupt
        if self.loop is not None and self.loop.is_running():
            self.loop.call_soon_threadsafe(self._halt)

    def _halt(self) -> None:
        if self.training is not None:
            self.halting = asyncio.ensure_future(self.training.halt(messages.Paused))

    def _print_results(self) -> None:
        table = Table(box=None, pad_edge=False)
        table.add_column("run", overflow="fold")
        for heading in ("step", "loss", "val loss", "best val loss"):
            table.add_column(heading, justify="right")
        table.add_column("state")
        for run, about in zip(self.sweep.runs, self._by_name(), strict=True):
            table.add_row(printable(run.name), *self._cells(about))
        self.console.print(table)

    def _cells(self, about: dict) -> list[str]:
        if not about:
            return ["", "", "", "", "waiting"]
        _, curve = read_beginning(self.out / about["copy"])
        best = min((loss for _, loss, _ in curve.validation), default=None)
        losses = [about.get("loss"), about.get("val_loss"), best]
        shown = ["" if loss is None else f"{loss:.4f}" for loss in losses]
        return [f"{about['step']:,}", *shown, about.get("state") or "stopped"]


@functools.lru_cache(maxsize=1)
def _make_tokenizer(data, text):
    from pygpt.tokenizers import make_tokenizer

    return make_tokenizer(data, text.text)


async def _refuse(checkpoint: bytes | None, lost: Run) -> Run:
    """What a run without a person beside it does when its device is lost: end."""
    raise DeviceLost("the device was not opened again")


async def _no_list() -> None:
    """Nobody looks at a list of the runs."""
