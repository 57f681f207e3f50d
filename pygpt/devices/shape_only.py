"""A device that computes nothing and stores nothing, but does the bookkeeping of every device.

Tensors have shapes but no elements, and launches are listed but never run. Setting up a real run on it and taking a
step gives the exact peak bytes, the launches and the floating-point operations of the run.
"""

from pygpt.devices.base import Attributes, Buffer, Data, Device, Launch, Launchable, Operand, Operands


class ShapeOnlyDevice(Device):
    """Bookkeeping without memory. `kind` and `software` are those of the imitated device; they decide how an operation
    is split into launches.

    Attribute: `largest_recorded`, the bytes of the largest buffer requested while recording.
    """

    stores_no_data = True

    def __init__(self, kind: str = "numpy", software: bool = True):
        self.kind, self.software = kind, software
        self.largest_recorded = 0
        super().__init__("a plan", "nothing is computed", buffer_limit=2**63)

    def allocate(self, nbytes: int) -> Buffer:
        if self.recording:
            self.largest_recorded = max(self.largest_recorded, nbytes)
        return super().allocate(nbytes)

    def _create(self, nbytes: int) -> None:
        return None  # only its size is needed

    def _write(self, tensor: Operand, data: Data) -> None:
        """Discard the data."""

    def _prepare(self, kernel: Launchable, operands: Operands, attributes: Attributes) -> None:
        return None  # the recording holds all that is needed of a launch

    def _submit(self, launches: list[Launch]) -> None:
        """Run nothing."""
