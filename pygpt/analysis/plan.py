"""Plan what a run will cost, by running it on a device that computes nothing.

The setup, a training step and an evaluation of the real `Trainer` run on a ShapeOnlyDevice, with shapes alone. So the
figures hold for every setting, and there is no second description of the model to keep in sync.

All blocks cost the same, and so do the chunks in which a large vocabulary's logits are computed. A few of them are
evaluated, and the figures are extrapolated linearly: 500 layers are planned as fast as 3.
"""

import collections
import dataclasses
import functools
import math
import re
from array import array
from collections.abc import Callable, Mapping
from typing import TypeVar

from pygpt.analysis.flops import launch_bytes, launch_flops
from pygpt.config.experiment import Experiment
from pygpt.data import Corpus, Split
from pygpt.devices.shape_only import ShapeOnlyDevice
from pygpt.models.registry import MODELS, build_model
from pygpt.nn.parameters import Weights
from pygpt.ops import rows_per_chunk
from pygpt.tensor.tensor import ITEM_SIZE, KERNELS, empty, no_tape
from pygpt.training.trainer import Trainer

# With more layers than this, one and two are evaluated. For 150 models with random settings and up to 12 layers, the
# launches were exact and the memory within 0.5 % (with two and three: 0.2 %, for 50 % more work, noticeable in a tab).
FEW_LAYERS = 2
# With more chunks of logits than this, batches with a sixteenth and an eighth of this number are evaluated.
MANY_CHUNKS = 256

K = TypeVar("K")
TensorKind = tuple[str, tuple[int, ...], str]  # name, shape and dtype of equal tensors


@dataclasses.dataclass(frozen=True)
class TensorRow:
    """Equal tensors and their count: a parameter of every block, or an activation."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    count: int

    @property
    def nbytes(self) -> int:
        """Total bytes."""
        return self.count * math.prod(self.shape) * ITEM_SIZE[self.dtype]


@dataclasses.dataclass(frozen=True)
class Launches:
    """The launches of one kernel in a training step: how many, their floating-point operations, the bytes they move."""

    kernel: str
    count: int
    flops: int
    nbytes: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """The cost of a run. Bytes count as in `Device.peak_bytes`, operations as in `launch_flops`.

    `activations` are the outputs of the forward pass (empty if the plan is extrapolated from smaller batches, because
    the vocabulary and the batch are large), `memory` has the bytes by purpose, `largest_buffer` is the size of a
    step's largest buffer.
    """

    experiment: Experiment
    vocab_size: int
    parameters: tuple[TensorRow, ...]
    activations: tuple[TensorRow, ...]
    launches: tuple[Launches, ...]
    memory: dict[str, int]
    largest_buffer: int

    @property
    def peak_bytes(self) -> int:
        """Total bytes the device holds while it trains."""
        return sum(self.memory.values())

    @property
    def parameter_count(self) -> int:
        """The number of trainable parameters."""
        return sum(row.count * math.prod(row.shape) for row in self.parameters)

    @property
    def step_flops(self) -> int:
        """Floating-point operations of a training step."""
        return sum(row.flops for row in self.launches)

    @property
    def step_launches(self) -> int:
        """The number of kernel launches in a training step."""
        return sum(row.count for row in self.launches)


def plan_run(experiment: Experiment, vocab_size: int, tokens: int = 0, like=None) -> Plan:
    """Plan a run on a text of `tokens` tokens, on a device like `like` (NumPy if None).

    It allocates nothing and takes a few milliseconds for any size.
    """
    # Settings that do not affect sizes get fixed values, so that they cause no second evaluation.
    train = dataclasses.replace(experiment.train, steps=1, eval_every=1, log_every=1, seed=0)
    data = dataclasses.replace(type(experiment.data)(), layout=experiment.data.layout)
    rates = {name: getattr(type(experiment.optim)(), name) for name in RATES}
    shared = dataclasses.replace(
        experiment, name="", data=data, train=train, optim=dataclasses.replace(experiment.optim, **rates)
    )
    kind, software = (like.kind, like.software) if like is not None else ("numpy", True)
    plan = _plan_any_size(shared, vocab_size, kind, software)
    memory = dict(plan.memory)
    memory["text"] = 4 * tokens
    memory[OTHER_MEMORY] += (experiment.train.steps - 1) * _bytes_of_a_step(shared, vocab_size)
    return dataclasses.replace(plan, experiment=experiment, memory=memory)


def sampling_bytes(experiment: Experiment, vocab_size: int, like=None) -> int:
    """Bytes a device like `like` holds during sampling: weights, cache, and the passes that fill and use the cache."""
    kind, software = (like.kind, like.software) if like is not None else ("numpy", True)
    layers = experiment.model.n_layer if MODELS[experiment.model.kind].has_blocks else 1
    few = min(layers, FEW_LAYERS)
    peaks = [
        _sampling_peak(
            dataclasses.replace(experiment.model, n_layer=count), vocab_size, ShapeOnlyDevice(kind, software)
        )
        for count in (few, max(1, few - 1))
    ]
    return peaks[0] + (layers - few) * (peaks[0] - peaks[1])


def _sampling_peak(config, vocab_size, device):
    model, counter = build_model(config, vocab_size), empty(device, (1,), "uint32")
    Weights(device, model, counter, config.dtype)  # the model keeps them alive
    cache = model.new_cache()
    with no_tape():
        if cache:
            model.fill_cache(empty(device, (1, config.block_size), "uint32"), cache)
        model.logits(empty(device, (1, 1), "uint32"), cache=cache, position=counter)
    return device.peak_bytes


# Optimizer settings that affect neither memory nor launches.
RATES = (
    "learning_rate",
    "min_learning_rate",
    "schedule",
    "warmup_steps",
    "fall_every",
    "fall_factor",
    "beta1",
    "beta2",
    "epsilon",
    "nesterov",
    "weight_decay",
    "label_smoothing",
    "z_loss",
    "grad_clip",
)
OTHER_MEMORY = "gradients, optimizer, tables"


def _trainer(experiment, vocab_size: int, device: ShapeOnlyDevice) -> Trainer:
    """Make a Trainer for an experiment, on the shortest possible text."""
    length = experiment.model.block_size + 1
    split = Split(array("I", bytes(4 * length)), array("I", [0, length - 1]))
    return Trainer(experiment, vocab_size, Corpus(experiment.data.layout, split, split), device)


def _evaluate(experiment, vocab_size, device) -> Plan:
    """Plan an experiment by running all of its layers."""
    run = _trainer(experiment, vocab_size, device)
    placed = device.allocated_bytes
    memory = {
        "weights": run.weights.values.buffer.nbytes,
        OTHER_MEMORY: 0,
        "text": sum(part.tokens.buffer.nbytes for part in (run.train_batches, run.val_batches)),
    }
    for event in run.train():
        if event.kind == "evaluation" and event.step == 0:
            memory["evaluation"] = device.allocated_bytes - placed
    memory["activations"] = device.allocated_bytes - placed - memory["evaluation"]
    memory[OTHER_MEMORY] = device.peak_bytes - sum(memory.values())
    launch_infos = run.training_step.launch_infos
    forward = next(
        (index for index, work in enumerate(launch_infos) if work.kernel.endswith("_gradient")), len(launch_infos)
    )
    activations: collections.Counter[TensorKind] = collections.Counter()
    launches: dict[str, tuple[int, int, int]] = {}  # count, operations and bytes by kernel
    for index, work in enumerate(launch_infos):
        count, flops, nbytes = launches.get(work.kernel, (0, 0, 0))
        launches[work.kernel] = count + 1, flops + launch_flops(work), nbytes + launch_bytes(work)
        kernel = KERNELS[work.kernel]
        if index < forward and not kernel.in_place:
            for name in kernel.outputs:
                shape, dtype = work.operands[name]
                activations[f"{kernel.name}.{name}", shape, dtype] += 1
    return Plan(
        experiment,
        vocab_size,
        _parameters(experiment, vocab_size),
        tuple(TensorRow(*key, count) for key, count in activations.items()),
        tuple(Launches(kernel, *figures) for kernel, figures in launches.items()),
        memory,
        device.largest_recorded,
    )


def _parameters(experiment, vocab_size) -> tuple[TensorRow, ...]:
    """The parameters in model order, with one row for the same parameter of all blocks."""
    model = experiment.model
    rows: collections.Counter[TensorKind] = collections.Counter()
    few = build_model(dataclasses.replace(model, n_layer=min(model.n_layer, 2)), vocab_size)
    for name, _, _, parameter in few.named_parameters():
        rows[re.sub(r"\.\d+\.", ".*.", name), parameter.shape, model.dtype] += 1
    return tuple(TensorRow(*key, model.n_layer if ".*." in key[0] else count) for key, count in rows.items())


@functools.lru_cache(maxsize=64)
def _plan_any_size(experiment, vocab_size, kind, software) -> Plan:
    """Plan an experiment, extrapolating from smaller ones if it is large."""
    from fractions import Fraction  # imports decimal: a tab starts sooner without it

    points = [(experiment, Fraction(1))]
    for field, low, high, target in _extrapolations(experiment, vocab_size):
        high_weight = Fraction(target - low, high - low)
        points = [
            (point.with_fields(**{field: value}), weight * share)
            for point, weight in points
            for value, share in ((low, 1 - high_weight), (high, high_weight))
        ]
    plans = [(_evaluate(point, vocab_size, ShapeOnlyDevice(kind, software)), weight) for point, weight in points]
    if len(plans) == 1:
        return plans[0][0]

    def total(figures: Callable[[Plan], Mapping[K, int]]) -> dict[K, int]:
        """Return the weighted sum of the plans' tables of figures."""
        totals: collections.defaultdict[K, Fraction] = collections.defaultdict(Fraction)
        for (_, weight), table in zip(plans, map(figures, (plan for plan, _ in plans))):
            for key, figure in table.items():
                totals[key] += weight * figure
        return {key: math.ceil(figure) for key, figure in totals.items()}

    largest, smallest = plans[-1][0], plans[0][0]
    same_batch = largest.experiment.train.batch_size == experiment.train.batch_size
    largest_buffer = max(plan.largest_buffer for plan, _ in plans)
    if not same_batch:
        # Shapes in both batches are chunks or parameters; the others grow with the batch.
        fixed = {(row.name, row.shape) for row in smallest.activations}
        growing = max(row.nbytes // row.count for row in largest.activations if (row.name, row.shape) not in fixed)
        largest_buffer = max(
            largest_buffer, growing * experiment.train.batch_size // largest.experiment.train.batch_size
        )
    activations = total(lambda plan: {(row.name, row.shape, row.dtype): row.count for row in plan.activations})
    launches = total(
        lambda plan: {
            (row.kernel, name): getattr(row, name) for row in plan.launches for name in ("count", "flops", "nbytes")
        }
    )
    return Plan(
        experiment,
        vocab_size,
        _parameters(experiment, vocab_size),
        tuple(TensorRow(*key, count) for key, count in activations.items()) if same_batch else (),
        tuple(
            Launches(kernel, *(launches[kernel, name] for name in ("count", "flops", "nbytes")))
            for kernel in dict.fromkeys(kernel for kernel, _ in launches)
        ),
        total(lambda plan: plan.memory),
        largest_buffer,
    )


def _extrapolations(experiment, vocab_size):
    """Yield (field, lower value, higher value, target value) for each size to extrapolate."""
    model, batch_size = experiment.model, experiment.train.batch_size
    if experiment.train.accumulation > 3:
        yield "train.accumulation", 2, 3, experiment.train.accumulation
    if not MODELS[model.kind].has_blocks:
        return
    if model.n_layer > FEW_LAYERS:
        yield "model.n_layer", FEW_LAYERS - 1, FEW_LAYERS, model.n_layer
    rows = batch_size * model.block_size
    chunk = rows_per_chunk(rows, vocab_size)
    if rows > MANY_CHUNKS * chunk:
        # Batches of whole chunks, so that all chunks have the same size.
        whole = chunk // math.gcd(chunk, model.block_size)
        few = -(-MANY_CHUNKS // 16 * chunk // (whole * model.block_size)) * whole
        if 2 * few < batch_size:
            yield "train.batch_size", few, 2 * few, batch_size


@functools.lru_cache(maxsize=64)
def _bytes_of_a_step(experiment, vocab_size) -> int:
    """Bytes for each additional step of a run: its row of the schedule."""
    shallow, placed = experiment.with_fields(**{"model.n_layer": 1}), []
    for steps in (64, 128):
        device = ShapeOnlyDevice()
        _trainer(shallow.with_fields(**{"train.steps": steps}), vocab_size, device)
        placed.append(device.allocated_bytes)
    return (placed[1] - placed[0]) // 64
