"""Encode a pass of launches through wgpu-native's C functions.

wgpu-py wraps every call in its own error handler and makes an empty array of offsets for every bind group. It takes
4 us per launch; the C functions take 2. Calling them directly inside a pass is safe: wgpu-native records any error in a
launch, and finishing the encoder raises it as an exception. The launches keep alive the pipelines and bind groups that
the handles belong to. If wgpu-py's internals differ from those expected here, its public methods are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wgpu import GPUComputePassEncoder, GPUQueue

WgpuLaunch = tuple[Any, Any, tuple[int, int, int]]  # a pipeline, a bind group, numbers of workgroups
EncodedLaunch = tuple[Any, ...]  # the same as handles of wgpu-native, in one tuple, or unchanged without its library


def native_handles(launches: list[WgpuLaunch]) -> Sequence[EncodedLaunch]:
    """Convert launches to what `encode` takes."""
    if _LIBRARY is None:
        return launches
    return [(pipeline._internal, group._internal, *workgroups) for pipeline, group, workgroups in launches]


def encode(compute_pass: GPUComputePassEncoder, launches: Sequence[EncodedLaunch]) -> None:
    """Write launches, as returned by `native_handles`, into a compute pass."""
    if _LIBRARY is None:
        for pipeline, group, workgroups in launches:
            compute_pass.set_pipeline(pipeline)
            compute_pass.set_bind_group(0, group)
            compute_pass.dispatch_workgroups(*workgroups)
        return
    handle, null = compute_pass._internal, _NULL
    set_pipeline = _LIBRARY.wgpuComputePassEncoderSetPipeline
    set_bind_group = _LIBRARY.wgpuComputePassEncoderSetBindGroup
    dispatch = _LIBRARY.wgpuComputePassEncoderDispatchWorkgroups
    previous = None
    for pipeline, group, x, y, z in launches:
        if pipeline is not previous:
            set_pipeline(handle, pipeline)
            previous = pipeline
        set_bind_group(handle, 0, group, 0, null)
        dispatch(handle, x, y, z)


def timestamp_period(queue: GPUQueue) -> float:
    """Seconds per unit of a timestamp: wgpu-native returns the GPU's own ticks, not nanoseconds."""
    period = getattr(_LIBRARY, "wgpuQueueGetTimestampPeriod", None)
    return 1e-9 * (period(queue._internal) if period else 1.0)


def _load_library() -> tuple[Any, Any]:
    """Return wgpu-py's C library and null pointer, or (None, None) if its internals are not the expected ones."""
    try:
        from wgpu.backends.wgpu_native import ffi, lib

        supported = all(
            ffi.typeof(getattr(lib, f"wgpuComputePassEncoder{name}")).cname == f"void(*)({parameters})"
            for name, parameters in _SIGNATURES.items()
        )
    except (ImportError, AttributeError):
        supported = False
    return (lib, ffi.NULL) if supported else (None, None)


_PASS = "struct WGPUComputePassEncoderImpl *"
_SIGNATURES = {
    "SetPipeline": f"{_PASS}, struct WGPUComputePipelineImpl *",
    "SetBindGroup": f"{_PASS}, uint32_t, struct WGPUBindGroupImpl *, size_t, uint32_t *",
    "DispatchWorkgroups": f"{_PASS}, uint32_t, uint32_t, uint32_t",
}
_LIBRARY, _NULL = _load_library()
