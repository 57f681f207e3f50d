"""`pygpt compare`: what differs between runs, and what they reached."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Table

from pygpt.cli.output import PlainConsole, printable
from pygpt.errors import PygptError
from pygpt.runs.differences import settings
from pygpt.runs.groups import group_by_seed, spread
from pygpt.runs.run_folder import read_beginning
from pygpt.utils.json_text import json_text


@dataclasses.dataclass
class CompareCommand:
    """Compare runs: the settings that differ, and the losses."""

    folders: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(name="runs", metavar="DIR DIR ...")]
    """folders that `pygpt train` wrote, or files saved by the lab"""
    all: bool = False
    """list the settings that have the same value too"""
    group: bool = False
    """make one column of runs that differ in their seed alone: mean and standard deviation of their losses"""
    json: bool = False
    """print one JSON object"""

    def run(self) -> int:
        """Print the comparison."""
        if len(self.folders) < 2:
            raise PygptError(f"a comparison needs two runs, got {len(self.folders)}; `pygpt show` describes one")
        runs = [read_beginning(folder) for folder in self.folders]
        values = [settings(header.experiment) for header, _ in runs]
        results: dict[str, list] = {
            "step": [header.step for header, _ in runs],
            "training loss": [curve.smoothed for _, curve in runs],
            "validation loss": [curve.validation[-1][1] if curve.validation else None for _, curve in runs],
            "best validation loss": [min((loss for _, loss, _ in curve.validation), default=None) for _, curve in runs],
            "parameters": [header.parameters for header, _ in runs],
        }
        columns = [[index] for index in range(len(runs))]
        if self.group:
            columns = group_by_seed((header.experiment, header.text_sha256 + header.began_from) for header, _ in runs)
            results = {
                name: [_grouped([row[index] for index in each]) for each in columns] for name, row in results.items()
            }
        rows: dict[str, list] = {}
        for field in values[0]:
            row = [_together([values[index][field] for index in each]) for each in columns]
            if self.all or len(set(map(repr, row))) > 1:
                rows[field] = row
        names = [[str(self.folders[index]) for index in each] for each in columns]
        if self.json:
            runs_or_groups = {"groups": names} if self.group else {"runs": [name for (name,) in names]}
            print(json_text(runs_or_groups | {"settings": rows, "results": results}))
            return 0
        console = PlainConsole(soft_wrap=True)
        table = Table(box=None, pad_edge=False)
        table.add_column("")
        for first, *others in names:
            seeds = f" and {len(others)} more seed{'s' if others[1:] else ''}" if others else ""
            table.add_column(printable(first + seeds), justify="right", overflow="fold")
        for name, row in (rows | results).items():
            if name == "step" and rows:
                table.add_section()
            table.add_row(name, *map(_shown, row))
        console.print(table)
        if not rows:
            console.print("\nThese runs have the same settings.")
        elif self.group:
            console.print("\nLosses of several seeds: mean ± standard deviation (lowest to highest).")
        return 0


def _together(values: list):
    """A setting of the runs of a group: it is the same for all, except for their seeds."""
    return values[0] if len(set(map(repr, values))) == 1 else ", ".join(map(str, values))


def _grouped(values: list):
    """A result of the runs of a group: a dictionary with its spread, if it differs."""
    known = [value for value in values if value is not None]
    if len(known) < 2 or not isinstance(known[0], float):
        return _together(values)
    return dataclasses.asdict(spread(known))


def _shown(value) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        mean, deviation, low, high = (f"{value[name]:.6g}" for name in ("mean", "deviation", "low", "high"))
        return f"{mean} ± {float(deviation):.2g} ({low} to {high})"
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if type(value) is int else printable(str(value))
