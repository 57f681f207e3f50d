"""`pygpt train`: the driver. It lets steps go, looks at the losses ten times a second, writes, and shows."""

import asyncio
import signal
from pathlib import Path
from shlex import quote

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pygpt.analysis.autotune import tune
from pygpt.analysis.device_choice import open_fitting
from pygpt.analysis.memory import memory_estimate, readable
from pygpt.cli.commands import Train
from pygpt.cli.profile import show_profile
from pygpt.config.experiment import DataConfig
from pygpt.data import load_text
from pygpt.errors import DivergedError, ExperimentError
from pygpt.inference.trained_model import open_run, read_run
from pygpt.runs.run_folder import RunFolder
from pygpt.training.poll_interval import Pace
from pygpt.training.run import Run
from pygpt.utils.cache import Cache

STEPS_BEFORE_PROFILE = 5  # the first ones compile, and find the device cold


def train(command: Train) -> int:
    """Train as the command says; 0 when done, 130 after Ctrl-C."""
    console = Console(highlight=False, soft_wrap=True)
    run, folder = _resumed(command, console) if command.resume else _started(command, console)
    _introduce(run, folder, console)
    asyncio.run(tune(run.device, run.experiment, run.tokenizer.vocab_size, Cache()))
    return Driver(run, folder, console, command.profile).drive()


def _started(command, console):
    experiment = command.experiment()
    begun_with = open_run(command.init_from) if command.init_from else None
    text = load_text(experiment.data.source)
    if text.text is None and not begun_with:
        _check_shards(experiment, text)
    run = Run(experiment, text, open_fitting(command.device, experiment), init_from=begun_with)
    folder = RunFolder(command.out or _free_folder(experiment.name))
    if older := folder.set_aside_older_run():
        console.print(f"There was a run in {folder.folder}; its weights are now {older.name}.")
    if begun_with:
        console.print(f"The weights to begin with are those of {command.init_from}, after step {begun_with.step:,}.")
    folder.begin(run.experiment, run.tokenizer, 0)
    return run, folder


def _check_shards(experiment, shards):
    """Shards say themselves what their tokens are. Raises ExperimentError where a flag says otherwise."""
    chosen = experiment.data.tokenizer
    if chosen not in (DataConfig().tokenizer, shards.encoding):
        raise ExperimentError(
            "data.tokenizer", f"the shards in {shards.folder} were prepared with {shards.encoding}, not {chosen}"
        )


def _resumed(command, console):
    fresh = Train().with_defaults()
    if (
        any(getattr(command, name) != getattr(fresh, name) for name in ("preset", "data", "model", "optim", "train"))
        or command.source
        or command.init_from
        or command.seed is not None
        or command.log_every is not None
    ):
        raise ExperimentError(
            "resume",
            "a run goes on with its own experiment; beside --resume only --steps, --device and --out may be given",
        )
    data = read_run(command.resume)
    run = Run.restore(data, open_fitting(command.device, open_run(command.resume).experiment), steps=command.steps)
    default = command.resume if command.resume.is_dir() else command.resume.with_suffix("")
    folder = RunFolder(command.out or default)
    folder.begin(run.experiment, run.tokenizer, run.step)
    console.print(f"Going on from step {run.step:,}.")
    return run, folder


def _free_folder(name):
    """runs/NAME, or the first of runs/NAME-2, -3 ... without a run."""
    folder, number = Path("runs") / (name or "run"), 1
    while (folder / "model.safetensors").exists():
        number += 1
        folder = Path("runs") / f"{name or 'run'}-{number}"
    return folder


def _introduce(run, folder, console):
    experiment, model = run.experiment, run.experiment.model
    shape = (
        f"{_counted(model.n_layer, 'layer')}, {_counted(model.n_head, 'head')}, {model.n_embd} wide, block {model.block_size}"
        if model.kind == "gpt"
        else f"a table of {run.tokenizer.vocab_size} x {run.tokenizer.vocab_size}"
    )
    text, in_memory = run.text, run.text.text is not None
    memory = memory_estimate(experiment, run.tokenizer.vocab_size, len(text.text) if in_memory else 0)
    console.print(
        f"[bold]{experiment.name or 'run'}[/]  {model.kind}, {shape}: {run.model.parameter_count:,} parameters, "
        f"about {readable(memory)}"
    )
    length = f"{len(text.text):,} characters" if in_memory else f"{len(text.train) + len(text.val):,} tokens in shards"
    console.print(f"text    {text.name}, {length}, {run.tokenizer.vocab_size} different tokens")
    console.print(f"device  {run.device.name} ({run.device.why})")
    console.print(f"folder  {folder.folder}")


class Driver:
    """Lets the steps of a run go, and keeps what comes of them."""

    def __init__(self, run: Run, folder: RunFolder, console: Console, profiled: bool = False):
        self.run, self.folder, self.console = run, folder, console
        self.profiled_after = run.step + STEPS_BEFORE_PROFILE if profiled else None
        self.interrupted = False
        self.val_loss = self.saved_step = None
        self.pace = Pace(run.step)

    def drive(self) -> int:
        """Train to the end, to Ctrl-C, or to a loss that is no number."""
        train = self.run.experiment.train
        # A step must not be cut in half, so Ctrl-C asks, and the loop answers between two steps.
        before = signal.signal(signal.SIGINT, self._interrupt)
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,}/{task.total:,}"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        try:
            with progress:
                self.task = progress.add_task("training", total=train.steps, completed=self.run.step, figures="")
                self.progress = progress
                events = self.run.train()
                for event in events:
                    if (
                        self.profiled_after is not None
                        and event.kind == "step"
                        and self.run.step >= self.profiled_after
                    ):
                        self.profiled_after = None
                        self._look()
                        show_profile(self.run, events, self.folder, self.console)
                        self.pace.start(self.run.step)
                    if event.kind == "evaluation" or self.pace.is_due(self.run.step):
                        self._look()
                    if event.kind == "evaluation" and event.step:
                        self._save()
                    if self.interrupted and event.kind != "evaluating":
                        break
                self._look()
        except DivergedError as error:
            for metric in error.metrics:
                self._keep(metric)
            kept = f". The last good checkpoint is {self.folder.model}" if self.folder.model.exists() else ""
            raise DivergedError(error.step, f"{error}{kept}") from None
        finally:
            signal.signal(signal.SIGINT, before)
        self._save()
        if self.interrupted and self.run.step < train.steps:
            self.console.print(
                f"Stopped at step {self.run.step:,}; everything is in {self.folder.folder}. Go on with:\n"
                f"  pygpt train --resume {quote(str(self.folder.folder))}"
            )
            return 130
        self.console.print(f"Done. Read what it writes:\n  pygpt sample {quote(str(self.folder.folder))}")
        return 0

    def _interrupt(self, number, frame):
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True

    def _save(self):
        if self.saved_step != self.run.step:
            self.folder.save(self.run.checkpoint())
            self.saved_step = self.run.step

    def _look(self):
        """Read the losses that have come; this waits for the device."""
        metrics = self.run.take_metrics(self.run.device.read(self.run.history))
        self.pace.looked(self.run.step, any(metric.val_loss is not None for metric in metrics))
        for metric in metrics:
            self._keep(metric)

    def _keep(self, metric):
        train = self.run.experiment.train
        evaluated = metric.val_loss is not None
        if evaluated:
            self.val_loss = metric.val_loss
        # Every line is a training step: the evaluation before the first one is shown, and not logged.
        if metric.step and (evaluated or metric.step % train.log_every == 0):
            self.folder.log(metric, self.pace.milliseconds)
        if metric.loss is not None:
            rate = train.sequences * self.run.experiment.model.block_size / max(self.pace.milliseconds, 1e-6) * 1000
            figures = f"loss {metric.loss:.4f}" + (f"  val {self.val_loss:.4f}" if self.val_loss is not None else "")
            self.progress.update(self.task, completed=metric.step, figures=f"{figures}  {rate:,.0f} tokens/s")
        if evaluated:
            loss = f"loss {metric.loss:.4f}  " if metric.loss is not None else ""
            self.console.print(
                f"step {metric.step:>6,}  {loss}validation loss {metric.val_loss:.4f}"
                + (f"  right answers {metric.accuracy:.1%}" if metric.accuracy is not None else "")
                + (f"  {self.pace.milliseconds:.1f} ms a step" if self.pace.milliseconds else "")
            )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
