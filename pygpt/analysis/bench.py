"""Measure how fast a device is: training steps, sampled tokens, matrix products. The caller displays the results.

The measurements wait for the device, so they are `async`, and other tasks can run between two of them. Each timed piece
of work ends by reading a result back, because only then is it known to be complete.
"""

import dataclasses
import time
from collections.abc import AsyncIterator

from pygpt.analysis.flops import step_flops
from pygpt.analysis.memory import check_memory
from pygpt.config.experiment import PRESETS, Experiment
from pygpt.data.sources.tasks import is_task
from pygpt.data.text import Text, make_text
from pygpt.devices.base import Device
from pygpt.errors import ExperimentError, MemoryLimit
from pygpt.inference.generate import SLICE, stream
from pygpt.inference.sampler import Sampler
from pygpt.ops import matmul, normal
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import Tensor, empty, no_tape, tensor
from pygpt.training.run import Run
from pygpt.utils.blocking import yield_to_event_loop
from pygpt.utils.clock_resolution import clock_resolution

# The alphabet of Tiny Shakespeare: 65 characters, so that model sizes match those in published figures.
ALPHABET = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHARACTERS = 20_000

# Compared with other projects: (layers, heads, embedding width, context length, batch size). A bigram is just a table.
SIZES = {
    "bigram": (1, 1, 16, 8, 32),
    "micro": (1, 4, 16, 16, 1),
    "baby": (3, 3, 48, 32, 12),
    "small": (4, 4, 128, 64, 12),
    "nano": (6, 6, 384, 256, 2),
}
MIN_STEPS = 2000  # length of the schedule, as in a preset; it is computed before the first step
SAMPLE_MS = 5.0  # minimum duration of a measurement
MIN_TICKS = 50  # minimum duration in clock ticks, which are 0.1 or 1 ms in a tab
# The character presets, without the tasks, which all have the same size. GPT-2's needs its own tokenizer and a day.
MEASURED_PRESETS = tuple(
    name for name, preset in PRESETS.items() if preset.data.tokenizer == "char" and not is_task(preset.data.source)
)
MATMUL_SIZES = (256, 512, 1024, 2048, 4096)


def bench_text() -> Text:
    """Make a reproducible text of 65 different characters, each determined by the one before or pseudorandom."""
    letters, state, last = list(ALPHABET), 1, 0
    for _ in range(CHARACTERS - len(letters)):
        state = (1_103_515_245 * state + 12_345) % 2**31
        chance = state >> 16
        last = (7 * last + 3) % 65 if chance % 4 else (chance >> 2) % 65
        letters.append(ALPHABET[last])
    return make_text("benchmark", "".join(letters), "made by pygpt.analysis.bench", built_in=False)


def bench_experiment(size: str, batch_size: int = 0, steps: int = 0) -> Experiment:
    """Make an experiment that is easy to reproduce: Adam at 1e-3, no dropout, weight decay or clipping, an untied head.

    Raises: ExperimentError for a size that is not in SIZES.
    """
    if size not in SIZES:
        raise ExperimentError("size", f"there is no size {size!r}; the sizes are {', '.join(SIZES)}")
    layers, heads, width, block, batch = SIZES[size]
    return Experiment(name=size).with_fields(
        **{
            "model.kind": "bigram" if size == "bigram" else "gpt",
            "model.n_layer": layers,
            "model.n_head": heads,
            "model.n_embd": width,
            "model.block_size": block,
            "model.tie_weights": False,
            "optim.learning_rate": 1e-3,
            "optim.min_learning_rate": 1e-3,
            "optim.schedule": "constant",
            "optim.warmup_steps": 0,
            "optim.weight_decay": 0.0,
            "optim.grad_clip": 0.0,
            "train.batch_size": batch_size or batch,
            "train.steps": max(MIN_STEPS, steps + 1),
            "train.eval_every": 10_000_000,
            "train.eval_batches": 1,
        }
    )


@dataclasses.dataclass(frozen=True)
class TrainingTiming:
    """The result of `time_training`, in milliseconds.

    `first_step` is the time from an open device to the first loss; `steps` are the times of steps with their loss read;
    `host` is the time of Python (and JavaScript) per step, or None if the host is the device; `losses` are all losses.
    """

    run: Run
    first_step: float
    steps: list[float]
    host: float | None
    losses: list[float]


async def time_training(
    experiment: Experiment,
    device: Device,
    *,
    steps: int = 100,
    warmup: int = 2,
    min_steps: int = 3,
    max_ms: float = 5000.0,
) -> TrainingTiming:
    """Train and read each loss: `warmup` steps, then `steps` steps, or at least `min_steps` if `max_ms` have passed.

    The first step includes the evaluation of one batch that every run begins with. Raises: PygptError as Run does.
    """
    text = bench_text()
    began = time.perf_counter()
    run = Run(experiment, text, device)
    step_events = (event for event in run.train() if event.kind == "step")
    losses: list[float] = []
    hosts: list[float] = []
    timings: list[float] = []

    async def step():
        start = time.perf_counter()
        next(step_events)
        hosts.append(1000 * (time.perf_counter() - start))
        losses.extend(
            metric.loss
            for metric in run.take_metrics(await device.fetch(run.metrics_tensor))
            if metric.loss is not None
        )

    await step()
    first = 1000 * (time.perf_counter() - began)
    for _ in range(warmup):
        await step()
        await yield_to_event_loop()
    group, done, hosts = 1, 0, []
    min_group_ms = max(SAMPLE_MS, 1000 * MIN_TICKS * clock_resolution())
    # The last step of a run yields its evaluation instead of a step event.
    steps = min(steps, experiment.train.steps - warmup - 2)
    began = time.perf_counter()
    while done < steps:
        if 1000 * (time.perf_counter() - began) > max_ms and done >= min_steps and timings:
            break
        group = min(group, steps - done)
        start = time.perf_counter()
        for _ in range(group):
            await step()
        elapsed = 1000 * (time.perf_counter() - start)
        done += group
        if elapsed >= min_group_ms or not timings:
            # A time that is too short for the clock is kept only if there is no other.
            timings.append(elapsed / group)
        if elapsed < min_group_ms and done + 2 * group <= steps:
            group, timings = 2 * group, []
        await yield_to_event_loop()
    return TrainingTiming(run, first, timings, None if device.unqueued else sum(hosts) / len(hosts), losses)


async def time_sampling(run: Run, tokens: int, max_ms: float = 5000.0) -> float:
    """Measure tokens per second, sampled in slices after a prompt that fills the context, without the first slice.

    It samples at least `tokens` tokens and two context lengths, in multiples of half a context length, so that each
    includes its share of filling the cache. It stops early once `max_ms` have passed.
    """
    block = run.model.block_size
    half = max(1, block - block // 2)
    goal = -(-max(tokens, 2 * block) // half) * half
    assert run.text.text is not None  # not shards
    # A model trained line by line has no token for the end of a line.
    text = run.text.text if run.tokenizer.bos is None else run.text.text.replace("\n", "")
    sampler, began = Sampler(run.model, run.tokenizer, text[:block]), time.perf_counter()

    def should_continue():
        return sampler.taken <= SLICE or 1000 * (time.perf_counter() - began) < max_ms

    async for _ in stream(sampler, SLICE + goal, should_continue=should_continue):
        if sampler.taken == SLICE:
            began = time.perf_counter()
        await yield_to_event_loop()
    return (sampler.taken - SLICE) / (time.perf_counter() - began)


async def time_matmul(
    device: Device, m: int, k: int, n: int, reps: int, transpose_x: bool = False, transpose_w: bool = False
) -> float:
    """Measure the milliseconds of a product (M, K) @ (K, N), from at least `reps` of them launched in a row.

    Raises: MemoryLimit if the device cannot hold the operands.
    """
    seed = tensor(device, [1], dtype="uint32")
    x, w = (empty(device, shape) for shape in ((k, m) if transpose_x else (m, k), (n, k) if transpose_w else (k, n)))
    for purpose, operand in enumerate((x, w)):
        normal(seed, out=operand, std=1.0, purpose=purpose)

    def multiply():
        with no_tape():
            return matmul(x, w, transpose_x=transpose_x, transpose_w=transpose_w)

    capture = Capture(device, multiply)
    corner = Tensor(capture().buffer, (1,))
    await device.fetch(corner)
    while True:
        began = time.perf_counter()
        for _ in range(reps):
            capture()
        await device.fetch(corner)
        elapsed = time.perf_counter() - began
        if elapsed > 0:
            return 1000 * elapsed / reps
        reps *= 2  # less than one tick of a tab's clock (0.1 ms)


def median(values: list[float]) -> float:
    """The middle value of a list, or the mean of the two in the middle."""
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


# The survey of a machine's speed.


@dataclasses.dataclass(frozen=True)
class MatmulResult:
    """A product of two square matrices: its size, time and rate."""

    kind = "matmul"
    size: int
    milliseconds: float
    gflops: float


@dataclasses.dataclass(frozen=True)
class PresetResult:
    """A preset, trained and sampled briefly. `batch_size` is smaller than the preset's if a step would take too long.

    `share` is the training step's fraction of the best rate of `MatmulResult`s, 0 if nothing is multiplied. If the
    preset is too large for this device, `note` gives the reason, and the figures are 0.
    """

    kind = "preset"
    name: str
    batch_size: int
    milliseconds: float = 0.0
    tokens_per_second: float = 0.0
    sampled_per_second: float = 0.0
    gflops: float = 0.0
    share: float = 0.0
    note: str = ""


LONGEST_STEP = 2.0  # seconds; presets with longer steps are measured with fewer sequences per step
MAX_STEP_FACTOR = 3.0  # presets whose step takes this many times LONGEST_STEP with one sequence are not measured


async def survey(device: Device, seconds: float = 60.0) -> AsyncIterator[MatmulResult | PresetResult]:
    """Yield this device's measurements: a `MatmulResult` for each feasible size, then a `PresetResult` for each preset.

    It takes about `seconds`, somewhat more on a slow device. It can be cancelled at any `await`.
    """
    peak = 0.0
    share = seconds / (2 * len(MATMUL_SIZES) + 2 * len(MEASURED_PRESETS))
    for size in MATMUL_SIZES:
        square = await _square(device, size, share)
        if square is None:
            break
        peak = max(peak, square.gflops)
        yield square
        # The next product has eight times as many operations.
        if 8 * 2 * square.milliseconds > 1000 * share:
            break
    for name in MEASURED_PRESETS:
        yield await _preset(device, name, peak, share)


async def _square(device, size, seconds):
    try:
        milliseconds = await time_matmul(device, size, size, size, 1)
        reps = max(1, min(1000, round(1000 * seconds / 4 / max(milliseconds, 0.01))))
        best = min([await time_matmul(device, size, size, size, reps) for _ in range(2)])
    except MemoryLimit:
        return None
    await yield_to_event_loop()
    return MatmulResult(size, best, 2 * size**3 / best / 1e6)


async def _preset(device, name, peak, seconds):
    preset = Experiment.preset(name)
    # The benchmark's text has no documents, so the layout is a stream.
    changes = {
        "train.steps": MIN_STEPS,
        "train.eval_every": 10_000_000,
        "train.eval_batches": 1,
        "data.layout": "stream",
    }
    batch, vocabulary = preset.train.batch_size, len(ALPHABET)
    while True:
        experiment = preset.with_fields(**changes, **{"train.batch_size": batch})
        # Assumes half the rate of the large products, which is more than most steps reach.
        expected = step_flops(experiment, vocabulary) / (0.5e9 * peak)
        try:
            check_memory(experiment, vocabulary, device)
            fits = expected < LONGEST_STEP or (batch == 1 and expected < MAX_STEP_FACTOR * LONGEST_STEP)
            note = f"a step with one sequence would take about {expected:.0f} s here"
        except ExperimentError as error:
            fits, note = False, str(error)
        if fits:
            break
        if batch == 1:
            return PresetResult(name, batch, note=note)
        batch //= 2
    training = await time_training(experiment, device, steps=1000, warmup=1, min_steps=1, max_ms=1000 * seconds)
    milliseconds = median(training.steps)
    tokens = await time_sampling(training.run, 2048, 300 * seconds)
    gflops = step_flops(experiment, vocabulary) / milliseconds / 1e6
    return PresetResult(
        name, batch, milliseconds, 1000 * batch * preset.model.block_size / milliseconds, tokens, gflops, gflops / peak
    )
