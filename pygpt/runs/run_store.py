"""The runs of a session: a folder each, which it keeps up to date while it trains, lists, renames and deletes.

`files` are the folders on a disk (disk_files.py) or in the browser's private file system (lab/worker/opfs_files.py).
The name of a folder never changes and is the run's `copy` in messages. The session that writes a folder claims it, so
that two tabs never write the same run. about.json is written last: a folder without it is no run yet.
"""

import contextlib
import time
from typing import Any

from pygpt.errors import CheckpointError
from pygpt.runs.about import first_about
from pygpt.runs.checkpoint_series import CheckpointSeries
from pygpt.runs.layout import (
    ABOUT_FILE,
    EXPERIMENT_FILE,
    METRICS_FILE,
    MODEL_FILE,
    SAMPLES_FILE,
    TOKENIZER_FILE,
)
from pygpt.runs.metrics_log import line_of, lines_of, logged_steps
from pygpt.runs.run_reader import RunReader
from pygpt.runs.samples_log import sample_line
from pygpt.tokenizers import BPETokenizer, tokenizer_json_bytes
from pygpt.utils.files import file_name
from pygpt.utils.json_text import json_text, parsed

UNDO_SECONDS = 600  # for which a deleted run can be brought back, at least, unless its room is needed


class RunStore(RunReader):
    """The runs in `files`, one of which is the session's current one.

    With `only`, the session has one run, in the folder of that name. With `checkpoints`, it keeps checkpoints along
    the run (see checkpoint_series.py).
    """

    def __init__(self, files, only: str = "", checkpoints: bool = False):
        super().__init__(files, CheckpointSeries(files, self._write))
        self.only, self.checkpoints = only, checkpoints
        self.current = ""  # the folder of the current run, claimed here; "" until it has one
        # Of the current run only what is written: the run itself would keep the memory of its device.
        self._experiment: Any = None
        self._tokenizer: Any = None
        self._first_about: dict = {}  # what about.json says of it from its start
        self._begun = False  # whether its folder has what a run has from its start
        self._step = 0  # at which it begins
        self._logged = 0  # the steps whose lines in its logs stay when it begins
        self._about_run: dict | None = None  # what about.json says of the current run, as far as it was written here
        self._unwritten: dict[str, list[str]] = {}  # lines that are not in the logs yet

    async def begin(self, run, copy: str = "", parent=None, parent_step: int | None = None, about=None) -> None:
        """Keep another run from now on: in the folder `copy` unless another session writes it, or else in a new one.

        `parent` is the run that it changes, if any; a branch begins with the weights of its step `parent_step`. `about`
        adds to about.json; a "name" there names a new folder too. Raises: CheckpointError; `log` and `keep` try again.
        """
        if self.current and self.current != copy:
            await self.files.release(self.current)
        if copy and copy != self.current and not await self.files.claim(copy):
            copy = ""
        self.current, self._about_run = copy, None
        self._first_about = first_about(run, parent, parent_step) | (about or {})
        self._take(run)
        if copy and (about := await self._about(copy)) and "deleted" in about:
            await self.restore(copy)  # in another tab, whose list was older
        await self._begin(logged_steps(run) if copy else 0)

    async def resume(self, run) -> None:
        """Note that the run goes on from its step, perhaps to more steps; lines of later steps are dropped.

        Raises: CheckpointError if it cannot be written; `log` and `keep` try again.
        """
        self._take(run)
        await self._begin(logged_steps(run))

    def _take(self, run) -> None:
        self._experiment, self._tokenizer, self._step = run.experiment, run.tokenizer, run.step

    async def _begin(self, logged: int) -> None:
        self._logged, self._begun, self._unwritten = logged, False, {}
        await self._write_start()

    async def _write_start(self) -> None:
        """Give the run a folder if it has none, and write its settings and the logs of its earlier steps."""
        if self._begun:
            return
        if not self.current:
            named = file_name(self._first_about.get("name", "")).replace(" ", ",")
            self.current = await self._create(_stem(self._experiment), named)
        folder = self.current
        await self._write(folder, EXPERIMENT_FILE, self._experiment.to_toml().encode())
        if isinstance(self._tokenizer, BPETokenizer):
            await self._write(folder, TOKENIZER_FILE, tokenizer_json_bytes(self._tokenizer))
        kept = "".join(line_of(metric) for metric in await self.metrics(folder) if metric.step <= self._logged)
        await self._write(folder, METRICS_FILE, kept.encode())
        samples = [sample for sample in await self.samples(folder) if sample["step"] <= self._step]
        await self._write(folder, SAMPLES_FILE, "".join(map(sample_line, samples)).encode())
        await self.series.begin(folder, self._step)
        self._begun = True

    async def _create(self, stem: str, named: str = "") -> str:
        """A new folder, claimed: `named` if there is no run of that name, else by the first free number: "baby-3"."""
        if self.only:
            await self.files.claim(self.only)
            return self.only
        taken = await self.files.names()
        used = named in taken and await self._read(named, MODEL_FILE, 0, 1)
        if named and not used and await self.files.claim(named):
            return named
        stem, number = named or stem, 1
        while f"{stem}-{number}" in taken or not await self.files.claim(f"{stem}-{number}"):
            number += 1
        return f"{stem}-{number}"

    async def log(self, metrics, every: int) -> None:
        """Add the metrics of every `every`-th step and of each evaluation to the log.

        Raises: CheckpointError if they cannot be written; the next call tries again.
        """
        self._unwritten.setdefault(METRICS_FILE, []).extend(lines_of(metrics, every))
        if self.files.appends_at_once:
            await self._flush()

    def note_sample(self, step: int, text: str) -> None:
        """Note what the model wrote at a step. It is in the folder after the next `keep`."""
        self._unwritten.setdefault(SAMPLES_FILE, []).append(sample_line({"step": step, "text": text}))

    async def _flush(self) -> None:
        await self._write_start()
        for file, lines in self._unwritten.items():
            if lines:
                await self.files.append(self.current, file, "".join(lines).encode())
                lines.clear()

    def is_checkpoint_due(self, step: int) -> bool:
        """Whether `keep` at a step adds a checkpoint along the run."""
        return self.checkpoints and self.series.is_due(step)

    async def keep(self, data: bytes, about: dict) -> str:
        """Replace the run's checkpoint, and what `find` says about it; add one along the run if it is due.

        Returns why the latter cannot be written, or "". Raises: CheckpointError if the former cannot be written; the
        previous checkpoint is then intact.
        """
        await self._write_start()
        await self._write(self.current, MODEL_FILE, data)
        await self._flush()
        refusal = await self._add_checkpoint(about["step"], data)
        named = {"name": self.current.replace("-", " ")}
        before = await self._about(self.current) or self._about_run or named | self._first_about
        before.pop("deleted", None)  # a run that goes on is there again
        self._about_run = before | about | {"time": time.time(), "bytes": len(data) + self.series.nbytes}
        await self._write_about(self.current, self._about_run)
        return refusal

    async def _add_checkpoint(self, step: int, data: bytes) -> str:
        if self.is_checkpoint_due(step):
            try:
                await self.series.add(step, data)
            except (CheckpointError, MemoryError) as error:
                return str(error) or "it does not fit in memory"
        return ""

    async def find(self) -> list[dict]:
        """What is known about each run, the newest first, with its folder as `copy`, its age as `seconds_ago`, and
        `open`: "here" if it is the current one, "elsewhere" if another session writes it, else "". A run that was
        deleted and can be brought back has the time as `deleted`."""
        claimed, now = await self.files.claimed(), time.time()
        runs = []
        for folder, text in (await self.files.read_all(ABOUT_FILE)).items():
            about = parsed(text)
            if about is not None:
                where = "here" if folder == self.current else "elsewhere" if folder in claimed else ""
                age = max(0.0, now - _seconds(about.get("time")))
                runs.append(about | {"copy": folder, "open": where, "seconds_ago": age})
        return sorted(runs, key=lambda run: run["seconds_ago"])

    async def describe(self, copy: str, changes: dict) -> None:
        """Change the name, notes or star of a run.

        Raises: CheckpointError if there is none, or it cannot be written.
        """
        await self._write_about(copy, await self._known(copy) | changes)

    async def delete(self, copy: str) -> None:
        """Delete a run. `restore` brings it back for UNDO_SECONDS, unless there is no room to note that.

        Raises: CheckpointError if there is none, or it is open, here or elsewhere.
        """
        about = await self._known(copy)
        if self.is_current(copy):
            raise CheckpointError(f"{about['name']} is open; open another run first, or reload the page")
        if copy in await self.files.claimed():
            raise CheckpointError(f"{about['name']} is open in another tab; close that tab first")
        try:
            await self.files.write(copy, ABOUT_FILE, json_text(about | {"deleted": time.time()}).encode())
        except CheckpointError:
            await self.files.remove(copy)

    async def restore(self, copy: str) -> None:
        """Undo `delete`. Raises: CheckpointError if the run is gone."""
        about = await self._known(copy)
        about.pop("deleted", None)
        await self._write_about(copy, about)

    async def tidy(self) -> None:
        """Take over what earlier versions kept, and remove the runs that were deleted more than UNDO_SECONDS ago.

        A folder that a tab began and could not complete is removed too, where nobody else has folders.
        """
        await self.files.take_over(self._create)
        described = await self.files.read_all(ABOUT_FILE)
        for folder in await self.files.names() - await self.files.claimed() - {self.current}:
            about = parsed(described.get(folder, b""))
            if about is None:
                await self._complete(folder)
            elif "deleted" in about and time.time() - _seconds(about["deleted"]) > UNDO_SECONDS:
                await self.files.remove(folder)

    async def _complete(self, folder: str) -> None:
        """Describe a run without an about.json by its checkpoint; without that too, it is none, and is removed."""
        try:
            header, curve = await self.read_run(folder)
        except CheckpointError:
            if self.files.private and not await self._read(folder, MODEL_FILE, 0, 1):
                await self.files.remove(folder)
            return
        about = {"id": folder, "name": folder.replace("-", " "), "step": header.step, "loss": curve.smoothed}
        more = {"steps": header.experiment.train.steps, "parameters": header.parameters, "time": time.time()}
        with contextlib.suppress(CheckpointError):  # it is described when there is room
            await self._write_about(folder, about | more | {"text": header.experiment.data.source})

    async def add(self, experiment, files: dict[str, bytes], about: dict) -> str:
        """Keep a run that was trained elsewhere beside the current one, and return its folder.

        Raises: CheckpointError if it cannot be written; nothing of it is then left.
        """
        if self.only:
            raise CheckpointError("this session keeps one run; add others in the lab")
        folder = await self._create(_stem(experiment))
        try:
            for file, data in files.items():
                await self._write(folder, file, data)
            await self._write_about(folder, about)
        except CheckpointError:
            await self.files.remove(folder)
            raise
        finally:
            await self.files.release(folder)
        return folder

    async def wait_for_closing_tabs(self, attempt: int) -> bool:
        """Wait for other sessions to end. Returns False if there is none, or after a few attempts."""
        return await self.files.wait_for_closing_tabs(attempt)

    def is_current(self, copy: str) -> bool:
        """Whether the current run is kept in this folder."""
        return self.current != "" and copy == self.current

    async def recall(self, name: str) -> str:
        """The small text stored under a name, or "" if there is none."""
        return await self.files.recall(name)

    async def remember(self, name: str, text: str) -> None:
        """Store a small text under a name for later visits, if there is a place for it."""
        await self.files.remember(name, text)

    async def _write_about(self, folder: str, about: dict) -> None:
        await self._write(folder, ABOUT_FILE, json_text(about).encode())

    async def _write(self, folder: str, file: str, data: bytes) -> None:
        """Write a file. If there is no room, the runs that were deleted make some."""
        try:
            await self.files.write(folder, file, data)
        except CheckpointError:
            if not await self._free():
                raise
            await self.files.write(folder, file, data)

    async def _free(self) -> bool:
        """Remove the runs that were deleted. Returns whether there were any."""
        gone = [run["copy"] for run in await self.find() if "deleted" in run and run["open"] == ""]
        for folder in gone:
            await self.files.remove(folder)
        return bool(gone)


def _stem(experiment) -> str:
    return file_name(experiment.name).lower().replace(" ", "-") or experiment.model.kind


def _seconds(value) -> float:
    return value if isinstance(value, int | float) else 0.0
