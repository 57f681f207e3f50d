"""Encoding a pass of launches at the cost of the C calls.

wgpu-py guards every call with an error handler of its own, makes an empty array of offsets for every bind group, and so
takes 4 us a launch; the C functions take 2. Inside a pass that is safe: whatever is wrong with a launch is noted by
wgpu-native and reported, as an exception, when the encoder finishes. The handles belong to pipelines and bind groups that
the launches keep alive. Where wgpu-py looks different inside, its public methods do the same.
"""


def handles(launches) -> list:
    """What `encode` takes, from launches (pipeline, bind group, numbers of workgroups)."""
    if _LIBRARY is None:
        return launches
    return [(pipeline._internal, group._internal, *groups) for pipeline, group, groups in launches]


def encode(sweep, launches) -> None:
    """Write launches, as `handles` gave them, into a compute pass."""
    if _LIBRARY is None:
        for pipeline, group, groups in launches:
            sweep.set_pipeline(pipeline)
            sweep.set_bind_group(0, group)
            sweep.dispatch_workgroups(*groups)
        return
    handle, nothing = sweep._internal, _NOTHING
    set_pipeline = _LIBRARY.wgpuComputePassEncoderSetPipeline
    set_bind_group = _LIBRARY.wgpuComputePassEncoderSetBindGroup
    dispatch = _LIBRARY.wgpuComputePassEncoderDispatchWorkgroups
    before = None
    for pipeline, group, x, y, z in launches:
        if pipeline is not before:
            set_pipeline(handle, pipeline)
            before = pipeline
        set_bind_group(handle, 0, group, 0, nothing)
        dispatch(handle, x, y, z)


def tick(queue) -> float:
    """Seconds between two numbers of a timestamp: wgpu-native hands a GPU's own ticks out, not nanoseconds."""
    period = getattr(_LIBRARY, "wgpuQueueGetTimestampPeriod", None)
    return 1e-9 * (period(queue._internal) if period else 1.0)


def _inside():
    """wgpu-py's C library and null pointer, or None twice where its inside is not what is written for here."""
    try:
        from wgpu.backends.wgpu_native import ffi, lib

        known = all(
            ffi.typeof(getattr(lib, f"wgpuComputePassEncoder{name}")).cname == f"void(*)({parameters})"
            for name, parameters in _SIGNATURES.items()
        )
    except (ImportError, AttributeError):
        known = False
    return (lib, ffi.NULL) if known else (None, None)


_PASS = "struct WGPUComputePassEncoderImpl *"
_SIGNATURES = {
    "SetPipeline": f"{_PASS}, struct WGPUComputePipelineImpl *",
    "SetBindGroup": f"{_PASS}, uint32_t, struct WGPUBindGroupImpl *, size_t, uint32_t *",
    "DispatchWorkgroups": f"{_PASS}, uint32_t, uint32_t, uint32_t",
}
_LIBRARY, _NOTHING = _inside()
