"""`pygpt train`: train a model, log and save it, and show progress."""

import asyncio
import dataclasses
import signal
from pathlib import Path
from shlex import quote
from typing import Annotated

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pygpt.cli.flags import DEFAULT_PRESET, DeviceChoice, ExperimentCommand, optional, read_experiment
from pygpt.config.experiment import Experiment
from pygpt.config.sections import DataConfig
from pygpt.errors import DivergedError, ExperimentError
from pygpt.utils.units import format_bytes

STEPS_BEFORE_PROFILE = 5  # the first steps compile, and run on a cold device


@dataclasses.dataclass
class TrainCommand(ExperimentCommand):
    """Train a model and save it in a folder. Ctrl+C stops, saves, and prints how to continue."""

    device: DeviceChoice = "auto"
    """device to compute on; `pygpt devices` lists them"""
    steps: Annotated[int | None, optional("INT")] = None
    """short for --train.steps"""
    seed: Annotated[int | None, optional("INT")] = None
    """short for --train.seed"""
    out: Annotated[Path | None, optional("DIR")] = None
    """folder for model.safetensors, experiment.toml and metrics.jsonl (default: runs/PRESET)"""
    log_every: Annotated[int | None, optional("INT")] = None
    """short for --train.log-every"""
    resume: Annotated[Path | None, optional("DIR")] = None
    """folder of a run to continue"""
    init_from: Annotated[Path | None, optional("DIR")] = None
    """folder of a run that gives a new run its initial weights, tokenizer and model settings"""
    profile: bool = False
    """early in the run, print the time of a step by kernel, and write profile.json for ui.perfetto.dev"""

    def base(self) -> Experiment:
        """See ExperimentCommand. The run in `init_from` sets the data, and the model if no preset or file is given."""
        if self.init_from is None:
            return super().base()
        from pygpt.runs.run_folder import open_run

        parent = open_run(self.init_from).experiment
        experiment = read_experiment(self.preset)
        model = parent.model if self.preset == DEFAULT_PRESET else experiment.model
        return dataclasses.replace(experiment, name=parent.name, data=parent.data, model=model)

    def run(self) -> int:
        """Train. Return 0 when done, 130 after Ctrl+C."""
        from pygpt.analysis.autotune import tune
        from pygpt.utils.cache import Cache

        console = Console(highlight=False, soft_wrap=True)
        run, folder = _resumed(self, console) if self.resume else _started(self, console)
        _print_header(run, folder, console)

        async def tune_and_train():
            await tune(run.device, run.experiment, run.tokenizer.vocab_size, Cache())
            return await _Training(run, folder, console, self.profile).train()

        return asyncio.run(tune_and_train())


def _started(command, console):
    from pygpt.analysis.device_choice import open_device_for
    from pygpt.data import load_text
    from pygpt.runs.run_folder import RunFolder, open_run
    from pygpt.training.run import Run

    experiment = command.experiment()
    parent = open_run(command.init_from) if command.init_from else None
    text = load_text(experiment.data.source)
    if text.text is None and not parent:
        _check_shards(experiment, text)
    run = Run(experiment, text, open_device_for(command.device, experiment), init_from=parent)
    folder = RunFolder(command.out or _free_folder(experiment.name))
    folder.check_writable()
    if older := folder.set_aside_older_run():
        console.print(f"The weights of the earlier run in {folder.folder} are now in {older.name}.")
    if parent:
        console.print(f"The initial weights are those of {command.init_from}, after step {parent.step:,}.")
    folder.begin(run.experiment, run.tokenizer, 0)
    return run, folder


def _check_shards(experiment, shards):
    """Check that data.tokenizer is the tokenizer of the shards. Raises: ExperimentError if a flag sets another one."""
    requested = experiment.data.tokenizer
    if requested not in (DataConfig().tokenizer, shards.encoding):
        raise ExperimentError(
            "data.tokenizer", f"the shards in {shards.folder} were prepared with {shards.encoding}, not {requested}"
        )


def _resumed(command, console):
    from pygpt.analysis.device_choice import open_device_for
    from pygpt.runs.run_folder import RunFolder, open_run, read_run
    from pygpt.training.run import Run

    fresh = TrainCommand().with_defaults()
    changed = [
        name
        for name in ("preset", "source", "data", "model", "optim", "train", "init_from", "seed", "log_every")
        if getattr(command, name) != getattr(fresh, name)
    ]
    if changed:
        raise ExperimentError(
            "resume",
            "a resumed run keeps its own settings; with --resume, use only --steps, --device, --out and --profile",
        )
    checkpoint = read_run(command.resume)
    device = open_device_for(command.device, open_run(command.resume).experiment)
    run = Run.restore(checkpoint, device, steps=command.steps)
    default = command.resume if command.resume.is_dir() else command.resume.with_suffix("")
    folder = RunFolder(command.out or default)
    folder.check_writable()
    folder.begin(run.experiment, run.tokenizer, run.step)
    console.print(f"Continuing from step {run.step:,}.")
    return run, folder


def _free_folder(name):
    """Return runs/NAME, or the first of runs/NAME-2, runs/NAME-3 ... that holds no run."""
    folder, number = Path("runs") / (name or "run"), 1
    while (folder / "model.safetensors").exists():
        number += 1
        folder = Path("runs") / f"{name or 'run'}-{number}"
    return folder


def _print_header(run, folder, console):
    from pygpt.analysis.memory import memory_estimate

    experiment, vocab_size = run.experiment, run.tokenizer.vocab_size
    text, in_memory = run.text, run.text.text is not None
    memory = memory_estimate(experiment, vocab_size, len(text.text) if in_memory else 0)
    console.print(
        f"[bold]{experiment.name or 'run'}[/]  {experiment.model.kind}, "
        f"{run.model.describe(experiment.model, vocab_size)}: {run.model.parameter_count:,} parameters, "
        f"about {format_bytes(memory)}"
    )
    length = f"{len(text.text):,} characters" if in_memory else f"{len(text.train) + len(text.val):,} tokens in shards"
    console.print(f"text    {text.name}, {length}, vocabulary of {vocab_size}")
    console.print(f"device  {run.device.name} ({run.device.why})")
    console.print(f"folder  {folder.folder}")


class _Training:
    """Handles the events of a run for the command line: logs, saves, and shows progress."""

    def __init__(self, run, folder, console, profiled: bool):
        self.run, self.folder, self.console = run, folder, console
        self.profiled_after = run.step + STEPS_BEFORE_PROFILE if profiled else None
        self.interrupted = False
        self.val_loss: float | None = None
        self.saved_step: int | None = None

    async def train(self) -> int:
        """Train to the end or until Ctrl+C, and return the exit status. Raises: DivergedError."""
        from pygpt.training.driver import Driver

        self.driver = Driver(self.run, finish_evaluations=True)
        # Ctrl+C must not interrupt a step halfway: the handler asks the driver to stop between two steps.
        previous_handler = signal.signal(signal.SIGINT, self._interrupt)
        steps = self.run.experiment.train.steps
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
        try:
            with self.progress:
                self.task = self.progress.add_task("training", total=steps, completed=self.run.step, figures="")
                async for event in self.driver.events():
                    self._handle_metrics(event.metrics)
                    if event.evaluated and self.run.step:
                        self._save()
                    if self._is_profile_due():
                        await self._profile()
        except DivergedError as error:
            hint = f". The last good checkpoint is {self.folder.model}" if self.folder.model.exists() else ""
            raise DivergedError(error.step, f"{error}{hint}") from None
        finally:
            signal.signal(signal.SIGINT, previous_handler)
        self._save()
        quoted_folder = quote(str(self.folder.folder))
        if self.interrupted and self.run.step < steps:
            self.console.print(
                f"Stopped at step {self.run.step:,} and saved to {self.folder.folder}. Continue with:\n"
                f"  pygpt train --resume {quoted_folder}"
            )
            return 130
        self.console.print(f"Done. Sample from it:\n  pygpt sample {quoted_folder}")
        return 0

    def _interrupt(self, number, frame):
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True
        self.driver.halt()

    def _is_profile_due(self):
        if self.profiled_after is None or self.interrupted or self.run.evaluating:
            return False
        return self.run.step >= self.profiled_after

    async def _profile(self):
        from pygpt.analysis.profile import profile
        from pygpt.cli.profile_table import print_profile

        self.profiled_after = None
        if result := await profile(self.run, self.driver.steps):
            print_profile(result, self.folder, self.console)

    def _save(self):
        if self.saved_step != self.run.step:
            self.folder.save(self.run.checkpoint())
            self.saved_step = self.run.step

    def _handle_metrics(self, metrics):
        self.folder.log(metrics, self.run.experiment.train.log_every)
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
