"""`pygpt lr-range`: a learning-rate range test, and the rate that it suggests."""

import asyncio
import dataclasses

from rich.table import Table

from pygpt.cli.flags import DeviceChoice, ExperimentCommand
from pygpt.cli.output import PlainConsole
from pygpt.config.fields import value_text
from pygpt.utils.json_text import json_text

ROWS = 25  # at most, of the table
BAR = 40  # characters of the longest bar


@dataclasses.dataclass
class LrRangeCommand(ExperimentCommand):
    """Find a learning rate: train 100 steps while the rate rises from 1e-6 to 1, and print the loss at each.

    The suggested rate is the one at which the smoothed loss falls fastest, or a tenth of the one at which it is lowest,
    whichever is smaller. Nothing is saved.
    """

    device: DeviceChoice = "auto"
    """device to compute on; `pygpt devices` lists them"""
    json: bool = False
    """print one JSON object"""

    def run(self) -> int:
        """Print the losses and the suggested rate."""
        from pygpt.analysis.device_choice import open_device_for
        from pygpt.data import load_text
        from pygpt.training.lr_range import find_range, range_experiment
        from pygpt.training.run import Run

        experiment = range_experiment(self.experiment())
        run = Run(experiment, load_text(experiment.data.source), open_device_for(self.device, experiment))

        async def last():
            return [result async for result in find_range(run)][-1]

        result = asyncio.run(last())
        if self.json:
            print(json_text(dataclasses.asdict(result)))
            return 0
        console = PlainConsole(soft_wrap=True)
        table = Table(box=None, pad_edge=False)
        table.add_column("learning rate", justify="right")
        table.add_column("smoothed loss", justify="right")
        table.add_column("")
        high = max(result.smoothed, default=1.0)
        every = -(-len(result.rates) // ROWS)
        for rate, loss in [*zip(result.rates, result.smoothed, strict=True)][:: every or 1]:
            table.add_row(f"{rate:.2g}", f"{loss:.4f}", "#" * round(BAR * loss / high))
        console.print(table)
        ending = "The loss diverged there." if result.diverged else "The loss did not diverge."
        console.print(f"\n{ending}")
        if result.suggested is None:
            console.print("It fell nowhere, so no learning rate is suggested: check the text and the model.")
            return 0
        console.print(
            f"It falls fastest at {value_text(result.steepest)} and is lowest at {value_text(result.lowest)}.\n"
            f"Suggested: --optim.learning-rate {value_text(result.suggested)}"
        )
        return 0
