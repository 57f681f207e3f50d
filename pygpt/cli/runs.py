"""`pygpt runs`: list the runs in a folder."""

import dataclasses
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Table

from pygpt.cli.output import PlainConsole, printable
from pygpt.errors import CheckpointError, PygptError
from pygpt.runs.layout import MODEL_FILE
from pygpt.runs.run_folder import read_beginning
from pygpt.utils.json_text import json_text
from pygpt.utils.units import format_bytes


@dataclasses.dataclass
class RunsCommand:
    """List the runs in a folder, the newest first: what `pygpt train` and `pygpt serve` have written."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")] = Path("runs")
    """folder whose folders are runs"""
    json: bool = False
    """print one JSON list"""

    def run(self) -> int:
        """Print the list."""
        if not self.folder.is_dir():
            raise PygptError(f"there is no folder {self.folder}; `pygpt train --out {self.folder}/NAME` creates one")
        runs = sorted(_read(self.folder), key=lambda run: -run["saved"])
        if self.json:
            print(json_text(runs))
            return 0
        console = PlainConsole(soft_wrap=True)
        if not runs:
            console.print(f"There are no runs in {self.folder}.")
            return 0
        table = Table(box=None, pad_edge=False)
        table.add_column("run", overflow="fold", min_width=min(24, max(len(Path(run["run"]).name) for run in runs)))
        table.add_column("text", overflow="fold", min_width=8)
        for heading in ("steps", "val loss", "loss", "parameters", "size"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("saved", no_wrap=True)
        for run in runs:
            table.add_row(printable(Path(run["run"]).name), *_cells(run))
        console.print(table)
        return 0


def _read(folder: Path) -> Iterator[dict]:
    """The runs in a folder. One that is damaged has only its name, time and `error`."""
    for path in sorted(folder.iterdir()):
        file = path / MODEL_FILE
        if not file.is_file():
            continue
        about: dict = {"run": os.fsdecode(path), "saved": file.stat().st_mtime, "bytes": file.stat().st_size}
        try:
            header, curve = read_beginning(path)
        except CheckpointError as error:
            yield about | {"error": str(error)}
            continue
        data = header.provenance.get("data")
        yield about | {
            "text": data.get("name") if isinstance(data, dict) else None,
            "step": header.step,
            "steps": header.experiment.train.steps,
            "val_loss": curve.validation[-1][1] if curve.validation else None,
            "loss": curve.smoothed,
            "parameters": header.parameters,
        }


def _cells(run: dict) -> list[str]:
    saved = time.strftime("%Y-%m-%d %H:%M", time.localtime(run["saved"]))
    if "error" in run:
        return ["damaged", "", "", "", "", format_bytes(run["bytes"]), saved]
    step, steps = run["step"], run["steps"]
    losses = ["" if run[name] is None else f"{run[name]:.4f}" for name in ("val_loss", "loss")]
    reached = f"{step:,}" if step >= steps else f"{step:,} of {steps:,}"
    return [printable(run["text"] or ""), reached, *losses, f"{run['parameters']:,}", format_bytes(run["bytes"]), saved]
