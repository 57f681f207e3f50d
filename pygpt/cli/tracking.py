"""`pygpt train --track`: the metrics of a run go to an experiment tracker too, while it trains."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Protocol

from pygpt.errors import ExperimentError
from pygpt.runs.exports import TAGS, EventFile
from pygpt.training.metrics import Metric

PROJECT = "pygpt"


class Tracker(Protocol):
    """Where metrics go. Any of its methods may raise anything."""

    def log(self, metric: Metric) -> None:
        """Take the metrics of a step."""

    def close(self) -> None:
        """Take what is still under way. The run has ended."""


class TensorBoard:
    """An event file in the run's folder, which TensorBoard follows while it grows."""

    def __init__(self, folder: Path, run):
        self.events = EventFile()
        self.path = folder / self.events.name
        self._write(self.events.header())

    def log(self, metric: Metric) -> None:
        """Append the metrics of a step."""
        self._write(self.events.record(metric))

    def close(self) -> None:
        """Do nothing: every line is in the file already."""

    def _write(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)


class Client:
    """A Python package with the functions of wandb: init, log, finish."""

    def __init__(self, package: str, folder: Path, run):
        self.module = importlib.import_module(package)
        self.module.init(project=PROJECT, name=folder.resolve().name, config=run.experiment.to_dict())

    def log(self, metric: Metric) -> None:
        """Send the metrics of a step."""
        values = {tag: getattr(metric, name) for name, tag in TAGS.items() if getattr(metric, name) is not None}
        if values:
            self.module.log(values, step=metric.step)

    def close(self) -> None:
        """Wait until everything is sent."""
        self.module.finish()


class Tracking:
    """Sends metrics to the tracker `name`. Its first error is said, and ends the tracking, not the run."""

    def __init__(self, name: str, folder: Path, run):
        self.name, self.every = name, run.experiment.train.log_every
        self.tracker: Tracker | None = None
        self._attempt(lambda: self._open(folder, run))

    def _open(self, folder: Path, run) -> None:
        self.tracker = TensorBoard(folder, run) if self.name == "tensorboard" else Client(self.name, folder, run)

    def log(self, metrics: Iterable[Metric]) -> None:
        """Send the metrics of the logged and the evaluated steps."""
        for metric in metrics:
            if metric.step % self.every == 0 or metric.val_loss is not None:
                self._attempt(partial(self._send, metric))

    def _send(self, metric: Metric) -> None:
        if self.tracker:
            self.tracker.log(metric)

    def close(self) -> None:
        """End the tracking."""
        if self.tracker:
            self._attempt(self.tracker.close)

    def _attempt(self, send: Callable[[], object]) -> None:
        try:
            send()
        except Exception as error:  # of another program, on a network or a disk: of any class
            self.tracker = None
            reason = str(error) or type(error).__name__
            print(f"pygpt: {self.name}: {reason}. Training goes on without it.", file=sys.stderr)


def check_installed(name: str) -> None:
    """Check that a tracker can be used. Raises: ExperimentError if its package is not installed."""
    if name != "tensorboard" and importlib.util.find_spec(name) is None:
        raise ExperimentError("track", f"{name} is not installed: `pip install {name}`, or leave --track {name} out")
