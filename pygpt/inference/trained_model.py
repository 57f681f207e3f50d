"""A trained model, ready to be asked, and the files that hold one."""

import contextlib
import mmap
import os
from array import array
from pathlib import Path
from shlex import quote

from pygpt.analysis.memory import check_sampling_memory
from pygpt.devices import open_device
from pygpt.devices.base import Device
from pygpt.errors import CheckpointError, ShapeError, TokenizerError
from pygpt.inference.sampler import Sampler, generate
from pygpt.models import build_model
from pygpt.nn.layers import Weights
from pygpt.runs.checkpoint import Checkpoint, read_checkpoint
from pygpt.tensor.tensor import no_tape, tensor

MODEL_FILE = "model.safetensors"


class TrainedModel:
    """Weights on a device, with the tokenizer they were trained with.

    Attributes: `model`, `tokenizer`, `experiment`, `step` (training steps done), `provenance`, `device`.
    """

    def __init__(self, checkpoint: Checkpoint, device: Device):
        self.device, self.checkpoint = device, checkpoint
        self.experiment, self.tokenizer = checkpoint.experiment, checkpoint.tokenizer
        self.step, self.provenance = checkpoint.step, checkpoint.provenance
        check_sampling_memory(self.experiment, self.tokenizer.vocab_size, device)
        self.model = build_model(self.experiment.model, self.tokenizer.vocab_size)
        weights = Weights(device, self.model, None, self.experiment.model.dtype)
        for name, values in checkpoint.weights.items():
            device.write(weights.named[name], bytes(values))

    def logits(self, ids):
        """The model's scores for what follows each token: ids (B, T) integers -> a NumPy array (B, T, V).

        `ids` may be nested lists or an array. Raises: ShapeError unless it is (B, T) with 1 <= T <= block_size;
        TokenizerError for an id outside the vocabulary.
        """
        rows = ids.tolist() if hasattr(ids, "tolist") else [list(row) for row in ids]
        if not rows or not isinstance(rows[0], list) or len({len(row) for row in rows}) != 1:
            raise ShapeError("logits: wanted ids as (B, T), every row of the same length")
        length = len(rows[0])
        if not 1 <= length <= self.model.block_size:
            raise ShapeError(f"logits: rows of {length} ids; this model reads 1 to {self.model.block_size}")
        flat = [token for row in rows for token in row]
        wrong = next((token for token in flat if not 0 <= token < self.tokenizer.vocab_size), None)
        if wrong is not None:
            raise TokenizerError(f"logits: {wrong} is no token; ids go from 0 to {self.tokenizer.vocab_size - 1}")
        data = tensor(self.device, array("I", flat), (len(rows), length), "uint32")
        with no_tape():
            return self.model.logits(data).numpy()

    def stream(self, prompt: str = "", max_new_tokens: int = 200, **settings):
        """Yield what the model writes after the prompt, piece by piece; `settings` are Sampler's."""
        yield from generate(self.model, self.tokenizer, max_new_tokens, prompt=prompt, **settings)

    def generate(self, prompt: str = "", max_new_tokens: int = 200, **settings) -> str:
        """What the model writes after the prompt; settings: temperature (0.8), top_k (0: all), top_p (1), min_p (0),
        repetition_penalty (1), stop (a text or several), seed (1)."""
        return "".join(self.stream(prompt, max_new_tokens, **settings))

    def sampler(self, **settings) -> Sampler:
        """A Sampler of this model, for a driver that waits for the device itself."""
        return Sampler(self.model, self.tokenizer, **settings)


def read_run(folder) -> bytes:
    """The bytes of the run in a folder (its model.safetensors), or of the file itself.

    Raises: CheckpointError if there is none, or it cannot be read.
    """
    return _opened(folder, lambda file: file.read())


def map_run(folder) -> memoryview:
    """As `read_run`, but the bytes come from the file as they are looked at: a large run is never in memory twice."""
    # An empty file cannot be mapped.
    return _opened(
        folder,
        lambda file: memoryview(
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if os.fstat(file.fileno()).st_size else b""
        ),
    )


def open_run(folder) -> Checkpoint:
    """What the run in a folder, or the file itself, holds; its arrays come from the file as they are looked at.

    Raises: CheckpointError, naming the folder or file, if there is none, or it is not what it should be.
    """
    data = map_run(folder)
    try:
        return read_checkpoint(data)
    except CheckpointError as error:
        raise CheckpointError(f"{folder}: {error}") from None


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


def write_run(folder, checkpoint) -> None:
    """Write a run into a folder, as its model.safetensors, or into the file of that name if it ends so.

    `checkpoint` is bytes, or pieces of them. It is written to a new file, which is then given its name: a crash leaves an older one whole.
    Raises: CheckpointError if it cannot be written.
    """
    path = Path(folder)
    path = path if path.suffix == ".safetensors" else path / MODEL_FILE
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.writelines([checkpoint] if isinstance(checkpoint, bytes) else checkpoint)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        # Half a file is worth nothing, and it takes the room there was.
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise CheckpointError(
            f"{path} cannot be written ({error.strerror}); the last checkpoint before it is whole"
        ) from None


def load(folder, device="auto") -> TrainedModel:
    """The trained model in a folder or a file, to be asked alone; see `pygpt.load`."""
    checkpoint = open_run(folder)
    return TrainedModel(checkpoint, open_device(device) if isinstance(device, str) else device)
