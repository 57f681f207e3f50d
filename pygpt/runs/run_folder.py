"""A run as a folder: model.safetensors, experiment.toml, metrics.jsonl, and tokenizer.json for a BPE tokenizer."""

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
    """The folder of a run. Creating the object creates no files."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.model = folder / MODEL_FILE
        self.metrics = folder / METRICS_FILE
        self.profile = folder / "profile.json"
        self.tokenizer = folder / "tokenizer.json"

    def check_writable(self) -> None:
        """Create the folder and check that it can be written. Raises: CheckpointError if it cannot."""
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
        """Rename the weights of a run that is already here. Return their new path, or None if there are none."""
        if not self.model.exists():
            return None
        number = 1
        while (older := self.folder / f"model.{number}.safetensors").exists():
            number += 1
        self.model.rename(older)
        return older

    def begin(self, experiment, tokenizer, step: int) -> None:
        """Write the experiment, and the tokenizer if it is BPE. Drop the metrics of the steps after `step`.

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
        """Add to the log the metrics of every `every`-th step and of each evaluation. A line is a training step, so the
        evaluation before the first step is not logged.

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
        """The metrics in the log, in order, without a line that a crash cut short; [] if there is no log."""
        return [*map(Metric.from_line, self._lines())]

    def save(self, checkpoint: bytes | Iterable[bytes]) -> None:
        """Write the checkpoint, as bytes or pieces. A crash leaves the previous one intact. Raises: CheckpointError."""
        write_run(self.model, checkpoint)

    def save_profile(self, trace: str) -> None:
        """Write the trace of a profiled step. Raises: CheckpointError."""
        with _writing(self.profile):
            write_atomically(self.profile, trace.encode())

    def _lines(self) -> list[dict]:
        try:
            lines = self.metrics.read_text(encoding="utf-8").splitlines()
        except OSError:
            return []
        return [parsed for parsed in map(_parse, lines) if parsed]


def _parse(line: str) -> dict | None:
    try:
        parsed = json.loads(line)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) and isinstance(parsed.get("step"), int) else None


@contextlib.contextmanager
def _writing(path: Path):
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written ({error.strerror})") from None


def read_run(folder) -> bytes:
    """The bytes of a run, given its folder or its file.

    Raises: CheckpointError if there is no run, or it cannot be read.
    """
    return _opened(folder, lambda file: file.read())


def map_run(folder) -> memoryview:
    """As `read_run`, but memory-mapped, so that a large run is not in memory twice."""

    def mapped(file):
        # mmap refuses an empty file.
        empty = os.fstat(file.fileno()).st_size == 0
        return memoryview(b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    return _opened(folder, mapped)


def open_run(folder) -> Checkpoint:
    """The checkpoint of a run, given its folder or its file. The arrays are memory-mapped.

    Raises: CheckpointError, naming the folder or file, if there is no run or it is damaged.
    """
    data = map_run(folder)
    try:
        return read_checkpoint(data)
    except CheckpointError as error:
        raise CheckpointError(f"{folder}: {error}") from None


def write_run(folder, checkpoint: bytes | Iterable[bytes]) -> None:
    """Write a run to the model.safetensors of a folder, or to a file whose name ends in .safetensors.

    `checkpoint` is bytes or pieces of them. A crash leaves the previous file intact.
    Raises: CheckpointError if it cannot be written.
    """
    path = Path(folder)
    path = path if path.suffix == ".safetensors" else path / MODEL_FILE
    try:
        write_atomically(path, checkpoint)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written ({error.strerror}); the previous checkpoint is intact"
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
            f"there is no run at {folder}: {path} does not exist. `pygpt train --out {quote(str(folder))}` creates one"
        ) from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
