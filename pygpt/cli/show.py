"""`pygpt show`: describe a run."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Table
from rich.text import Text

from pygpt.cli.output import PlainConsole, printable
from pygpt.config.experiment import Experiment
from pygpt.runs.checkpoint import Checkpoint, parameter_shapes
from pygpt.runs.run_folder import map_run, metrics_of, open_run
from pygpt.tensor.tensor import ITEM_SIZE
from pygpt.training.loss_curve import LossCurve
from pygpt.training.verdict import verdict_on
from pygpt.utils.json_text import json_text
from pygpt.utils.units import format_bytes

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 32  # maximum number of bars in a curve


@dataclasses.dataclass
class ShowCommand:
    """Describe a trained model: its provenance, losses, settings and parameters."""

    model_folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(name="run", metavar="DIR")]
    """folder that `pygpt train` wrote, or a file saved by the lab"""
    json: bool = False
    """print one JSON object"""

    def run(self) -> int:
        """Print the description."""
        size, checkpoint = len(map_run(self.model_folder)), open_run(self.model_folder)
        shapes = parameter_shapes(checkpoint.experiment, checkpoint.tokenizer)
        losses = _losses(self.model_folder, checkpoint.curve)
        if self.json:
            description = {
                "step": checkpoint.step,
                "parameters": sum(map(math.prod, shapes.values())),
                "bytes": size,
                "experiment": checkpoint.experiment.to_dict(),
                "provenance": checkpoint.provenance,
                "tokenizer": {"kind": checkpoint.tokenizer.kind, "vocab_size": checkpoint.tokenizer.vocab_size},
                "text_inside": checkpoint.text is not None,
                "losses": losses,
                "verdict": _verdict(checkpoint),
                "parameter_tensors": {name: list(shape) for name, shape in shapes.items()},
            }
            print(json_text(description))
        else:
            _print(self.model_folder, checkpoint, shapes, losses, size, PlainConsole(soft_wrap=True))
        return 0


def _losses(folder: Path, curve: LossCurve) -> dict:
    """The last training loss and the last and best validation loss, with their steps. They are those of the file, which
    the log can be ahead of; a file of an early version has none, but its log has."""
    if curve.empty:
        curve = LossCurve()
        curve.take(metrics_of(folder, curve))
    losses = {}
    trained = [{"step": step, "loss": loss} for step, loss, _ in curve.training]
    evaluated = [{"step": step, "loss": loss} for step, loss, _ in curve.validation]
    if trained:
        losses["training"] = trained[-1]
    if evaluated:
        losses["validation"] = evaluated[-1]
        losses["best validation"] = min(evaluated, key=lambda row: row["loss"])
    return losses


def _print(folder, checkpoint: Checkpoint, shapes, losses, nbytes, console) -> None:
    experiment, made = checkpoint.experiment, checkpoint.provenance
    count = sum(map(math.prod, shapes.values()))
    state = "as imported" if "imported" in made else f"after {checkpoint.step:,} of {experiment.train.steps:,} steps"
    console.print(
        Text.assemble(
            (printable(experiment.name or str(folder)), "bold"),
            f"  {experiment.model.kind} with {count:,} parameters, {state} ({format_bytes(nbytes)})\n",
        )
    )
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    has_curve = len(checkpoint.curve.training) > 1 and not console.options.ascii_only
    curve = [("training curve", _sparkline(checkpoint.curve))] if has_curve else []
    for name, fact in [
        *_facts(checkpoint),
        *curve,
        *((f"{kind} loss", f"{at['loss']:.4f} at step {at['step']:,}") for kind, at in losses.items()),
        *([("verdict", verdict)] if (verdict := _verdict(checkpoint)) else []),
    ]:
        facts.add_row(name, str(fact))
    console.print(facts, "")
    table = Table(
        title="Settings that differ from the defaults",
        title_justify="left",
        box=None,
        show_header=False,
        pad_edge=False,
    )
    table.add_column()
    table.add_column()
    for name, value in _differences(experiment):
        table.add_row(name, json.dumps(value))
    if table.row_count:
        console.print(table, "")
    table = Table(title="Parameters", title_justify="left", box=None, pad_edge=False)
    for heading in ("name", "shape", "elements", "bytes"):
        table.add_column(heading, justify="left" if heading in ("name", "shape") else "right")
    for name, shape in shapes.items():
        size = math.prod(shape)
        table.add_row(
            name,
            " x ".join(f"{length:,}" for length in shape),
            f"{size:,}",
            format_bytes(size * ITEM_SIZE[experiment.model.dtype]),
        )
    console.print(table)


def _verdict(checkpoint: Checkpoint) -> str:
    """What the curve says, or "" for a model without one."""
    return "" if checkpoint.curve.empty else verdict_on(checkpoint.curve, checkpoint.experiment.train.steps).sentence


def _sparkline(curve: LossCurve) -> str:
    """The training losses as a row of bars, followed by the first and the last of them."""
    rows = curve.training
    groups = [rows[index * len(rows) // WIDTH : (index + 1) * len(rows) // WIDTH] for index in range(WIDTH)]
    means = [
        sum(loss * count for _, loss, count in group) / sum(count for _, _, count in group) for group in groups if group
    ]
    low, high = min(means), max(means)
    bars = "".join(BARS[round((mean - low) / ((high - low) or 1) * (len(BARS) - 1))] for mean in means)
    return f"{bars}  {means[0]:.2f} to {means[-1]:.2f}"


def _facts(checkpoint):
    """Yield (name, text) for each fact about how the run was made. Files of older versions hold fewer of them."""
    made, tokenizer = checkpoint.provenance, checkpoint.tokenizer
    data = made.get("data")
    if isinstance(data, dict):
        kept = ", kept in this file" if checkpoint.text is not None else ""
        yield "text", f"{data.get('origin')}{kept} (SHA-256 {str(data.get('sha256'))[:16]}...)"
    yield "tokenizer", f"{tokenizer.kind}, {tokenizer.vocab_size:,} tokens"
    for name in ("init_from", "imported"):
        if isinstance(made.get(name), dict):
            yield (
                {"init_from": "initial weights from", "imported": "imported"}[name],
                ", ".join(f"{key} {value}" for key, value in made[name].items() if not isinstance(value, dict)),
            )
    if "device" in made:
        yield "device", made["device"]
    yield "seed", checkpoint.experiment.train.seed
    yield (
        "made with",
        ", ".join(f"{name} {made[name]}" for name in ("pygpt", "python", "numpy", "wgpu", "platform") if name in made),
    )
    if isinstance(made.get("git"), dict):
        changed = ", with uncommitted changes" if made["git"].get("dirty") else ""
        yield "git", f"commit {made['git'].get('commit')}{changed}"
    if "when" in made:
        yield "saved", made["when"]


def _differences(experiment: Experiment):
    for section in dataclasses.fields(Experiment):
        value, default = getattr(experiment, section.name), getattr(Experiment(), section.name)
        if dataclasses.is_dataclass(value):
            yield from (
                (f"{section.name}.{name}", field)
                for name, field in vars(value).items()
                if field != getattr(default, name)
            )
