"""The pygpt process of the native comparison, run like each peer: `python -m tests.bench.ours numpy|webgpu`."""

import asyncio
import json
import sys
from pathlib import Path

from tests.bench.peers import measure

measure.pin()

from pygpt.analysis import bench  # noqa: E402
from pygpt.analysis.memory import memory_estimate  # noqa: E402
from pygpt.devices import base as devices  # noqa: E402  (after the process is pinned)
from pygpt.devices import open_device  # noqa: E402


class LaunchCounter:
    """Counts the launches of each recording: the longest recording is the training step."""

    def __init__(self):
        self.counts = {}
        add = devices.Recording.add
        counts = self.counts

        def counting_add(recording, *launch):
            counts[id(recording)] = counts.get(id(recording), 0) + 1
            add(recording, *launch)

        devices.Recording.add = counting_add

    def take(self) -> int:
        """Return the length of the longest recording since the last call."""
        longest = max(self.counts.values(), default=0)
        self.counts.clear()
        return longest


def train(device, launches, work, steps=100, warmup=2, min_steps=3, max_ms=5000.0, sample_tokens=0):
    """Measure as measure.train does, with pygpt.analysis.bench."""
    description = json.loads(Path(work).read_text())
    experiment = bench.bench_experiment(description["size"], description["batch"], steps + warmup)
    before, _ = measure._resident(), device.pool.trim()
    device.peak_bytes = device.allocated_bytes
    launches.take()
    timing = asyncio.run(
        bench.time_training(experiment, device, steps=steps, warmup=warmup, min_steps=min_steps, max_ms=max_ms)
    )
    peak = 1024 * measure.resource.getrusage(measure.resource.RUSAGE_SELF).ru_maxrss - before
    text = len(bench.bench_text().text)
    return {
        "ms_per_step": timing.steps,
        "first_step_ms": timing.first_step,
        "loss": timing.losses,
        "peak_bytes": peak,
        "device_bytes": device.peak_bytes,
        "estimate_bytes": memory_estimate(experiment, len(bench.ALPHABET), text),
        "launches": launches.take(),
        "host_ms": timing.host,
        "sample_tok_s": asyncio.run(bench.time_sampling(timing.run, sample_tokens, max_ms)) if sample_tokens else None,
    }


def main(choice):
    """Answer requests until standard input ends."""
    device, launches = open_device(choice), LaunchCounter()
    print(json.dumps({"name": f"pygpt, {device.name}"}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request.pop("do") == "train":
                answer = train(device, launches, **request)
            else:
                ms = asyncio.run(bench.time_matmul(device, **request))
                answer = {"ms": ms, "gflops": 2 * request["m"] * request["k"] * request["n"] / ms / 1e6}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
