"""The worker behind bench.html: PyScript starts this file, the page asks it for one measurement at a time.

What is measured, and how, is in pygpt/analysis/bench.py; here is only what needs a browser. Answers are JSON.
"""

import json

device = None


async def open_device(choice: str, site: str) -> str:
    """Open a device of the tab, and say what it is. `site` is the absolute URL of the folder of site.json."""
    global device
    from numpy_wheel import ensure_numpy

    from pygpt.devices import open_device_in_tab

    async def bring_numpy():
        await ensure_numpy(site)

    device = await open_device_in_tab(choice, bring_numpy)
    return json.dumps({"kind": device.kind, "name": device.name, "why": device.why, "software": device.software})


async def train(asked: str) -> str:
    """Train one of the sizes of pygpt/analysis/bench.py, and write with it if that is asked for."""
    import opfs_store

    from pygpt.analysis import bench
    from pygpt.analysis.autotune import tune

    wanted = json.loads(asked)
    size, batch_size, tokens = wanted.pop("size"), wanted.pop("batch_size", 0), wanted.pop("sample_tokens", 0)
    experiment = bench.bench_experiment(size, batch_size, wanted.get("steps", 0) + wanted.get("warmup", 0))
    await tune(device, experiment, len(bench.ALPHABET), opfs_store)
    # The peak is of this run alone.
    device.pool.trim()
    device.peak_bytes = device.allocated_bytes
    found = await bench.time_training(experiment, device, **wanted)
    peak = device.peak_bytes
    written = await bench.time_sampling(found.run, tokens, wanted.get("max_ms", 5000)) if tokens else None
    return json.dumps(
        {
            "ms_per_step": found.steps,
            "first_step_ms": found.first_step,
            "host_ms": found.host,
            "loss": found.losses,
            "peak_bytes": peak,
            "batch_size": experiment.train.batch_size,
            "block_size": experiment.model.block_size,
            "flops": bench.step_flops(experiment, len(bench.ALPHABET)),
            "sample_tok_s": written,
        }
    )


async def multiply(asked: str) -> str:
    """Time a product of matrices."""
    from pygpt.analysis import bench

    wanted = json.loads(asked)
    milliseconds = await bench.time_matmul(device, **wanted)
    return json.dumps({"ms": milliseconds, "gflops": 2 * wanted["m"] * wanted["k"] * wanted["n"] / milliseconds / 1e6})


__export__ = ["open_device", "train", "multiply"]
