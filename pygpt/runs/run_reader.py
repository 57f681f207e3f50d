"""Reads the runs that are kept in folders, on a disk or in the browser's private file system (see run_store.py)."""

import dataclasses

from pygpt.errors import CheckpointError
from pygpt.runs.checkpoint import Checkpoint, read_checkpoint
from pygpt.runs.checkpoint_series import CheckpointSeries, no_checkpoint
from pygpt.runs.layout import ABOUT_FILE, METRICS_FILE, MODEL_FILE, RUN_FILES, SAMPLES_FILE, checkpoint_file
from pygpt.runs.metrics_log import read_lines
from pygpt.runs.run_header import LENGTH, RunHeader, header_end, read_header
from pygpt.runs.samples_log import read_samples
from pygpt.training.loss_curve import LossCurve
from pygpt.training.metrics import Metric
from pygpt.utils.json_text import parsed

LONGEST_SHOWN = 80  # characters of an unknown name that an error repeats


class RunReader:
    """The runs in `files`, each in a folder, and the checkpoints along them, `series`."""

    def __init__(self, files, series: CheckpointSeries):
        self.files, self.series = files, series

    async def read_copy(self, copy: str) -> bytes:
        """The checkpoint of a run. Raises: CheckpointError if there is none."""
        await self._check(copy)
        data = await self._read(copy, MODEL_FILE)
        if not data:
            raise CheckpointError("this run is gone: it was removed here or in another tab of the lab")
        return data

    async def read_run(self, copy: str) -> tuple[RunHeader, LossCurve]:
        """The header and the loss curve of a run, which are at the beginning of its checkpoint.

        Raises: CheckpointError if there is none, or its file is damaged.
        """
        await self._check(copy)
        try:
            end = header_end(await self.files.read(copy, MODEL_FILE, 0, LENGTH))
            header = read_header(await self.files.read(copy, MODEL_FILE, LENGTH, end))
            tables = {name: await self.files.read(copy, MODEL_FILE, *place) for name, place in header.tables.items()}
            return header, header.curve(tables)
        except FileNotFoundError:
            raise CheckpointError("this run is gone: it was removed here or in another tab of the lab") from None
        except CheckpointError as error:
            raise CheckpointError(f"{copy}: {error}") from None

    async def checkpoint_steps(self, copy: str, newest: int) -> list[int]:
        """The steps of a run at which it has a checkpoint, in order; `newest` is that of its newest one."""
        return sorted({step for step in await self.series.steps(copy) if step < newest} | {newest})

    async def read_checkpoint(self, copy: str, step: int = -1, with_text: bool = False) -> Checkpoint:
        """The checkpoint of a run at a step, or its newest one. An earlier one has the weights alone, and the run's own
        text if that is asked for.

        Raises: CheckpointError if there is none.
        """
        newest = (await self.read_run(copy))[0].step
        if step in (-1, newest):
            return read_checkpoint(await self.read_copy(copy))
        steps = await self.checkpoint_steps(copy, newest)
        if step not in steps or not (data := await self._read(copy, checkpoint_file(step))):
            raise no_checkpoint(copy, step, steps)
        text = read_checkpoint(await self.read_copy(copy)).text if with_text else None
        return dataclasses.replace(read_checkpoint(data), text=text)

    async def metrics(self, copy: str) -> list[Metric]:
        """The metrics in the log of a run, in order, without a line that a crash cut short."""
        return [*read_lines((await self._read(copy, METRICS_FILE)).splitlines())]

    async def samples(self, copy: str) -> list[dict]:
        """What the model of a run wrote during training, each with `step` and `text`, in order."""
        return read_samples((await self._read(copy, SAMPLES_FILE)).splitlines())

    async def contents(self, copy: str) -> dict[str, bytes]:
        """The files of a run, by name, with its checkpoints. Raises: CheckpointError if there is none."""
        await self._check(copy)
        files = [*RUN_FILES, *map(checkpoint_file, await self.series.steps(copy))]
        found = {file: await self._read(copy, file) for file in files}
        return {file: data for file, data in found.items() if data}

    async def _check(self, copy: str) -> None:
        if copy not in await self.files.names():
            raise CheckpointError(f"there is no run {copy[:LONGEST_SHOWN]!r}; choose one of those that `found` lists")

    async def _known(self, copy: str) -> dict:
        await self._check(copy)
        about = await self._about(copy)
        if about is None:
            raise CheckpointError(f"{copy} has no {ABOUT_FILE}, so it is not listed as a run")
        return about

    async def _about(self, folder: str) -> dict | None:
        return parsed(await self._read(folder, ABOUT_FILE))

    async def _read(self, folder: str, file: str, start: int = 0, end: int | None = None) -> bytes:
        try:
            return await self.files.read(folder, file, start, end)
        except FileNotFoundError:
            return b""
