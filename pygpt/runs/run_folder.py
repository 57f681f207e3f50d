"""A run as a folder: model.safetensors, experiment.toml, metrics.jsonl, and tokenizer.json where it is BPE."""

import contextlib
import json
import mmap
import os
from collections.abc import Iterable
from pathlib import Path
from shlex import quote

from pygpt.errors import CheckpointError
from pygpt.runs.checkpoint import Checkpoint, read_checkpoint
from pygpt.tokenizers import BPETokenizer, tokenizer_json_bytes
from pygpt.training.metrics import Metric
from pygpt.utils.files import write_atomically

MODEL_FILE = "model.safetensors"
EXPERIMENT_FILE = "experiment.toml"
METRICS_FILE = "metrics.jsonl"


class RunFolder:
    """Where a run is kept. Nothing is created before `begin`, or `save`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.model = folder / MODEL_FILE
        self.metrics = folder / METRICS_FILE
        self.profile = folder / "profile.json"
        self.tokenizer = folder / "tokenizer.json"

    def check_writable(self) -> None:
        """Create the folder and find out whether it can be written. Raises: CheckpointError if it cannot."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / ".writable"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise CheckpointError(
                f"the folder {self.folder} cannot be written ({error.strerror}); choose another with --out"
            ) from None

    def set_aside_older_run(self) -> Path | None:
        """A run that is here already keeps its weights, under another name, which is returned."""
        if not self.model.exists():
            return None
        number = 1
        while (older := self.folder / f"model.{number}.safetensors").exists():
            number += 1
        self.model.rename(older)
        return older

    def begin(self, experiment, tokenizer, step: int) -> None:
        """Write the experiment, and the tokenizer if other programs can read it; drop the metrics of steps to be repeated.

        Raises: CheckpointError if they cannot be written.
        """
        kept = [line for line in self._lines() if line["step"] <= step] if step else []
        with _writing(self.folder):
            write_atomically(self.folder / EXPERIMENT_FILE, experiment.to_toml().encode())
            if isinstance(tokenizer, BPETokenizer):
                write_atomically(self.tokenizer, tokenizer_json_bytes(tokenizer))
            else:
                self.tokenizer.unlink(missing_ok=True)
            write_atomically(self.metrics, "".join(f"{json.dumps(line)}\n" for line in kept).encode())

    def log(self, metrics: Iterable[Metric], every: int) -> None:
        """Add metrics to the log: of every so many steps, and of those with an evaluation. Each line is a training step,
        so the evaluation before the first one is not logged.

        Raises: CheckpointError if they cannot be written.
        """
        lines = [
            json.dumps(metric.line()) + "\n"
            for metric in metrics
            if metric.step and (metric.val_loss is not None or metric.step % every == 0)
        ]
        if lines:
            with _writing(self.metrics), self.metrics.open("a", encoding="utf-8") as file:
                file.writelines(lines)

    def read_metrics(self) -> list[Metric]:
        """The metrics in the log, in order; a line that a crash cut short is left out. [] where there is no log."""
        return [*map(Metric.from_line, self._lines())]

    def save(self, checkpoint: bytes | Iterable[bytes]) -> None:
        """Write the model, bytes or pieces of them; a crash leaves the older one whole. Raises: CheckpointError."""
        write_run(self.model, checkpoint)

    def keep_profile(self, trace: str) -> None:
        """Write the trace of a profiled step. Raises: CheckpointError."""
        with _writing(self.profile):
            write_atomically(self.profile, trace.encode())

    def _lines(self) -> list[dict]:
        try:
            lines = self.metrics.read_text(encoding="utf-8").splitlines()
        except OSError:
            return []
        return [known for known in map(_parsed, lines) if known]


def _parsed(line: str) -> dict | None:
    try:
        known = json.loads(line)
    except ValueError:
        return None
    return known if isinstance(known, dict) and isinstance(known.get("step"), int) else None


@contextlib.contextmanager
def _writing(path: Path):
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written ({error.strerror})") from None


def read_run(folder) -> bytes:
    """The bytes of the run in a folder (its model.safetensors), or of the file itself.

    Raises: CheckpointError if there is none, or it cannot be read.
    """
    return _opened(folder, lambda file: file.read())


def map_run(folder) -> memoryview:
    """As `read_run`, but the bytes come from the file as they are looked at: a large run is never in memory twice."""

    def mapped(file):
        # An empty file cannot be mapped.
        empty = os.fstat(file.fileno()).st_size == 0
        return memoryview(b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    return _opened(folder, mapped)


def open_run(folder) -> Checkpoint:
    """What the run in a folder, or the file itself, holds; its arrays come from the file as they are looked at.

    Raises: CheckpointError, naming the folder or file, if there is none, or it is not what it should be.
    """
    data = map_run(folder)
    try:
        return read_checkpoint(data)
    except CheckpointError as error:
        raise CheckpointError(f"{folder}: {error}") from None


def write_run(folder, checkpoint: bytes | Iterable[bytes]) -> None:
    """Write a run into a folder, as its model.safetensors, or into the file of that name if it ends so.

    `checkpoint` is bytes, or pieces of them. A crash leaves an older one whole.
    Raises: CheckpointError if it cannot be written.
    """
    path = Path(folder)
    path = path if path.suffix == ".safetensors" else path / MODEL_FILE
    try:
        write_atomically(path, checkpoint)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written ({error.strerror}); the last checkpoint before it is whole"
        ) from None


def _opened(folder, read):
    path = Path(folder)
    if path.is_dir():
        path = path / MODEL_FILE
    try:
        with path.open("rb") as file:
            return read(file)
    except FileNotFoundError:
        raise CheckpointError(
            f"there is no run at {folder}: {path} does not exist. `pygpt train --out {quote(str(folder))}` makes one"
        ) from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
