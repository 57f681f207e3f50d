"""Find the fastest of a kernel's shaders on a real GPU, by timing them briefly before a run.

GPUs differ in which shaders are fast (workgroup memory or none, wide tiles or many), and a fixed table would go out of
date. So the shaders that fit a run's largest launches are timed on tensors of those shapes, until a budget is spent.
The results are stored for later runs on the same adapter. Launches that were not timed use the first shader that fits.
"""

import collections
import json
import time

from pygpt.analysis.flops import launch_flops
from pygpt.config.experiment import Experiment
from pygpt.devices.base import Device, LaunchInfo
from pygpt.models import build_model
from pygpt.nn.parameters import RngState, Weights
from pygpt.ops import mean_valid
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import KERNELS, Tensor, backward, empty, no_tape
from pygpt.utils.clock_resolution import clock_resolution
from pygpt.version import __version__

FILE = "shaders.json"
BUDGET = 0.3  # seconds; the class in progress is still completed, so that even a slow GPU gets one result per run
SAMPLE_FLOPS = 4e9  # operations per sample: about a millisecond on a GPU, longer than a read
MAX_LAUNCHES = 50  # per sample
MIN_TICKS = 20  # minimum clock ticks per sample; a tick is 1 ms in Firefox
MAX_REPEAT_FACTOR = 32  # maximum increase of the launches per sample for a coarse clock
MIN_IMPROVEMENT = 0.95  # a shader must take less than this fraction of the best time, so that noise does not decide


class LaunchRecorder(Device):
    """A real GPU that computes and stores nothing: a recording on it lists the launches of a real GPU."""

    kind = "webgpu"
    software = False

    def __init__(self):
        super().__init__("a list of launches", buffer_limit=2**63)

    def _create(self, nbytes):
        return None

    def _write(self, tensor, data):
        """Discard the data."""

    def _prepare(self, kernel, operands, attributes):
        return None

    def _submit(self, launches):
        """Run nothing."""


def step_works(experiment: Experiment, vocab_size: int) -> list[LaunchInfo]:
    """List the launches of a training step on a real GPU, forward and backward."""
    device = LaunchRecorder()
    counter = empty(device, (1,), "uint32")
    model = build_model(experiment.model, vocab_size)
    weights = Weights(device, model, counter)
    shape = (experiment.train.batch_size, experiment.model.block_size)
    ids, targets = empty(device, shape, "uint32"), empty(device, shape, "int32")
    with device.record() as recording:
        loss, _ = mean_valid(model.losses(ids, targets, RngState(counter, counter)), targets)
        backward(loss, list(weights.by_name.values()))
    return recording.launch_infos


async def tune(device: Device, experiment: Experiment, vocab_size: int, store, seconds: float = BUDGET) -> None:
    """Fill `device.preferences` for an experiment, from the store or by timing; a software adapter is not changed.

    `store` keeps small texts by name: `await store.recall(name)` returns one or "", `await store.remember(name, text)`
    saves one. Afterwards the choice is fixed for the launches of a step: captured and eager steps use the same shaders.
    """
    if device.kind == "numpy" or device.software:
        return
    began, listing = time.perf_counter(), LaunchRecorder()
    flops: collections.Counter[str] = collections.Counter()
    launch_infos: dict[str, LaunchInfo] = {}
    for work in step_works(experiment, vocab_size):
        if key := KERNELS[work.kernel].shape_class(_operands(listing, work), work.attributes):
            flops[key] += launch_flops(work)
            launch_infos.setdefault(key, work)
    adapters = _adapters(await store.recall(FILE))
    stored, changed = adapters.setdefault(device.name, {}), False
    for key, _ in flops.most_common():
        if key in device.preferences:
            continue
        work = launch_infos[key]
        candidates = list(KERNELS[work.kernel].candidates(device, _operands(listing, work), work.attributes))
        if stored.get(key) not in candidates:
            stored.pop(key, None)
            if time.perf_counter() - began < seconds:
                stored[key], changed = await _fastest(device, work, key, candidates), True
        device.preferences[key] = stored.get(key, candidates[0])
    if changed:
        device.pool.trim()
        await store.remember(FILE, json.dumps({"version": __version__, "adapters": adapters}))


async def _fastest(device, work, key, candidates):
    """Return the candidate that runs a launch in the least time."""
    kernel, operands = KERNELS[work.kernel], _operands(device, work)
    inputs, outputs = operands[: len(kernel.inputs)], operands[len(kernel.inputs) :]
    corner = Tensor(outputs[0].buffer, (1,))

    def launch():
        with no_tape():
            kernel(*inputs, out=outputs, **work.attributes)

    times = max(1, min(MAX_LAUNCHES, round(SAMPLE_FLOPS / max(1, launch_flops(work)))))
    max_times = MAX_REPEAT_FACTOR * times
    best, best_seconds = None, float("inf")

    async def sample(capture, count):
        start = time.perf_counter()
        capture(count)
        await device.fetch(corner)
        return time.perf_counter() - start

    try:
        for candidate in candidates:
            device.preferences[key] = candidate
            capture = Capture(device, launch)
            await sample(capture, 1)  # compiles
            elapsed = await sample(capture, times)
            while best is None and elapsed < MIN_TICKS * clock_resolution() and times < max_times:
                times *= 2
                elapsed = await sample(capture, times)
            elapsed = min(elapsed, await sample(capture, times))
            if elapsed < MIN_IMPROVEMENT * best_seconds:
                best, best_seconds = candidate, elapsed
    finally:
        device.preferences.pop(key)
    return best


def _operands(device, work):
    """Make tensors like those of a launch, None for absent ones; their content does not affect the time."""
    kernel = KERNELS[work.kernel]
    return tuple(
        empty(device, *work.operands[name]) if name in work.operands else None
        for name in kernel.inputs + kernel.outputs
    )


def _adapters(text):
    """Parse the stored shaders of each adapter; empty if the format is invalid or of another version of pygpt."""
    try:
        stored = json.loads(text)
        if stored["version"] == __version__:
            return {str(name): dict(shaders) for name, shaders in stored["adapters"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
    return {}
