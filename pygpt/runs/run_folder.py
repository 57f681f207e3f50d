"""A run as a folder: model.safetensors, experiment.toml, metrics.jsonl, and tokenizer.json for a BPE tokenizer."""

import contextlib
import dataclasses
import json
import math
import mmap
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from shlex import quote

from pygpt.errors import CheckpointError
from pygpt.runs.checkpoint import Checkpoint, read_checkpoint
from pygpt.runs.checkpoint_series import no_checkpoint
from pygpt.runs.layout import (
    CHECKPOINTS_FOLDER,
    EXPERIMENT_FILE,
    METRICS_FILE,
    MODEL_FILE,
    SAMPLES_FILE,
    TOKENIZER_FILE,
    checkpoint_file,
    checkpoint_step,
)
from pygpt.runs.metrics_log import LONGEST_LINE, completed, line_of, lines_of, read_lines
from pygpt.runs.run_header import LENGTH, RunHeader, header_end, read_header
from pygpt.tokenizers import BPETokenizer, tokenizer_json_bytes
from pygpt.training.loss_curve import LossCurve
from pygpt.training.metrics import Metric, is_measured
from pygpt.utils.files import append, open_regular, remove_unfinished, write_atomically

_AT_STEP = re.compile(r"(.+)@(\d{1,19})", re.DOTALL)


class RunFolder:
    """The folder of a run. Creating the object creates no files."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.model = folder / MODEL_FILE
        self.metrics = folder / METRICS_FILE
        self.experiment = folder / EXPERIMENT_FILE
        self.profile = folder / "profile.json"
        self.tokenizer = folder / TOKENIZER_FILE
        self.samples = folder / SAMPLES_FILE
        self.checkpoints = folder / CHECKPOINTS_FOLDER
        self._lock: tuple[int, int] | None = None  # the lock of the folder that was claimed
        self._unlogged: list[str] = []  # lines of the log that could not be written

    def claim(self) -> contextlib.ExitStack:
        """Create the folder and lock it until the result is closed; remove what a killed process left unfinished.

        Raises: CheckpointError if it cannot be written, PygptError if another process writes in it.
        """
        # Imported here because a tab has no locks.
        from pygpt.utils.folder_lock import lock_folder

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            held = lock_folder(self.folder, "choose another folder")
        except OSError as error:
            raise CheckpointError(
                f"the folder {self.folder} cannot be written ({error.strerror}); choose another"
            ) from None
        remove_unfinished(self.folder, [path.name for path in self._files()])
        self._lock = self._lock_file()
        return held

    def _lock_file(self) -> tuple[int, int] | None:
        """Which file the lock is: it is another one if the folder was moved, and another run began in its place."""
        from pygpt.utils.folder_lock import LOCK_FILE

        with contextlib.suppress(OSError):
            found = (self.folder / LOCK_FILE).stat()
            return found.st_dev, found.st_ino
        return None

    def _check_place(self) -> None:
        if self._lock and (found := self._lock_file()) and found != self._lock:
            raise CheckpointError(
                f"{self.folder} was moved, and another run has begun in its place: move that run away, and this one is "
                "written here again"
            )

    def _files(self) -> list[Path]:
        return [self.model, self.metrics, self.experiment, self.tokenizer, self.profile, self.samples]

    def remove(self) -> None:
        """Remove the files of a run whose folder this process has created and claimed, and the folder."""
        from pygpt.utils.folder_lock import LOCK_FILE

        with contextlib.suppress(OSError):
            for path in (*self._files(), self.folder / LOCK_FILE):
                path.unlink(missing_ok=True)
            shutil.rmtree(self.checkpoints, ignore_errors=True)
            self.folder.rmdir()

    def earlier_run(self) -> list[Path]:
        """The weights and the log of a run that is already here; [] if there is none."""
        return [path for path in (self.model, self.metrics) if path.exists() and path.stat().st_size]

    def set_aside_earlier_run(self) -> list[str]:
        """Rename what a new run would replace, an earlier run's or a user's own, and return the new names.

        Raises: CheckpointError if they cannot be renamed.
        """
        earlier = [path for path in self._files() if path.exists() and path.stat().st_size]
        earlier += [self.checkpoints] if checkpoint_steps(self.folder) else []
        number = 1
        while any(_numbered(path, number).exists() for path in earlier):
            number += 1
        with writing(self.folder):
            return [path.rename(_numbered(path, number)).name for path in earlier]

    def begin(self, experiment, tokenizer, step: int, earlier: "RunFolder | None" = None) -> str:
        """Write the experiment, and the tokenizer if it is BPE. Of the log, which can be that of an `earlier` folder,
        only the metrics of the first `step` steps are kept. If the folder's own has other content, it is kept beside
        the new one: the result is its new name, else "".

        Raises: CheckpointError if they cannot be written.
        """
        kept = [line for line in (earlier or self)._lines() if line.step <= step] if step else []
        self._unlogged = []
        with writing(self.experiment):
            write_atomically(self.experiment, experiment.to_toml().encode())
        with writing(self.tokenizer):
            if isinstance(tokenizer, BPETokenizer):
                write_atomically(self.tokenizer, tokenizer_json_bytes(tokenizer))
            elif not step:  # that of an earlier run in this folder; a run that continues has none
                self.tokenizer.unlink(missing_ok=True)
        with writing(self.metrics):
            aside = self._set_aside_log() if step and self._is_damaged() else ""
            write_atomically(self.metrics, "".join(map(line_of, kept)).encode())
        return aside

    def missing_lines(self, train, step: int) -> int:
        """How many lines the log of a run with this TrainConfig lacks at `step`."""
        every, evaluated = train.log_every, train.eval_every
        expected = step // every + step // evaluated - step // math.lcm(every, evaluated)
        return max(0, expected - len({line.step for line in self._lines() if is_measured(train, line.step)}))

    def _is_damaged(self) -> bool:
        """Whether the log has content that is no line of metrics. A crash can cut its last line short."""
        with contextlib.suppress(OSError), open_regular(self.metrics) as file:
            while line := file.readline(LONGEST_LINE):
                if line.endswith(b"\n") or len(line) == LONGEST_LINE:
                    try:
                        Metric.from_line(json.loads(line))
                    except (ValueError, RecursionError):
                        return True
        return False

    def _set_aside_log(self) -> str:
        number = 1
        while _numbered(self.metrics, number).exists():
            number += 1
        return self.metrics.rename(_numbered(self.metrics, number)).name

    def log(self, metrics: Iterable[Metric], every: int) -> None:
        """Add to the log the metrics of every `every`-th step and of each evaluation. A line is a training step, so the
        evaluation before the first step is not logged.

        Raises: CheckpointError if they cannot be written; the next call tries again.
        """
        self._unlogged += lines_of(metrics, every)
        if self._unlogged:
            self._check_place()
            with writing(self.metrics):
                append(self.metrics, "".join(self._unlogged).encode())
            self._unlogged = []

    def read_metrics(self) -> list[Metric]:
        """The metrics in the log, in order, without a line that a crash cut short; [] if there is no log."""
        return [*self._lines()]

    def save(self, checkpoint: bytes | Iterable[bytes]) -> None:
        """Write the checkpoint, as bytes or pieces. A crash leaves the previous one intact. Raises: CheckpointError."""
        self._check_place()
        write_run(self.model, checkpoint)

    def save_profile(self, trace: str) -> None:
        """Write the trace of a profiled step. Raises: CheckpointError."""
        with writing(self.profile):
            write_atomically(self.profile, trace.encode())

    def _lines(self) -> Iterator[Metric]:
        with contextlib.suppress(OSError), open_regular(self.metrics) as file:
            yield from read_lines(iter(lambda: file.readline(LONGEST_LINE), b""))


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}.{number}{path.suffix}")


@contextlib.contextmanager
def writing(path: Path):
    """Turn an OSError into a CheckpointError that names the path."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written ({error.strerror})") from None


def folder_of(run: Path) -> Path | None:
    """The folder of a run, given it or the model.safetensors in it; None for a file that is alone."""
    if run.is_dir():
        return run
    return run.parent if run.name == MODEL_FILE and (run.parent / EXPERIMENT_FILE).exists() else None


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
    """The checkpoint of a run, given its folder or its file, or FOLDER@STEP. The arrays are memory-mapped.

    Raises: CheckpointError, naming the folder or file, if there is no run or it is damaged, or none of that step.
    """
    data = map_run(folder)
    try:
        checkpoint = read_checkpoint(data)
    except CheckpointError as error:
        raise CheckpointError(f"{folder}: {error}") from None
    # A checkpoint along a run is without its text, which can be in the file of the run alone.
    newest = _file_of(folder).parent.parent / MODEL_FILE
    if checkpoint.weights_alone and newest.exists():
        checkpoint = dataclasses.replace(checkpoint, text=open_run(newest).text)
    return checkpoint


def checkpoint_steps(folder: Path) -> list[int]:
    """The steps of the checkpoints along the run in a folder, in order."""
    with contextlib.suppress(OSError):
        steps = (checkpoint_step(path.name) for path in (folder / CHECKPOINTS_FOLDER).iterdir())
        return sorted(step for step in steps if step is not None)
    return []


def read_beginning(folder) -> tuple[RunHeader, LossCurve]:
    """The header and the loss curve of a run, given its folder or its file, without its weights.

    Raises: CheckpointError, naming the folder or file, if there is no run or it is damaged.
    """
    data = map_run(folder)
    try:
        header = read_header(bytes(data[LENGTH : header_end(bytes(data[:LENGTH]))]))
        return header, header.curve({name: bytes(data[slice(*place)]) for name, place in header.tables.items()})
    except CheckpointError as error:
        raise CheckpointError(f"{folder}: {error}") from None


def metrics_of(folder, curve: LossCurve) -> list[Metric]:
    """The metrics in the log of a run, given its folder or its file, and the evaluations of its curve that the log
    lacks, such as the one before the first step; without a log, also the training losses of its curve."""
    place = folder_of(Path(folder))
    return completed(RunFolder(place).read_metrics() if place else [], curve)


def write_run(folder, checkpoint: bytes | Iterable[bytes]) -> None:
    """Write a run to the model.safetensors of a folder, or to a file whose name ends in .safetensors.

    `checkpoint` is bytes or pieces of them. A crash leaves the previous file intact.
    Raises: CheckpointError if it cannot be written.
    """
    path = path_of(folder)
    path = path if path.suffix == ".safetensors" else path / MODEL_FILE
    try:
        write_atomically(path, checkpoint)
    except OSError as error:
        intact = "; the previous checkpoint is intact" if os.path.exists(path) else ""
        raise CheckpointError(f"{path} cannot be written ({error.strerror}){intact}") from None


def path_of(folder) -> Path:
    """A caller's path. Raises: CheckpointError for what is none, or has a character that no path can have."""
    if not isinstance(folder, str | os.PathLike) or not isinstance(os.fspath(folder), str):
        raise CheckpointError(f"expected the path of a run, a folder or a file, got {folder!r:.60}")
    path = Path(folder)
    try:
        valid = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:  # half of a character
        valid = False
    if not valid:
        raise CheckpointError(f"{str(path)!r:.60} cannot be a path: it has a character that no name of a file has")
    return path


def _file_of(run) -> Path:
    """The file of a run, given its folder or its file, or FOLDER@STEP. Raises: CheckpointError."""
    path = path_of(run)
    if os.path.isdir(path):  # unlike Path.is_dir, also for a name that is too long
        return path / MODEL_FILE
    found = _AT_STEP.fullmatch(str(path))
    if not found or os.path.exists(path):
        return path
    folder, step = Path(found[1]), int(found[2])
    if os.path.exists(at_step := folder / checkpoint_file(step)):
        return at_step
    newest = read_beginning(folder)[0].step
    if step == newest:
        return folder / MODEL_FILE
    raise no_checkpoint(folder, step, {*checkpoint_steps(folder), newest})


def _opened(folder, read):
    path = _file_of(folder)
    try:
        with open_regular(path) as file:
            return read(file)
    except FileNotFoundError:
        raise CheckpointError(
            f"there is no run at {folder}: {path} does not exist. `pygpt train --out {quote(str(folder))}` creates one"
        ) from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
