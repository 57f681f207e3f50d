"""WebGPU on the desktop, through wgpu-py."""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pygpt.devices.base import Attributes, Data, Device, Interval, Launchable, Operand, Operands, Recording
from pygpt.devices.wgpu_encoding import EncodedLaunch, WgpuLaunch, encode, native_handles, timestamp_period
from pygpt.errors import AdapterError, DeviceError, MemoryLimit
from pygpt.tensor.shader_sources import constants, source

if TYPE_CHECKING:
    from wgpu import GPUAdapter, GPUBindGroupLayout, GPUBuffer, GPUComputePipeline, GPUShaderModule

BUFFER_LIMIT = 2**31 - 4
MAX_TIMED_LAUNCHES = 2048  # launches: a WebGPU query set has at most 4,096 queries, and a launch takes two

Plan = tuple[Sequence[EncodedLaunch], Recording]


class WgpuDevice(Device):
    """A desktop GPU, or a software adapter (Mesa's lavapipe), through wgpu-native."""

    kind = "webgpu"

    def __init__(self, adapter: GPUAdapter, why: str = "you chose it"):
        import wgpu

        self._wgpu = wgpu
        limits = adapter.limits
        required_limits = {
            "max-buffer-size": limits["max-buffer-size"],
            "max-storage-buffer-binding-size": limits["max-storage-buffer-binding-size"],
        }
        self._has_timestamps = "timestamp-query" in adapter.features
        features = ["timestamp-query"] if self._has_timestamps else []
        try:
            self._device = adapter.request_device_sync(required_limits=required_limits, required_features=features)
        except Exception as error:
            raise DeviceError(f"cannot open the adapter {describe(adapter)}: {error}") from error
        buffer_limit = min(*required_limits.values(), BUFFER_LIMIT)
        super().__init__(describe(adapter), why, memory_limit=None, buffer_limit=buffer_limit)
        self.software = is_software(adapter)
        self._queue = self._device.queue
        self._modules: dict[str, GPUShaderModule] = {}
        self._pipelines: dict[tuple[object, ...], tuple[GPUComputePipeline, GPUBindGroupLayout]] = {}
        self._uniforms: dict[bytes, GPUBuffer] = {}
        # Tensors refer to buffers by number. If they held the buffers, Python's cycle collector could finalize a buffer
        # together with its tensor, and the pool would reuse a destroyed one.
        self._buffers: dict[int, GPUBuffer] = {}
        self._numbers = itertools.count(1)
        # Bound for an absent optional input; the shader does not read it.
        self._placeholder = self._create(256)

    def _create(self, nbytes: int) -> int:
        usage = self._wgpu.BufferUsage
        number = next(self._numbers)
        try:
            self._buffers[number] = self._device.create_buffer(
                size=nbytes, usage=usage.STORAGE | usage.COPY_SRC | usage.COPY_DST
            )
        except self._wgpu.GPUError as error:
            raise MemoryLimit(
                f"{self.name} refused to allocate {nbytes / 2**20:.1f} MiB more ({error}); "
                f"{self.allocated_bytes / 2**20:.0f} MiB are in use. Use a smaller batch, context length or model"
            ) from None
        return number

    def _destroy(self, handle: int) -> None:
        self._buffers.pop(handle).destroy()

    def _write(self, tensor: Operand, data: Data) -> None:
        if len(data):
            self._queue.write_buffer(self._buffers[tensor.buffer.handle], tensor.offset * 4, data)

    def _read(self, tensor: Operand) -> bytes:
        return bytes(self._queue.read_buffer(self._buffers[tensor.buffer.handle], tensor.offset * 4, tensor.nbytes))

    def _prepare(self, kernel: Launchable, operands: Operands, attributes: Attributes) -> WgpuLaunch:
        shader = kernel.shader_for(self, operands, attributes)
        overrides, uniforms = constants(source(shader), kernel.override_values(operands, attributes))
        pipeline, layout = self._pipeline(kernel, shader, overrides, bool(uniforms))
        entries = [
            {"binding": index, "resource": self._resource(kernel, operand)} for index, operand in enumerate(operands)
        ]
        if uniforms:
            entries.append({"binding": len(operands), "resource": {"buffer": self._uniform(uniforms)}})
        group = self._device.create_bind_group(layout=layout, entries=entries)
        return pipeline, group, kernel.launch_shape(shader, operands, attributes)

    def _resource(self, kernel: Launchable, operand: Operand | None) -> dict[str, object]:
        if operand is None:
            return {"buffer": self._buffers[self._placeholder], "offset": 0, "size": 256}
        if operand.dtype == "float64":
            raise DeviceError(f"{kernel.name}: a GPU does not support float64; use --device numpy")
        return {"buffer": self._buffers[operand.buffer.handle], "offset": operand.offset * 4, "size": operand.nbytes}

    def _uniform(self, content: bytes) -> GPUBuffer:
        """Return a uniform buffer with this content; launches with equal content share it."""
        if content not in self._uniforms:
            self._uniforms[content] = self._device.create_buffer_with_data(
                data=content, usage=self._wgpu.BufferUsage.UNIFORM
            )
        return self._uniforms[content]

    def _pipeline(
        self, kernel: Launchable, shader: str, overrides: dict[str, float], has_uniforms: bool
    ) -> tuple[GPUComputePipeline, GPUBindGroupLayout]:
        key = (shader, *overrides.items())
        if key not in self._pipelines:
            types = ["read-only-storage"] * len(kernel.inputs) + ["storage"] * len(kernel.outputs)
            types += ["uniform"] * has_uniforms
            layout = self._device.create_bind_group_layout(
                entries=[
                    {"binding": index, "visibility": self._wgpu.ShaderStage.COMPUTE, "buffer": {"type": kind}}
                    for index, kind in enumerate(types)
                ]
            )
            if shader not in self._modules:
                self._modules[shader] = self._device.create_shader_module(label=shader, code=source(shader))
            pipeline = self._device.create_compute_pipeline(
                label=shader,
                layout=self._device.create_pipeline_layout(bind_group_layouts=[layout]),
                compute={"module": self._modules[shader], "entry_point": "main", "constants": overrides},
            )
            self._pipelines[key] = pipeline, layout
        return self._pipelines[key]

    def _submit(self, launches: list[WgpuLaunch]) -> None:
        self._encode(native_handles(launches))

    def _seal(self, recording: Recording) -> Plan:
        return native_handles(recording.launches), recording  # the recording keeps the owners of the handles alive

    def _replay(self, plan: Plan, times: int) -> None:
        encoded, recording = plan
        submissions = [encoded[start:stop] for start, stop in recording.work.pieces(self.pace.limit(self.software))]
        self.pace.send(times * sum(recording.work.launches))
        for _ in range(times):
            for submission in submissions:
                self._encode(submission)

    def _replay_timed(self, plan: Plan) -> list[Interval] | list[GPUBuffer]:
        """Run one pass per launch with timestamps at both ends; without timestamps, submit each launch and wait."""
        if not self._has_timestamps:
            return [self._time_by_clock(launch) for launch in plan[0]]
        usage, buffers = self._wgpu.BufferUsage, []
        for start in range(0, len(plan[0]), MAX_TIMED_LAUNCHES):
            chunk = plan[0][start : start + MAX_TIMED_LAUNCHES]
            queries = self._device.create_query_set(type="timestamp", count=2 * len(chunk))
            buffer = self._device.create_buffer(size=16 * len(chunk), usage=usage.QUERY_RESOLVE | usage.COPY_SRC)
            encoder = self._device.create_command_encoder()
            for index, launch in enumerate(chunk):
                compute_pass = encoder.begin_compute_pass(
                    timestamp_writes={
                        "query_set": queries,
                        "beginning_of_pass_write_index": 2 * index,
                        "end_of_pass_write_index": 2 * index + 1,
                    }
                )
                encode(compute_pass, [launch])
                compute_pass.end()
            encoder.resolve_query_set(queries, 0, 2 * len(chunk), buffer, 0)
            self._queue.submit([encoder.finish()])
            buffers.append(buffer)
        return buffers

    def _time_by_clock(self, launch: EncodedLaunch) -> Interval:
        began = time.perf_counter()
        self._encode([launch])
        self._queue.read_buffer(self._buffers[self._placeholder])  # waits; on_submitted_work_done fails in wgpu-py 0.32
        return began, time.perf_counter()

    async def _times(self, timing: list[Interval] | list[GPUBuffer]) -> list[Interval]:
        if not self._has_timestamps:
            return timing
        seconds = timestamp_period(self._queue)
        ticks = [
            number for buffer in timing for number in memoryview(self._queue.read_buffer(buffer)).cast("B").cast("Q")
        ]
        return [(start * seconds, end * seconds) for start, end in zip(ticks[::2], ticks[1::2])]

    def _encode(self, encoded: Sequence[EncodedLaunch]) -> None:
        encoder = self._device.create_command_encoder()
        compute_pass = encoder.begin_compute_pass()
        encode(compute_pass, encoded)
        compute_pass.end()
        self._queue.submit([encoder.finish()])

    def close(self) -> None:
        """Free all memory and the adapter."""
        super().close()
        self._pipelines.clear()
        self._device.destroy()


def adapters() -> list[GPUAdapter]:
    """List the usable adapters, real GPUs first; empty if there is no driver."""
    # Without this variable, drivers that search for a window system print warnings to standard error.
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
    try:
        import wgpu

        available = wgpu.gpu.enumerate_adapters_sync()
    except (ImportError, RuntimeError, OSError):
        return []
    # Through OpenGL the same chip appears a second time, with smaller limits.
    usable = [adapter for adapter in available if adapter.info["backend_type"] != "OpenGL"]
    ranks = {"DiscreteGPU": 0, "IntegratedGPU": 1, "Unknown": 2, "CPU": 3}
    return sorted(usable, key=lambda adapter: ranks.get(adapter.info["adapter_type"], 2))


def is_software(adapter: GPUAdapter) -> bool:
    """Whether the adapter emulates a GPU on the CPU."""
    return bool(adapter.info["adapter_type"] == "CPU")


def describe(adapter: GPUAdapter) -> str:
    """The adapter's name and its graphics API, for display."""
    return f"{adapter.info['device']} ({adapter.info['backend_type']})"


def open_wgpu(why: str = "you chose it") -> WgpuDevice:
    """Open the best adapter. Raises AdapterError if there is none."""
    available = adapters()
    if not available:
        raise AdapterError(
            "there is no WebGPU adapter: no Vulkan, Metal or DirectX 12 driver was found. Install your "
            "GPU's driver (on Debian, mesa-vulkan-drivers also gives a software one), or use --device numpy"
        )
    return WgpuDevice(available[0], why)
