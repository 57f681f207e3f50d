"""Capture: run a function of tensors once, then replay its launches."""

from collections.abc import Callable
from typing import Generic, TypeVar

from pygpt.devices.base import Device, LaunchInfo, Plan

Result = TypeVar("Result")


class Capture(Generic[Result]):
    """`step = Capture(device, function)`: the first call runs `function` and records it, later calls replay.

    The function takes no arguments and returns tensors (or None): everything that changes between calls is in tensors
    it closes over. A replay runs the same launches over the same memory, so it gives the same bits as running the
    function again, and the returned tensors hold the newest values. `plan` is None before the first call;
    `launch_infos` describes its launches.
    """

    def __init__(self, device: Device, function: Callable[[], Result]):
        self.device = device
        self.function = function
        self.plan: Plan | None = None
        self.launch_infos: list[LaunchInfo] = []

    def __call__(self, times: int = 1) -> Result:
        """Run or replay `times` times in all. Raises CaptureError if the function reads or writes a tensor."""
        if self.plan is None:
            self._record()
            times -= 1
        if times:
            self.device.replay(self.plan, times)
        return self.result

    def _record(self) -> None:
        with self.device.record() as recording:
            self.result = self.function()
        self.plan, self.launch_infos = self.device.seal(recording), recording.launch_infos
        # The function is usually a method of this Capture's owner. Dropping it breaks a cycle that would keep the
        # owner's device memory until the next garbage collection.
        del self.function
