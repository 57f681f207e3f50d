"""The checkpoints along a run: the weights alone at some of its steps, to look at, to sample from and to branch from.

There are at most MOST, about evenly spaced in the logarithm of the step: the loss falls fastest in the first steps.
They are written with the safety copies of a run, from the same data. The newest state of a run is its
model.safetensors.

The weights are F16, which is enough to look at them, to sample and to branch: it changes the validation loss of `baby`
after 1,500 steps on the tales by 0.00001 nats. An array with a number beyond 65,504 stays as it is.
"""

import math
from collections.abc import Awaitable, Callable, Iterable

from pygpt.errors import CheckpointError
from pygpt.runs.checkpoint import STORED, WEIGHTS_ALONE
from pygpt.runs.half_precision import to_float16
from pygpt.runs.layout import CHECKPOINTS_FOLDER, checkpoint_file, checkpoint_step
from pygpt.runs.run_header import OTHER
from pygpt.runs.safetensors import Entry, read_safetensors, write_safetensors

MOST = 12
RATIO = 1.2  # a checkpoint is due at this multiple of the step of the last one


def is_due(step: int, kept: Iterable[int]) -> bool:
    """Whether a checkpoint is due at a step, after those that were kept."""
    newest = max(kept, default=-1)
    return step > newest and step >= RATIO * newest


def no_checkpoint(run: object, step: int, kept: Iterable[int]) -> CheckpointError:
    """The error for a step of a run at which it has no checkpoint; `kept` are the steps at which it has."""
    steps = ", ".join(f"{each:,}" for each in sorted(kept))
    return CheckpointError(f"{run} has no checkpoint of step {step:,}; it has those of steps {steps}")


def thinned(kept: Iterable[int]) -> list[int]:
    """MOST of the steps of checkpoints at most, in order. The first and the last stay; between those that stay, the
    ratios of neighbouring steps are as equal as they can be made by leaving out one after the other."""
    steps = sorted(kept)
    while len(steps) > MOST:
        # The one whose neighbours are closest to each other is missed least.
        gaps = [math.log((after + 1) / (before + 1)) for before, after in zip(steps, steps[2:])]
        del steps[1 + gaps.index(min(gaps))]
    return steps


async def weights_file(checkpoint: bytes) -> bytes:
    """The weights in the file of a checkpoint, as a file of their own. Raises: CheckpointError if it is damaged."""
    entries, metadata = read_safetensors(checkpoint)
    weights = {}
    for name, entry in entries.items():
        if not name.startswith(OTHER):
            assert not callable(entry.data)  # it was read
            half = await to_float16(entry.data, entry.dtype) if entry.dtype in STORED.values() else None
            weights[name] = entry if half is None else Entry("F16", entry.shape, half)
    described = {
        name: metadata[name] for name in ("format", "version", "step", "experiment", "tokenizer", "provenance")
    }
    return write_safetensors(weights, described | WEIGHTS_ALONE)


class CheckpointSeries:
    """The checkpoints of the run in a folder of `files`; `write(folder, file, data)` writes there."""

    def __init__(self, files, write: Callable[[str, str, bytes], Awaitable[None]]):
        self.files, self._write = files, write
        self.folder = ""
        self._sizes: dict[int, int] = {}  # bytes, by step

    @property
    def nbytes(self) -> int:
        """The bytes of all of them."""
        return sum(self._sizes.values())

    async def begin(self, folder: str, step: int) -> None:
        """Go on with the series in a folder, at a step of its run. The checkpoints of later steps are removed."""
        for name in await self.files.sizes(folder, CHECKPOINTS_FOLDER):
            if name.endswith(".new"):  # a process was killed while it wrote this
                await self.files.remove_file(folder, f"{CHECKPOINTS_FOLDER}/{name}")
        self.folder, self._sizes = folder, await self._found(folder)
        # A run that begins writes its first checkpoint itself: what is there can be that of another run.
        await self._remove([later for later in self._sizes if later > step or step == 0])

    def is_due(self, step: int) -> bool:
        """Whether a checkpoint is due at a step."""
        return is_due(step, self._sizes)

    async def add(self, step: int, checkpoint: bytes) -> None:
        """Write the weights in the file of a checkpoint, and remove those that are then too many.

        Raises: CheckpointError if they cannot be written, MemoryError if they do not fit.
        """
        data = await weights_file(checkpoint)
        await self._write(self.folder, checkpoint_file(step), data)
        self._sizes[step] = len(data)
        await self._remove([*self._sizes.keys() - set(thinned(self._sizes))])

    async def steps(self, folder: str) -> list[int]:
        """The steps of the checkpoints in a folder, in order."""
        return sorted(await self._found(folder))

    async def _found(self, folder: str) -> dict[int, int]:
        sizes = await self.files.sizes(folder, CHECKPOINTS_FOLDER)
        found = {checkpoint_step(name): size for name, size in sizes.items()}
        return {step: size for step, size in found.items() if step is not None}

    async def _remove(self, steps: list[int]) -> None:
        for step in steps:
            await self.files.remove_file(self.folder, checkpoint_file(step))
            del self._sizes[step]
