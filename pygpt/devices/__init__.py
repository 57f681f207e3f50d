"""Which device to use, and opening it.

Natively, `auto` takes a real GPU, and NumPy where there is none: a processor that plays a GPU multiplies ten times
slower than the same processor under NumPy. (Beside a real GPU a tiny model is still better off on the processor: who knows
the experiment asks pygpt/analysis/device_choice.py.) In the tab (see `open_device_in_tab`) the order is a real GPU, NumPy,
and a software adapter last.
"""

from pygpt.errors import DeviceError

CHOICES = ("auto", "numpy", "webgpu")


def open_device(choice: str = "auto"):
    """Open a device natively.

    Raises: DeviceError for an unknown choice; AdapterError if `webgpu` is asked for and there is no adapter.
    """
    if choice not in CHOICES:
        raise DeviceError(f"there is no device {choice!r}; choose one of {', '.join(CHOICES)}")
    if choice == "numpy":
        return open_numpy()
    from pygpt.devices import wgpu

    if choice == "webgpu":
        return wgpu.open_wgpu()
    found = wgpu.adapters()
    if not found:
        return open_numpy("no WebGPU adapter was found")
    if wgpu.is_software(found[0]):
        return open_numpy(f"the only adapter is {wgpu.describe(found[0])}, a processor playing a GPU: NumPy is faster")
    return wgpu.WgpuDevice(found[0], "a real GPU")


def open_numpy(why: str = "chosen by name"):
    """The NumPy device, with the kernels in C where they can be had."""
    from pygpt.devices.numpy import NumpyDevice
    from pygpt.devices.simd import load

    return NumpyDevice(why, load())


async def open_device_in_tab(choice: str = "auto", ensure_numpy=None):
    """Open a device in the browser; `ensure_numpy` is an async function that makes NumPy importable, or None.

    Raises: DeviceError for an unknown choice, or for `numpy` without a way to load it; AdapterError if `webgpu` is
    asked for and the browser offers none.
    """
    from pygpt.devices import browser

    return await browser.open_device(choice, ensure_numpy)
