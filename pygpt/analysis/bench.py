"""How fast a device is: training steps, sampled tokens, matrix products. It knows no screen; whoever shows it drives it.

Everything here waits for the device, so everything here is `async`, and lets others have a turn between two measurements.
Each figure is taken by the clock around work that ends with something read back, for only then has it been done.
"""

import dataclasses
import time

from pygpt.analysis.flops import step_flops
from pygpt.analysis.memory import check_memory
from pygpt.config.experiment import PRESETS, Experiment
from pygpt.data.sources.tasks import is_task
from pygpt.data.text import Text, make_text
from pygpt.errors import ExperimentError, MemoryLimit
from pygpt.inference.generate import SLICE, stream
from pygpt.inference.sampler import Sampler
from pygpt.ops import matmul, normal
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import Tensor, empty, no_tape, tensor
from pygpt.training.run import Run
from pygpt.utils.blocking import let_others_run
from pygpt.utils.timer import tick

# The alphabet of Tiny Shakespeare: 65 characters, so that the models have the sizes that others publish figures for.
ALPHABET = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHARACTERS = 20_000

# What is compared with others: (layers, heads, width, block, batch); the bigram is its table alone.
SIZES = {
    "bigram": (1, 1, 16, 8, 32),
    "micro": (1, 4, 16, 16, 1),
    "baby": (3, 3, 48, 32, 12),
    "small": (4, 4, 128, 64, 12),
    "nano": (6, 6, 384, 256, 2),
}
LEAST_STEPS = 2000  # length of the schedule, as in a preset: it is worked out before the first step
SAMPLE_MS = 5.0  # what is timed at once takes this long at least
TICKS = 50  # and so many steps of the clock, which are of 0.1 or 1 ms in a tab
# The presets of characters but for those of tasks, which are all of one size; GPT-2's wants its tokens and a day.
MEASURED = tuple(
    name for name, preset in PRESETS.items() if preset.data.tokenizer == "char" and not is_task(preset.data.source)
)
SQUARES = (256, 512, 1024, 2048, 4096)


def bench_text() -> Text:
    """A text that anyone can make again: 65 different characters, each following from the one before, or by chance."""
    letters, state, last = list(ALPHABET), 1, 0
    for _ in range(CHARACTERS - len(letters)):
        state = (1_103_515_245 * state + 12_345) % 2**31
        chance = state >> 16
        last = (7 * last + 3) % 65 if chance % 4 else (chance >> 2) % 65
        letters.append(ALPHABET[last])
    return make_text("benchmark", "".join(letters), "made by pygpt.analysis.bench", built_in=False)


def bench_experiment(size: str, batch_size: int = 0, steps: int = 0) -> Experiment:
    """A run that is easy to do again elsewhere: Adam at 1e-3, no dropout, no decay, no clipping, a head of its own.

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
            "train.steps": max(LEAST_STEPS, steps + 1),
            "train.eval_every": 10_000_000,
            "train.eval_batches": 1,
        }
    )


@dataclasses.dataclass(frozen=True)
class TrainingTiming:
    """What `time_training` found, in milliseconds.

    `first_step` is from nothing but an open device to the first loss; `steps` are the times of a step with its loss read;
    `host` is how long Python (and JavaScript) were busy with one, or None where the host is the device; `losses` are all.
    """

    run: Run
    first_step: float
    steps: list[float]
    host: float | None
    losses: list[float]


async def time_training(
    experiment: Experiment, device, *, steps: int = 100, warmup: int = 2, min_steps: int = 3, max_ms: float = 5000.0
) -> TrainingTiming:
    """Train, reading the loss of each step: `warmup` steps, then until `steps` are done, or `max_ms` and `min_steps`.

    The first step takes the evaluation of one batch with it, which every run begins with. Raises: PygptError as Run does.
    """
    text = bench_text()
    began = time.perf_counter()
    run = Run(experiment, text, device)
    going = (event for event in run.train() if event.kind == "step")
    losses, hosts, found = [], [], []

    async def step():
        sent = time.perf_counter()
        next(going)
        hosts.append(1000 * (time.perf_counter() - sent))
        losses.extend(
            metric.loss
            for metric in run.take_metrics(await device.fetch(run.metrics_tensor))
            if metric.loss is not None
        )

    await step()
    first = 1000 * (time.perf_counter() - began)
    for _ in range(warmup):
        await step()
        await let_others_run()
    at_once, done, hosts = 1, 0, []
    least = max(SAMPLE_MS, 1000 * TICKS * tick())
    # The last step of a run has its evaluation instead of an event of its own.
    steps = min(steps, experiment.train.steps - warmup - 2)
    began = time.perf_counter()
    while done < steps:
        if 1000 * (time.perf_counter() - began) > max_ms and done >= min_steps and found:
            break
        at_once = min(at_once, steps - done)
        start = time.perf_counter()
        for _ in range(at_once):
            await step()
        took = 1000 * (time.perf_counter() - start)
        done += at_once
        if took >= least or not found:
            # Of those shorter than the clock is good for the last is kept, unless there is a longer one.
            found.append(took / at_once)
        if took < least and done + 2 * at_once <= steps:
            at_once, found = 2 * at_once, []
        await let_others_run()
    return TrainingTiming(run, first, found, None if device.immediate else sum(hosts) / len(hosts), losses)


async def time_sampling(run: Run, tokens: int, max_ms: float = 5000.0) -> float:
    """Tokens a second, written after a prompt that fills the window, a slice at a time; the first slice is not counted.

    They are at least `tokens`, and two windows of them, in whole halves, so that each has its share of filling the cache;
    but no more come once `max_ms` have passed.
    """
    block = run.model.block_size
    half = max(1, block - block // 2)
    goal = -(-max(tokens, 2 * block) // half) * half
    # A line's end is no token of a model that learned a line at a time.
    text = run.text.text if run.tokenizer.bos is None else run.text.text.replace("\n", "")
    sampler, began = Sampler(run.model, run.tokenizer, text[:block]), time.perf_counter()

    def keep_going():
        return sampler.taken <= SLICE or 1000 * (time.perf_counter() - began) < max_ms

    async for _ in stream(sampler, SLICE + goal, keep_going=keep_going):
        if sampler.taken == SLICE:
            began = time.perf_counter()
        await let_others_run()
    return (sampler.taken - SLICE) / (time.perf_counter() - began)


async def time_matmul(
    device, m: int, k: int, n: int, reps: int, transpose_x: bool = False, transpose_w: bool = False
) -> float:
    """Milliseconds of a product (M, K) @ (K, N), from at least `reps` of them sent one after the other.

    Raises: MemoryLimit if the device cannot hold the operands.
    """
    seed = tensor(device, [1], dtype="uint32")
    x, w = (empty(device, shape) for shape in ((k, m) if transpose_x else (m, k), (n, k) if transpose_w else (k, n)))
    for purpose, operand in enumerate((x, w)):
        normal(seed, out=operand, std=1.0, purpose=purpose)

    def multiply():
        with no_tape():
            return matmul(x, w, transpose_x=transpose_x, transpose_w=transpose_w)

    once = Capture(device, multiply)
    corner = Tensor(once().buffer, (1,))
    await device.fetch(corner)
    while True:
        began = time.perf_counter()
        for _ in range(reps):
            once()
        await device.fetch(corner)
        elapsed = time.perf_counter() - began
        if elapsed > 0:
            return 1000 * elapsed / reps
        reps *= 2  # a tab's clock, which moves in steps of 0.1 ms, has not moved


def median(values: list[float]) -> float:
    """The middle of a list, or the mean of the two in the middle."""
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


# What a visitor asks: how fast is my machine?


@dataclasses.dataclass(frozen=True)
class Square:
    """A product of two square matrices: its size, what it took, and the rate."""

    kind = "matmul"
    size: int
    milliseconds: float
    gflops: float


@dataclasses.dataclass(frozen=True)
class Preset:
    """A preset, trained and sampled for a moment: `batch_size` is smaller than the preset's where a step would take too long.

    `share` is what part of the best rate of `Square`s the training step reaches, 0 where nothing is multiplied. Where the
    preset is too much for this device, `note` says why, and the figures are 0.
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


LONGEST_STEP = 2.0  # seconds: of a preset whose steps take longer, fewer sequences a step are measured
PATIENCE = 3.0  # times that: what even one sequence would take longer than is not measured


async def survey(device, seconds: float = 60.0):
    """An async generator of what this device can do: a `Square` for each size worth it, then a `Preset` for each preset.

    It takes about `seconds`, on a slow device somewhat more. It may be dropped at any `await`.
    """
    peak = 0.0
    share = seconds / (2 * len(SQUARES) + 2 * len(MEASURED))
    for size in SQUARES:
        found = await _square(device, size, share)
        if found is None:
            break
        peak = max(peak, found.gflops)
        yield found
        # The next one multiplies eight times as much.
        if 8 * 2 * found.milliseconds > 1000 * share:
            break
    for name in MEASURED:
        yield await _preset(device, name, peak, share)


async def _square(device, size, seconds):
    try:
        milliseconds = await time_matmul(device, size, size, size, 1)
        reps = max(1, min(1000, round(1000 * seconds / 4 / max(milliseconds, 0.01))))
        best = min([await time_matmul(device, size, size, size, reps) for _ in range(2)])
    except MemoryLimit:
        return None
    await let_others_run()
    return Square(size, best, 2 * size**3 / best / 1e6)


async def _preset(device, name, peak, seconds):
    preset = Experiment.preset(name)
    # What is read is the benchmark's text, whose lines are no documents.
    quiet = {
        "train.steps": LEAST_STEPS,
        "train.eval_every": 10_000_000,
        "train.eval_batches": 1,
        "data.layout": "stream",
    }
    batch, vocabulary = preset.train.batch_size, len(ALPHABET)
    while True:
        experiment = preset.with_fields(**quiet, **{"train.batch_size": batch})
        # At half the rate of the large products, which is more than most steps reach.
        expected = step_flops(experiment, vocabulary) / (0.5e9 * peak)
        try:
            check_memory(experiment, vocabulary, device)
            fits = expected < LONGEST_STEP or (batch == 1 and expected < PATIENCE * LONGEST_STEP)
            note = f"a step with one sequence would take about {expected:.0f} s here"
        except ExperimentError as error:
            fits, note = False, str(error)
        if fits:
            break
        if batch == 1:
            return Preset(name, batch, note=note)
        batch //= 2
    training = await time_training(experiment, device, steps=1000, warmup=1, min_steps=1, max_ms=1000 * seconds)
    milliseconds = median(training.steps)
    tokens = await time_sampling(training.run, 2048, 300 * seconds)
    gflops = step_flops(experiment, vocabulary) / milliseconds / 1e6
    return Preset(
        name, batch, milliseconds, 1000 * batch * preset.model.block_size / milliseconds, tokens, gflops, gflops / peak
    )
