"""`pygpt train`: start or continue a run in its folder. training.py trains it."""

import asyncio
import contextlib
import dataclasses
import math
import os
from pathlib import Path
from typing import Annotated, Literal

from rich.text import Text as Line

from pygpt.cli.flags import DeviceChoice, ExperimentCommand, check_source, optional, read_experiment
from pygpt.cli.output import PlainConsole, printable, unbreakable_output
from pygpt.config.experiment import PRESETS, Experiment
from pygpt.config.sections import DataConfig
from pygpt.errors import CheckpointError, ExperimentError
from pygpt.utils.files import file_name
from pygpt.utils.units import format_bytes

TOKENIZER_FIELDS = ("tokenizer", "vocab_size", "tokenizer_file")  # of DataConfig


@dataclasses.dataclass
class TrainCommand(ExperimentCommand):
    """Train a model and save it in a folder. Ctrl+C or SIGTERM stops, saves, and prints how to continue."""

    device: DeviceChoice = "auto"
    """device to compute on; `pygpt devices` lists them"""
    steps: Annotated[int | None, optional("INT")] = None
    """short for --train.steps; with --resume, a larger total: the next step follows the schedule of such a run"""
    seed: Annotated[int | None, optional("INT")] = None
    """short for --train.seed"""
    out: Annotated[Path | None, optional("DIR")] = None
    """folder for model.safetensors, experiment.toml and metrics.jsonl (default: runs/PRESET)"""
    log_every: Annotated[int | None, optional("INT")] = None
    """short for --train.log-every"""
    resume: Annotated[Path | None, optional("DIR")] = None
    """folder of a run to continue, with the losses of an uninterrupted one; add --steps to train longer"""
    init_from: Annotated[Path | None, optional("DIR")] = None
    """folder of a run that gives a new run its initial weights, tokenizer and model settings; with --checkpoints kept
    along that run, DIR@STEP takes the weights of that step"""
    save_every: float = 10.0
    """seconds between checkpoints, which take at most a twentieth of the time; 0 saves as often as that allows"""
    checkpoints: bool = False
    """keep the weights of up to 12 steps along the run, and what the model wrote there, in its folder; --init-from
    DIR@STEP and `pygpt sample DIR@STEP` read them"""
    profile: bool = False
    """early in the run, print the time of a step by kernel, and write profile.json for ui.perfetto.dev"""

    track: Annotated[Literal["tensorboard", "trackio", "wandb"] | None, optional("NAME")] = None
    """send the metrics to a tracker too: tensorboard (an event file in the folder), trackio or wandb (if installed)"""

    def base(self) -> Experiment:
        """See ExperimentCommand. The run in `init_from` sets the data, and the model if no preset or file is given."""
        if self.init_from is None:
            return super().base()
        from pygpt.runs.run_folder import open_run

        parent, experiment = open_run(self.init_from).experiment, super().base()
        model = experiment.model if self.preset else parent.model
        return dataclasses.replace(experiment, name=parent.name, data=parent.data, model=model)

    def run(self) -> int:
        """Train. Return 0 when done, 128 and the signal's number when stopped: 130 after Ctrl+C."""
        from pygpt.analysis.autotune import tune
        from pygpt.cli.tracking import Tracking, check_installed
        from pygpt.cli.training import Training
        from pygpt.utils.cache import Cache

        if not 0 <= self.save_every < math.inf:
            raise ExperimentError("save-every", f"{self.save_every} is not a number of seconds, 0 or more")
        if self.track:
            check_installed(self.track)
        with unbreakable_output(), contextlib.ExitStack() as claims:
            console = PlainConsole(soft_wrap=True)
            run, folder = (_resumed if self.resume else _started)(self, console, claims)
            print_header(run, folder, console)

            training = Training(run, folder, console, self.save_every, self.profile, self.resume, self.checkpoints)
            if self.track:
                training.tracking = Tracking(self.track, folder.folder, run)
                claims.callback(training.tracking.close)

            async def tune_and_train():
                await tune(run.device, run.experiment, run.tokenizer.vocab_size, Cache())
                return await training.train()

            try:
                return asyncio.run(tune_and_train())
            except KeyboardInterrupt:
                training.print_last_checkpoint()
                raise


def _started(command, console, claims):
    from pygpt.analysis.device_choice import open_device_for
    from pygpt.data import load_text
    from pygpt.runs.run_folder import RunFolder, open_run
    from pygpt.training.run import Run

    experiment = command.experiment()
    parent = open_run(command.init_from) if command.init_from else None
    named = command.source is not None or parent and _file_names_the_text(command, experiment, parent)
    # As when a run is resumed, its text can be in its file alone. A text that is named is read, also by the same name.
    text = parent.training_text() if parent and not named else load_text(experiment.data.source)
    check_tokenizer(experiment, text, parent)
    _check_delimiter(experiment, parent, command.init_from)
    run = Run(experiment, text, open_device_for(command.device, experiment), init_from=parent)
    folder = RunFolder(command.out or free_folder(experiment.name))
    claims.enter_context(folder.claim())
    set_aside(folder, console)
    if parent:
        console.print(f"The initial weights are those of {command.init_from}, after step {parent.step:,}.")
    folder.begin(run.experiment, run.tokenizer, 0)
    return run, folder


def set_aside(folder, console):
    """Rename what an earlier run left in the folder of a new one, and say so."""
    if earlier := folder.set_aside_earlier_run():
        console.print(f"What was in {folder.folder} before is now in {' and '.join(earlier)}.")


def _file_names_the_text(command, experiment, parent):
    """Whether there is an experiment file beside --init-from, and it names a text.

    Raises: ExperimentError naming the field if the file sets other data than the parent's, which a run would not use.
    """
    if command.preset is None or command.preset in PRESETS:
        return False
    given = read_experiment(command.preset).data
    for name, value in vars(given).items():
        inherited, chosen = getattr(parent.experiment.data, name), getattr(experiment.data, name)
        chosen_by_flag = command.source is not None if name == "source" else chosen != inherited
        if value not in (inherited, getattr(DataConfig(), name)) and not chosen_by_flag:
            flag = "--data" if name == "source" else f"--data.{name.replace('_', '-')}"
            instead = "" if name in TOKENIZER_FIELDS else f", and choose another with {flag}"
            raise ExperimentError(
                f"data.{name}",
                f"{command.preset} sets {value!r}, but with --init-from it is {inherited!r}, as in "
                f"{command.init_from}: leave it out of the file{instead}",
            )
    return given.source != DataConfig().source


def check_tokenizer(experiment, text, parent):
    """Check that the flags name the tokenizer of the shards or of the parent, if one of them determines it.

    Raises: ExperimentError naming the field.
    """
    data = experiment.data
    kept = (parent.experiment.data if parent else DataConfig()).tokenizer
    if text.text is None and data.tokenizer not in (kept, text.encoding):
        raise ExperimentError(
            "data.tokenizer", f"the shards in {text.folder} were prepared with {text.encoding}, not {data.tokenizer}"
        )
    for name in TOKENIZER_FIELDS if parent and text.text is not None else ():
        was, new = getattr(parent.experiment.data, name), getattr(data, name)
        if new != was:
            raise ExperimentError(
                f"data.{name}",
                f"{new!r}, but the weights to begin with come with a tokenizer made with {was!r}; leave it out",
            )


def _check_delimiter(experiment, parent, folder):
    """Check that the parent's tokenizer can delimit documents. Raises: ExperimentError."""
    if parent is None or experiment.data.layout != "documents" or parent.tokenizer.delimiter is not None:
        return
    if "imported" in parent.provenance:
        reason, instead = "was imported, and names no token that begins or ends a text", ""
    else:
        reason, instead = "was trained on a stream", ", or train the first run with --data.layout documents"
    raise ExperimentError(
        "data.layout",
        f"the run in {folder} {reason}, so its tokenizer has no delimiter for documents; use --data.layout "
        f"stream{instead}",
    )


def _resumed(command, console, claims):
    from pygpt.analysis.device_choice import open_device_for
    from pygpt.runs.metrics_log import logged_steps
    from pygpt.runs.run_folder import RunFolder, folder_of, open_run, read_run
    from pygpt.training.run import Run

    check_source(command.source)
    fresh = TrainCommand(source=command.source).with_defaults().with_layout([])
    changed = [
        name
        for name in ("preset", "data", "model", "optim", "train", "init_from", "seed", "log_every")
        if getattr(command, name) != getattr(fresh, name)
    ]
    if changed:
        raise ExperimentError(
            "resume",
            "a resumed run keeps its own settings; with --resume, use only --data, for the same text at another place, "
            "--steps, --device, --out, --save-every, --checkpoints and --profile",
        )
    checkpoint = open_run(command.resume)
    if checkpoint.weights_alone:
        raise ExperimentError(
            "resume",
            f"{command.resume} has the weights of step {checkpoint.step:,} alone, so the run cannot continue from it; "
            "begin a new one with them: --init-from",
        )
    done, steps = checkpoint.step, command.steps or checkpoint.experiment.train.steps
    if command.steps is not None:
        checkpoint.experiment.with_fields(**{"train.steps": command.steps})  # checks its limits
    if not checkpoint.leaves_work(steps):
        raise ExperimentError(
            "steps", f"the run in {command.resume} has done {done:,} steps already; continue it with --steps above that"
        )
    device = open_device_for(command.device, checkpoint.experiment)
    run = Run.restore(read_run(command.resume), device, steps=command.steps, source=command.source)
    source = folder_of(command.resume)
    folder = RunFolder(command.out or source or command.resume.with_suffix(""))
    claims.enter_context(folder.claim())
    if not (source and os.path.samefile(source, folder.folder)):
        set_aside(folder, console)
    logged = logged_steps(run)
    try:
        aside = folder.begin(run.experiment, run.tokenizer, logged, RunFolder(source) if source else None)
    except CheckpointError as error:
        raise CheckpointError(
            f"{error}; the checkpoint in {command.resume} is intact, at step {done:,}, and can be resumed again"
        ) from None
    if source and (missing := folder.missing_lines(checkpoint.experiment.train, logged)):
        kept = f"; what could not be read is in {aside}" if aside else ""
        console.print(f"The log lacks {missing:,} of the rows up to step {logged:,}{kept}.")
    elif aside:
        console.print(f"The log had lines that could not be read; it is kept as {aside}.")
    console.print(f"Continuing from step {run.step:,}.")
    return run, folder


def free_folder(name):
    """Return runs/NAME, or the first of runs/NAME-2, runs/NAME-3 ... that holds no run.

    A name comes from a file, which can be a stranger's: it does not lead out of runs/.
    """
    from pygpt.runs.run_folder import RunFolder

    name, number = file_name(name) or "run", 1
    folder = Path("runs") / name
    while RunFolder(folder).earlier_run():
        number += 1
        folder = Path("runs") / f"{name}-{number}"
    return folder


def print_header(run, folder, console):
    """Print what is trained, on what, where."""
    from pygpt.analysis.memory import memory_estimate

    experiment, vocab_size = run.experiment, run.tokenizer.vocab_size
    text, in_memory = run.text, run.text.text is not None
    memory = memory_estimate(experiment, vocab_size, len(text.text) if in_memory else 0)
    console.print(
        Line.assemble(
            (printable(experiment.name or "run"), "bold"),
            f"  {experiment.model.kind}, {run.model.describe(experiment.model, vocab_size)}: "
            f"{run.model.parameter_count:,} parameters, about {format_bytes(memory)}",
        )
    )
    length = f"{len(text.text):,} characters" if in_memory else f"{len(text.train) + len(text.val):,} tokens in shards"
    built_in = ""
    if in_memory and text.built_in:
        # A file can have the name of a text, which then goes first.
        file = f"; --data ./{text.name} is the file" if os.path.exists(text.name) else ""
        built_in = f" (built in{file})"
    console.print(f"text    {printable(text.name)}{built_in}, {length}, vocabulary of {vocab_size}")
    if run.cut:
        console.print(f"        {run.cut}")
    console.print(f"device  {run.device.name} ({run.device.why})")
    console.print(f"folder  {folder.folder}")
