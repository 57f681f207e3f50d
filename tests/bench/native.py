"""Training and sampling natively, on every device there is."""

import asyncio
import statistics

from pygpt.data import load_text
from pygpt.devices import open_device
from pygpt.errors import AdapterError
from pygpt.experiment import Experiment
from pygpt.train import Run
from tests.bench.timing import time_steps, time_tokens

PRESETS = ("bigram", "baby", "small")
SECONDS = 5


def experiment(preset, **changes):
    """A preset that never evaluates while it is timed."""
    return Experiment.preset(preset).with_fields(**{"train.steps": 100_000, "train.eval_every": 100_000,
                                                    "train.eval_batches": 1, **changes})


def measure():
    """Print a table."""
    text = load_text("tales")
    print(f"{'device':<44}{'preset':<8}{'ms a step':>18}{'tokens/s training':>20}{'tokens/s sampling':>20}")
    for choice in ("numpy", "webgpu"):
        try:
            device = open_device(choice)
        except AdapterError as error:
            print(f"{choice:<44}{error}")
            continue
        for preset in PRESETS:
            run = Run(experiment(preset), text, device)
            report(device.name, preset, run.experiment, asyncio.run(time_steps(run, SECONDS)), asyncio.run(time_tokens(run)))


def report(name, preset, described, steps, tokens):
    """Print one line."""
    size = described.train.batch_size * described.model.block_size
    middle = statistics.median(steps)
    print(f"{name:<44}{preset:<8}{min(steps):>8.2f} /{middle:>8.2f}{1000 * size / middle:>20,.0f}"
          f"{statistics.median(tokens):>20,.0f}", flush=True)
