"""`pygpt sweep`: train every combination of some settings' values, one after the other. sweep_runner.py trains them."""

import dataclasses
import math
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.table import Table

from pygpt.cli.flags import DEFAULT_PRESET, DeviceChoice, ExperimentCommand, check_source, help_of, optional
from pygpt.cli.output import PlainConsole, printable, unbreakable_output
from pygpt.config.experiment import Experiment
from pygpt.config.fields import value_text
from pygpt.config.sections import DataConfig, ModelConfig, OptimConfig, TrainConfig
from pygpt.config.sweep import NOT_SWEPT, Sweep, expand
from pygpt.utils.units import format_seconds

SECTIONS = ("data", "model", "optim", "train")


def _text(experiment: Experiment, field: str) -> str:
    section, _, name = field.partition(".")
    return value_text(getattr(getattr(experiment, section), name))


def _sweep_flags(config: Any) -> Any:
    """A dataclass like `config` whose fields are texts: lists and ranges of values."""
    section = config.__name__.removesuffix("Config").lower()
    fields = []
    for field in dataclasses.fields(config):
        values = "" if f"{section}.{field.name}" in NOT_SWEPT else ",.."
        kind = getattr(field.type, "__name__", "")
        described = tyro.conf.arg(help=help_of(field), metavar=f"{kind.upper()}{values}")
        fields.append((field.name, Annotated[str, described], value_text(getattr(config(), field.name))))
    return dataclasses.make_dataclass(f"{config.__name__}SweepFlags", fields)


DataFlags, ModelFlags, OptimFlags, TrainFlags = map(_sweep_flags, (DataConfig, ModelConfig, OptimConfig, TrainConfig))


@dataclasses.dataclass
class SweepCommand(ExperimentCommand):
    """Train every combination of some settings' values, one run after the other, each in a folder of its own.

    Any setting takes a list (1e-3,3e-3), a range of whole numbers (1..5), or a number of values at equal ratios
    (1e-4..1e-1 x4). Ctrl+C stops and saves; the same command goes on where it stopped.
    """

    data: DataFlags = dataclasses.field(default_factory=DataFlags)  # type: ignore[valid-type]
    model: ModelFlags = dataclasses.field(default_factory=ModelFlags)  # type: ignore[valid-type]
    optim: OptimFlags = dataclasses.field(default_factory=OptimFlags)  # type: ignore[valid-type]
    train: TrainFlags = dataclasses.field(default_factory=TrainFlags)  # type: ignore[valid-type]
    device: DeviceChoice = "auto"
    """device to compute on; `pygpt devices` lists them"""
    steps: Annotated[str | None, optional("INT,..")] = None
    """short for --train.steps"""
    seed: Annotated[str | None, optional("INT,..")] = None
    """short for --train.seed"""
    out: Annotated[Path | None, optional("DIR")] = None
    """folder for the folders of the runs (default: runs/PRESET-sweep)"""
    checkpoints: bool = False
    """keep the weights along each run too, as the lab does"""
    dry_run: bool = False
    """list the runs and the estimated time, and train nothing"""

    def with_defaults(self):
        """See ExperimentCommand."""
        experiment, flags = self.base(), (DataFlags, ModelFlags, OptimFlags, TrainFlags)
        texts = {
            name: kind(**{field: value_text(value) for field, value in vars(getattr(experiment, name)).items()})
            for name, kind in zip(SECTIONS, flags, strict=True)
        }
        return dataclasses.replace(self, **texts)

    def sweep(self) -> tuple[Experiment, Sweep]:
        """The settings that all runs share, and the runs. Raises: ExperimentError."""
        check_source(self.source)
        shown = {
            f"{section}.{name}": text for section in SECTIONS for name, text in vars(getattr(self, section)).items()
        }
        shown |= {f"train.{name}": text for name in ("steps", "seed") if (text := getattr(self, name)) is not None}
        preset = self.base()
        source = self.source if self.source is not None else shown["data.source"]
        data = dataclasses.replace(preset.data, source=source, tokenizer_file=shown["data.tokenizer_file"])
        name = preset.name or Path(self.preset or DEFAULT_PRESET).stem
        # Also a single value goes to `expand`: it may fit only together with those of a list.
        values = {
            field: text for field, text in shown.items() if field not in NOT_SWEPT and text != _text(preset, field)
        }
        values = dict(sorted(values.items(), key=lambda item: item[0] == "train.seed"))  # the seeds of a group together
        base = dataclasses.replace(preset, name=name, data=data)
        return base, expand(base, values)

    def run(self) -> int:
        """Train the runs. Return 0 when all are done, 128 and the signal's number when stopped."""
        from pygpt.cli.sweep_runner import SweepRunner
        from pygpt.cli.train import check_tokenizer
        from pygpt.data import load_text

        base, sweep = self.sweep()
        experiment = sweep.runs[0].experiment
        text = load_text(experiment.data.source)
        check_tokenizer(experiment, text, None)
        out = self.out or Path("runs") / f"{base.name}-sweep"
        with unbreakable_output():
            console = PlainConsole(soft_wrap=True)
            runner = SweepRunner(sweep, text, self.device, out, console, self.checkpoints)
            if not self.dry_run:
                return runner.run()
            seconds = runner.estimate()
            table = Table(box=None, pad_edge=False)
            for heading in ("run", "steps", "about"):
                table.add_column(heading, justify="left" if heading == "run" else "right")
            for run, each in zip(sweep.runs, seconds, strict=True):
                table.add_row(printable(run.name), f"{run.experiment.train.steps:,}", format_seconds(each))
            console.print(table)
            console.print(f"\n{len(sweep.runs)} runs in {out}, about {format_seconds(math.fsum(seconds))} in all.")
        return 0
