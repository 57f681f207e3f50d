"""WebGPU in the browser, under Pyodide: browser.js holds the objects, and Python refers to them by number."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pygpt.devices.base import (
    Attributes,
    Data,
    Device,
    Handle,
    Interval,
    Launch,
    Launchable,
    Operand,
    Operands,
    Recording,
)
from pygpt.errors import AdapterError, DeviceError, DeviceLost
from pygpt.tensor.shader_sources import constants, source

CHOICES = ("auto", "webgpu", "numpy")
LOST = "the GPU was lost: the browser or its driver took it away"  # the console has the browser's own words

JsObject = Any  # an object or a promise of browser.js
EnsureNumpy = Callable[[], Awaitable[None]]


class BrowserDevice(Device):
    """The tab's GPU, or SwiftShader emulating one. Reading waits for the GPU, so only `await fetch` can read."""

    kind = "webgpu"
    blocking_reads = False

    def __init__(self, gpu: JsObject, description: JsObject, why: str):
        from pygpt.utils.memory import tab_memory

        super().__init__(f"{description.name} (WebGPU)", why, tab_memory(), buffer_limit=int(gpu.bufferLimit))
        self.software = bool(description.software)
        self.gpu = gpu
        self._pipelines: dict[tuple[object, ...], int] = {}
        self._uniforms: dict[bytes, int] = {}

    def _create(self, nbytes: int) -> Handle:
        return self.gpu.create(nbytes)

    def _destroy(self, handle: Handle) -> None:
        self.gpu.destroy(handle)

    def _write(self, tensor: Operand, data: Data) -> None:
        from pyodide.ffi import to_js

        if len(data):
            self.gpu.write(tensor.buffer.handle, tensor.offset * 4, to_js(data))

    def start_fetch(self, tensor: Operand) -> Awaitable[bytes]:
        """Start reading a tensor. Awaiting it raises DeviceLost if the GPU was lost, DeviceError for a GPU error."""
        self._guard("read a tensor")
        self.flush()
        self._raise_errors()
        promise = self.gpu.fetch(tensor.buffer.handle, tensor.offset * 4, tensor.nbytes)
        return self._finish_fetch(promise, self.pace.sent)

    async def _finish_fetch(self, promise: JsObject, sent: float) -> bytes:
        from pyodide.ffi import JsException

        try:
            data = await promise
        except JsException as error:
            self._raise_errors()
            raise DeviceLost(LOST) from error
        self._raise_errors()
        self.pace.finish(sent)
        content: bytes = data.to_bytes()
        return content

    @property
    def lost(self) -> str:  # type: ignore[override]
        """Why the browser took the GPU away, or ""."""
        return str(self.gpu.lost)

    def _raise_errors(self) -> None:
        if self.lost:
            raise DeviceLost(LOST)
        if self.gpu.error:
            message, self.gpu.error = self.gpu.error, ""
            raise DeviceError(f"the GPU reported an error: {message}")

    def _prepare(self, kernel: Launchable, operands: Operands, attributes: Attributes) -> Launch:
        shader = kernel.shader_for(self, operands, attributes)
        overrides, uniforms = constants(source(shader), kernel.override_values(operands, attributes))
        pipeline = self._pipeline(kernel, shader, overrides, bool(uniforms))
        flat: list[int] = []
        for operand in operands:
            if operand is None:
                flat += (0, 0, 256)
            elif operand.dtype == "float64":
                raise DeviceError(f"{kernel.name}: a GPU does not support float64; use NumPy")
            else:
                flat += (operand.buffer.handle, operand.offset * 4, operand.nbytes)
        if uniforms:
            flat += (self._uniform(uniforms), 0, len(uniforms))
        return self.gpu.prepare(pipeline, *kernel.launch_shape(shader, operands, attributes), *flat)

    def _pipeline(self, kernel: Launchable, shader: str, overrides: dict[str, float], has_uniforms: bool) -> int:
        key = (shader, *overrides.items())
        if key not in self._pipelines:
            bindings = len(kernel.inputs) + len(kernel.outputs)
            self._pipelines[key] = self.gpu.pipeline(
                shader, source(shader), json.dumps(overrides), len(kernel.inputs), bindings, has_uniforms
            )
        return self._pipelines[key]

    def _uniform(self, content: bytes) -> int:
        """Return a uniform buffer with this content; launches with equal content share it."""
        if content not in self._uniforms:
            from pyodide.ffi import to_js

            self._uniforms[content] = self.gpu.uniform(to_js(content))
        return self._uniforms[content]

    def _submit(self, launches: list[Launch]) -> None:
        self.gpu.submit(launches[0], launches[-1], self.recording is not None)

    def _seal(self, recording: Recording) -> _Plan:
        launches = recording.launches
        return _Plan(self.gpu, self.gpu.seal(launches[0], launches[-1]) if launches else None, recording)

    def _replay(self, plan: _Plan, times: int) -> None:
        if plan.number is None:
            return
        pieces = plan.recording.work.pieces(self.pace.limit(self.software))
        if pieces != plan.pieces:
            plan.pieces = pieces
            self.gpu.cut(plan.number, *(start for start, _ in pieces))
        self.pace.send(times * plan.work)
        self.gpu.replay(plan.number, times)

    def _replay_timed(self, plan: _Plan) -> JsObject:
        return self.gpu.replayTimed(plan.number)

    async def _times(self, timing: JsObject) -> list[Interval]:
        numbers = (await timing).to_py().tolist()
        return list(zip(numbers[::2], numbers[1::2]))

    def close(self) -> None:
        """Free all memory and the GPU."""
        super().close()
        self.gpu.close()


class _Plan:
    """A sealed recording: its number in browser.js, and the memory it uses."""

    def __init__(self, gpu: JsObject, number: int | None, recording: Recording):
        self.gpu, self.number, self.recording = gpu, number, recording
        self.work = sum(recording.work.launches)
        self.pieces: list[tuple[int, int]] = [(0, len(recording.launches))]  # as `seal` stores it

    def __del__(self) -> None:
        if self.number is not None:
            self.gpu.forget(self.number)


async def open_device(choice: str, ensure_numpy: EnsureNumpy | None = None) -> Device:
    """Open a device in the tab; see `pygpt.devices.open_device_in_tab`."""
    if choice not in CHOICES:
        raise DeviceError(f"there is no device {choice!r}; choose one of {', '.join(CHOICES)}")
    if choice == "numpy":
        return await _open_numpy(ensure_numpy, "you chose it")
    from pyodide.ffi import JsException

    module = await _module()
    adapter = await module.requestAdapter()
    if adapter:
        description = module.describe(adapter)
        if choice == "webgpu" or not description.software:
            why = "you chose it" if choice == "webgpu" else "a real GPU"
        elif ensure_numpy:
            return await _open_numpy(ensure_numpy, f"the only adapter, {description.name}, runs on the CPU")
        else:
            why = "it runs on the CPU; this site has no NumPy, which would be faster"
        try:
            return BrowserDevice(await module.open(adapter), description, why)
        except JsException as error:
            if choice == "webgpu" or ensure_numpy is None:
                raise AdapterError(
                    f"the browser did not open its GPU, {description.name} ({error.message}). Close other tabs that "
                    "use the GPU and choose the device again" + ("" if ensure_numpy is None else ", or choose NumPy")
                ) from None
            return await _open_numpy(ensure_numpy, f"the browser did not open its GPU ({error.message})")
    if choice == "webgpu":
        raise AdapterError(
            "this browser offers no WebGPU adapter. Try a current Chrome, Edge, Firefox or Safari, "
            "check that hardware acceleration is on, or choose NumPy"
        )
    if ensure_numpy is None:
        raise AdapterError(
            "this browser offers no WebGPU adapter, and this site was built without NumPy; try a "
            "current Chrome, Edge, Firefox or Safari"
        )
    return await _open_numpy(ensure_numpy, "this browser offers no WebGPU adapter")


async def _open_numpy(ensure_numpy: EnsureNumpy | None, why: str) -> Device:
    if ensure_numpy is None:
        raise DeviceError("this site was built without NumPy for the tab; choose WebGPU, or rebuild it with --wheels")
    await ensure_numpy()
    from pygpt.devices.numpy import NumpyDevice
    from pygpt.devices.simd import load

    return NumpyDevice(why, load())


async def _module() -> JsObject:
    """Return browser.js as a module: from the page's PyScript configuration, else from the wheel."""
    try:
        from pyscript.js_modules import pygpt_browser
    except ImportError:
        from urllib.parse import quote

        from pyodide.code import run_js

        text = Path(__file__).with_name("browser.js").read_text(encoding="utf-8")
        return await run_js("url => import(url)")("data:text/javascript," + quote(text))
    return pygpt_browser
