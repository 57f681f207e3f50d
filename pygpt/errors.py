"""Every exception of the package.

    PygptError
    ├── ShapeError         a kernel got shapes or element types it has no rule for
    ├── DeviceError        a device cannot be opened, or cannot do what was asked
    │   ├── AdapterError   there is no WebGPU adapter to open
    │   ├── DeviceLost     the GPU went away while it was in use
    │   └── MemoryLimit    a buffer is larger than the device allows
    ├── CaptureError       something happened while recording that a replay could not repeat
    ├── ExperimentError    a field of the experiment is unknown, mistyped or out of range
    ├── DataError          a text is missing, empty, too short, or cannot be fetched
    ├── TokenizerError     a text has a symbol the tokenizer does not know, or its description is malformed
    ├── CheckpointError    a file is not a run of ours, is cut short, or disagrees with itself
    ├── DivergedError      the loss is no longer a finite number
    └── RequestError       the server cannot do what a request asks

A message says what was wanted, what came, and what to do about it. The command line prints the message alone; the
lab shows it where the mistake was made.
"""


class PygptError(Exception):
    """The root: catch this to catch every mistake pygpt reports on purpose."""


class ShapeError(PygptError):
    """A kernel got shapes or element types it has no rule for."""


class DeviceError(PygptError):
    """A device cannot be opened, or cannot do what was asked of it."""


class AdapterError(DeviceError):
    """There is no WebGPU adapter to open."""


class DeviceLost(DeviceError):
    """The GPU went away while it was in use."""


class MemoryLimit(DeviceError):
    """A buffer is larger than the device allows."""


class CaptureError(PygptError):
    """Something happened while recording that a replay could not repeat."""


class ExperimentError(PygptError):
    """A field of the experiment is unknown, mistyped or out of range.

    `field` is the dotted name ("model.n_head"), for a page or a form to point at.
    """

    def __init__(self, field: str, message: str):
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field


class DataError(PygptError):
    """A text is missing, empty, too short, or cannot be fetched."""


class TokenizerError(PygptError):
    """A text has a symbol the tokenizer does not know, or a tokenizer's description is malformed."""


class CheckpointError(PygptError):
    """A file is not a run of ours, is cut short, or disagrees with itself."""


class DivergedError(PygptError):
    """The loss is no longer a finite number.

    `step` is the first step whose loss was not finite, `metrics` what is known of the steps before it.
    """

    def __init__(self, step: int, message: str, metrics=()):
        super().__init__(message)
        self.step = step
        self.metrics = list(metrics)


class RequestError(PygptError):
    """The server cannot do what a request asks.

    `status` is HTTP's word for it, `field` the name in the request that is to blame, or "".
    """

    def __init__(self, status: int, message: str, field: str = ""):
        super().__init__(message)
        self.status, self.field = status, field
