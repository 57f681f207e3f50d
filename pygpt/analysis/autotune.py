"""Which of a kernel's shaders a real GPU runs fastest: tried for a moment before a run, and remembered.

GPUs differ in what they want (workgroup memory or none, wide tiles or many), and no table of them would stay true. So before
a run the shaders that fit its largest launches are timed, on tensors of those shapes, until a budget is spent; what was found
goes to a store, and the next run on the same adapter finds it there. What was not timed keeps the first shader that fits.
"""

import collections
import json
import time

from pygpt.analysis.flops import launch_flops
from pygpt.config.experiment import Experiment
from pygpt.devices.base import Device
from pygpt.models import build_model
from pygpt.nn.parameters import RngState, Weights
from pygpt.ops import mean_valid
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import KERNELS, Tensor, backward, empty, no_tape
from pygpt.utils.timer import tick
from pygpt.version import __version__

FILE = "shaders.json"
BUDGET = 0.3  # seconds; the class being tried at the end is finished, so that even a slow GPU learns one a run
WORK = 4e9  # operations in a sample, so that it takes a GPU about a millisecond, more than reading does
MOST_LAUNCHES = 50  # in a sample
TICKS = 20  # steps of the clock that a sample takes at least: it moves by 1 ms in Firefox
MOST_TIMES = 32  # as many launches, where the clock asks for more
CLEARLY = 0.95  # of the time of the one before: what is as fast but for noise is not preferred


class Listing(Device):
    """A real GPU that computes nothing and holds nothing: what is recorded on it says what a GPU would be asked for."""

    kind = "webgpu"
    software = False

    def __init__(self):
        super().__init__("a list of launches", buffer_limit=2**63)

    def _create(self, nbytes):
        return None

    def _write(self, tensor, data):
        """There is nothing to write to."""

    def _prepare(self, kernel, operands, attributes):
        return None

    def _submit(self, launches):
        """There is nothing to do."""


def step_works(experiment: Experiment, vocab_size: int) -> list:
    """What a real GPU is asked for in a training step, there and back."""
    device = Listing()
    counter = empty(device, (1,), "uint32")
    model = build_model(experiment.model, vocab_size)
    weights = Weights(device, model, counter)
    shape = (experiment.train.batch_size, experiment.model.block_size)
    ids, targets = empty(device, shape, "uint32"), empty(device, shape, "int32")
    with device.record() as recording:
        loss, _ = mean_valid(model.losses(ids, targets, RngState(counter, counter)), targets)
        backward(loss, list(weights.named.values()))
    return recording.works


async def tune(device: Device, experiment: Experiment, vocab_size: int, store, seconds: float = BUDGET) -> None:
    """Fill `device.preferences` for an experiment, from the store or by trying; a software adapter is left as it is.

    `store` remembers small texts by name: `await store.recall(name)` gives one or "", `await store.remember(name, text)`
    keeps it. After this the choice is fixed for the launches of a step: captured and eager steps make the same.
    """
    if device.kind == "numpy" or device.software:
        return
    began, listing = time.perf_counter(), Listing()
    flops, works = collections.Counter(), {}
    for work in step_works(experiment, vocab_size):
        if key := KERNELS[work.kernel].shape_class(_operands(listing, work), work.attributes):
            flops[key] += launch_flops(work)
            works.setdefault(key, work)
    adapters = _adapters(await store.recall(FILE))
    known, tried = adapters.setdefault(device.name, {}), False
    for key, _ in flops.most_common():
        if key in device.preferences:
            continue
        work = works[key]
        candidates = list(KERNELS[work.kernel].candidates(device, _operands(listing, work), work.attributes))
        if known.get(key) not in candidates:
            known.pop(key, None)
            if time.perf_counter() - began < seconds:
                known[key], tried = await _fastest(device, work, key, candidates), True
        device.preferences[key] = known.get(key, candidates[0])
    if tried:
        device.pool.trim()
        await store.remember(FILE, json.dumps({"version": __version__, "adapters": adapters}))


async def _fastest(device, work, key, candidates):
    """The candidate that does a launch in the least time."""
    kernel, operands = KERNELS[work.kernel], _operands(device, work)
    inputs, outputs = operands[: len(kernel.inputs)], operands[len(kernel.inputs) :]
    corner = Tensor(outputs[0].buffer, (1,))

    def launch():
        with no_tape():
            kernel(*inputs, out=outputs, **work.attributes)

    times = max(1, min(MOST_LAUNCHES, round(WORK / max(1, launch_flops(work)))))
    most = MOST_TIMES * times
    best, least = None, float("inf")

    async def sample(once, count):
        sent = time.perf_counter()
        once(count)
        await device.fetch(corner)
        return time.perf_counter() - sent

    try:
        for candidate in candidates:
            device.preferences[key] = candidate
            once = Capture(device, launch)
            await sample(once, 1)  # compiles
            took = await sample(once, times)
            while best is None and took < TICKS * tick() and times < most:
                times *= 2
                took = await sample(once, times)
            took = min(took, await sample(once, times))
            if took < CLEARLY * least:
                best, least = candidate, took
    finally:
        device.preferences.pop(key)
    return best


def _operands(device, work):
    """Tensors like those of a launch, None for what is absent; a GPU takes as long whatever they hold."""
    kernel = KERNELS[work.kernel]
    return tuple(
        empty(device, *work.operands[name]) if name in work.operands else None
        for name in kernel.inputs + kernel.outputs
    )


def _adapters(text):
    """What a store holds of each adapter; nothing if another version of pygpt, or nobody who knows the format, wrote it."""
    try:
        held = json.loads(text)
        if held["version"] == __version__:
            return {str(name): dict(shaders) for name, shaders in held["adapters"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
    return {}
