"""Every exception of the package.

    PygptError
    ├── ShapeError         a kernel got shapes or element types it has no rule for
    ├── DeviceError        a device cannot be opened, or cannot do what was requested
    │   ├── AdapterError   there is no WebGPU adapter to open
    │   ├── DeviceLost     the GPU went away while it was in use
    │   └── MemoryLimit    a buffer is larger than the device allows
    ├── CaptureError       a recorded function did something that a replay cannot repeat
    ├── ExperimentError    a field of the experiment is unknown, mistyped or out of range
    ├── DataError          a text is missing, empty, too short, or cannot be fetched
    ├── TokenizerError     a text has a symbol outside the vocabulary, or a tokenizer's description is malformed
    ├── CheckpointError    a file is not a pygpt run, is cut short, or is inconsistent
    ├── DivergedError      the loss is no longer a finite number
    ├── LogitsError        a model that is sampled has logits that are not finite
    └── RequestError       the server cannot fulfill a request

A message says what was expected, what was found, and what to do. The command line prints only the message; the lab
shows it beside the field that it belongs to.
"""

from collections.abc import Iterable
from typing import Any


class PygptError(Exception):
    """The base class: catch this to catch every error that pygpt reports on purpose."""


def sentence_of(error: Exception) -> str:
    """What to tell a user about an exception of any class. One that is not a PygptError, or has no text, says more."""
    if isinstance(error, PygptError):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory for this; use a smaller model, batch size, context length or text"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    found = f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__
    return f"something unexpected happened in pygpt ({found}); please report it as a bug"


class ShapeError(PygptError):
    """A kernel got shapes or element types it has no rule for."""


class DeviceError(PygptError):
    """A device cannot be opened, or cannot do what was requested."""


class AdapterError(DeviceError):
    """There is no WebGPU adapter to open."""


class DeviceLost(DeviceError):
    """The GPU went away while it was in use."""


class MemoryLimit(DeviceError):
    """A buffer is larger than the device allows."""


class CaptureError(PygptError):
    """A recorded function did something that a replay cannot repeat."""


class ExperimentError(PygptError):
    """A field of the experiment is unknown, mistyped or out of range.

    `field` is the dotted name ("model.n_head"); a page shows the message beside that field.
    """

    def __init__(self, field: str, message: str):
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field


class DataError(PygptError):
    """A text is missing, empty, too short, or cannot be fetched."""


class TokenizerError(PygptError):
    """A text has a symbol outside the vocabulary, or a tokenizer's description is malformed."""


class CheckpointError(PygptError):
    """A file is not a pygpt run, is cut short, or is inconsistent."""


class DivergedError(PygptError):
    """The loss is no longer a finite number.

    `step` is the first step whose loss was not finite, `metrics` has the metrics of the steps before it.
    """

    def __init__(self, step: int, message: str, metrics: Iterable[Any] = ()):
        super().__init__(message)
        self.step = step
        self.metrics = list(metrics)


class LogitsError(PygptError):
    """A model that is sampled has logits that are not finite."""


class RequestError(PygptError):
    """The server cannot fulfill a request.

    `status` is the HTTP status code, `field` the name of the wrong field in the request, or "".
    """

    def __init__(self, status: int, message: str, field: str = ""):
        super().__init__(message)
        self.status, self.field = status, field
