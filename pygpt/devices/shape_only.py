"""A device that computes nothing and holds nothing: it keeps the books that every device keeps.

Tensors have shapes and no elements, launches are listed and never done. So a real run can be set up and taken through a
step on it, to learn what it would come to: peak bytes to the last, launches, arithmetic.
"""

from pygpt.devices.base import Device


class ShapeOnlyDevice(Device):
    """Books without memory. `kind` and `software` are those of the device that is imitated, which decide how an operation
    is cut into launches.

    Attribute: `largest_recorded`, the bytes of the largest buffer asked for while recording.
    """

    abstract = True

    def __init__(self, kind: str = "numpy", software: bool = True):
        self.kind, self.software = kind, software
        self.largest_recorded = 0
        super().__init__("a plan", "nothing is computed", buffer_limit=2**63)

    def allocate(self, nbytes: int):
        if self.recording:
            self.largest_recorded = max(self.largest_recorded, nbytes)
        return super().allocate(nbytes)

    def _create(self, nbytes):
        return None  # a size is all there is of it

    def _write(self, tensor, data):
        """Nothing is kept of what is written."""

    def _prepare(self, kernel, operands, attributes):
        return None  # what a recording notes of a launch is enough

    def _submit(self, launches):
        """Nothing is computed."""
