"""`pygpt compare`: what differs between runs, and what they reached."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Table

from pygpt.cli.output import PlainConsole, printable
from pygpt.errors import PygptError
from pygpt.runs.differences import settings
from pygpt.runs.run_folder import read_beginning
from pygpt.utils.json_text import json_text


@dataclasses.dataclass
class CompareCommand:
    """Compare runs: the settings that differ, and the losses."""

    folders: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(name="runs", metavar="DIR DIR ...")]
    """folders that `pygpt train` wrote, or files saved by the lab"""
    all: bool = False
    """list the settings that have the same value too"""
    json: bool = False
    """print one JSON object"""

    def run(self) -> int:
        """Print the comparison."""
        if len(self.folders) < 2:
            raise PygptError(f"a comparison needs two runs, got {len(self.folders)}; `pygpt show` describes one")
        runs = [read_beginning(folder) for folder in self.folders]
        values = [settings(header.experiment) for header, _ in runs]
        rows: dict[str, list] = {
            field: [each[field] for each in values]
            for field in values[0]
            if self.all or len({repr(each[field]) for each in values}) > 1
        }
        results: dict[str, list] = {
            "step": [header.step for header, _ in runs],
            "training loss": [curve.smoothed for _, curve in runs],
            "validation loss": [curve.validation[-1][1] if curve.validation else None for _, curve in runs],
            "best validation loss": [min((loss for _, loss, _ in curve.validation), default=None) for _, curve in runs],
            "parameters": [header.parameters for header, _ in runs],
        }
        if self.json:
            print(json_text({"runs": [str(folder) for folder in self.folders], "settings": rows, "results": results}))
            return 0
        console = PlainConsole(soft_wrap=True)
        table = Table(box=None, pad_edge=False)
        table.add_column("")
        for folder in self.folders:
            table.add_column(printable(str(folder)), justify="right", overflow="fold")
        for name, row in (rows | results).items():
            if name == "step" and rows:
                table.add_section()
            table.add_row(name, *map(_shown, row))
        console.print(table)
        if not rows:
            console.print("\nThese runs have the same settings.")
        return 0


def _shown(value) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if type(value) is int else printable(str(value))
