"""Choose and open a device.

Natively, `auto` takes a real GPU if there is one, else NumPy: a software adapter (a GPU emulated on the CPU)
multiplies ten times slower than NumPy on the same CPU. Even with a real GPU, a tiny model trains faster on the
CPU; code that has the experiment uses pygpt/analysis/device_choice.py. In the tab (see `open_device_in_tab`) the
order is a real GPU, NumPy, a software adapter.
"""

from collections.abc import Awaitable, Callable

from pygpt.devices.base import Device
from pygpt.errors import DeviceError

CHOICES = ("auto", "numpy", "webgpu")


def check_device(device: object) -> None:
    """Check that a caller's device is a choice or open. Raises: DeviceError for anything else."""
    if not isinstance(device, str | Device):
        raise DeviceError(f"expected a device, one of {', '.join(CHOICES)} or an open one; got {device!r:.60}")


def open_device(choice: str = "auto") -> Device:
    """Open a device natively.

    Raises: DeviceError for an unknown choice; AdapterError if `webgpu` is chosen and there is no adapter.
    """
    if choice not in CHOICES:
        raise DeviceError(f"there is no device {choice!r}; choose one of {', '.join(CHOICES)}")
    if choice == "numpy":
        return open_numpy()
    from pygpt.devices import wgpu

    if choice == "webgpu":
        return wgpu.open_wgpu()
    adapters = wgpu.adapters()
    if not adapters:
        return open_numpy("no WebGPU adapter was found")
    if wgpu.is_software(adapters[0]):
        return open_numpy(f"the only adapter, {wgpu.describe(adapters[0])}, runs on the CPU; NumPy is faster")
    return wgpu.WgpuDevice(adapters[0], "a real GPU")


def open_numpy(why: str = "you chose it") -> Device:
    """Open the NumPy device, with C kernels if they are available."""
    from pygpt.devices.numpy import NumpyDevice
    from pygpt.devices.simd import load, reason_without

    library = load()
    without = "" if library else reason_without()
    return NumpyDevice(f"{why}; without C kernels, since {without}" if without else why, library)


async def open_device_in_tab(choice: str = "auto", ensure_numpy: Callable[[], Awaitable[None]] | None = None) -> Device:
    """Open a device in the browser; `ensure_numpy` is an async function that makes NumPy importable, or None.

    Raises: DeviceError for an unknown choice, or for `numpy` without a way to load it; AdapterError if `webgpu` is
    chosen and the browser has no adapter.
    """
    from pygpt.devices import browser

    return await browser.open_device(choice, ensure_numpy)
