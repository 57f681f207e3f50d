"""The worker of bench.html: PyScript starts this file, and the page requests one measurement at a time.

pygpt/analysis/bench.py defines the measurements; this file contains only what needs a browser. Answers are JSON.
"""

import json

from event_loop import coalesce_wake_ups

coalesce_wake_ups()  # as in the lab, whose speed this measures

device = None


async def open_device(choice: str, site: str) -> str:
    """Open a device of the tab and describe it. `site` is the absolute URL of the folder of site.json."""
    global device
    from numpy_wheel import ensure_numpy

    from pygpt.devices import open_device_in_tab

    async def load_numpy():
        await ensure_numpy(site)

    device = await open_device_in_tab(choice, load_numpy)
    return json.dumps({"kind": device.kind, "name": device.name, "why": device.why, "software": device.software})


async def train(asked: str) -> str:
    """Train one of the sizes of pygpt/analysis/bench.py; with `sample_tokens` also time sampling from it."""
    import opfs_files

    from pygpt.analysis import bench
    from pygpt.analysis.autotune import tune

    request = json.loads(asked)
    size, batch_size, tokens = request.pop("size"), request.pop("batch_size", 0), request.pop("sample_tokens", 0)
    experiment = bench.bench_experiment(size, batch_size, request.get("steps", 0) + request.get("warmup", 0))
    await tune(device, experiment, len(bench.ALPHABET), opfs_files)
    # Reset the peak, so that it covers this run only.
    device.pool.trim()
    device.peak_bytes = device.allocated_bytes
    timing = await bench.time_training(experiment, device, **request)
    peak = device.peak_bytes
    sampled = await bench.time_sampling(timing.run, tokens, request.get("max_ms", 5000)) if tokens else None
    return json.dumps(
        {
            "ms_per_step": timing.steps,
            "first_step_ms": timing.first_step,
            "host_ms": timing.host,
            "loss": timing.losses,
            "peak_bytes": peak,
            "batch_size": experiment.train.batch_size,
            "block_size": experiment.model.block_size,
            "flops": bench.step_flops(experiment, len(bench.ALPHABET)),
            "sample_tok_s": sampled,
        }
    )


async def multiply(asked: str) -> str:
    """Time a matrix product."""
    from pygpt.analysis import bench

    sizes = json.loads(asked)
    milliseconds = await bench.time_matmul(device, **sizes)
    return json.dumps({"ms": milliseconds, "gflops": 2 * sizes["m"] * sizes["k"] * sizes["n"] / milliseconds / 1e6})


__export__ = ["open_device", "train", "multiply"]
