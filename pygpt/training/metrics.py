"""The metrics of a run: declared once here, recorded on the device by its steps, and read by the host now and then.

A metric is one field of `Metric`. The log file, the page's figures and types, and the server's stream follow from it:
a new one takes its line here, and, in the place where it is computed, `MetricsBuffer.record` with its name.
"""

import dataclasses
import math
import struct
from typing import Any

from pygpt.errors import DivergedError
from pygpt.ops import increment, record
from pygpt.optim.schedules import learning_rate
from pygpt.tensor.tensor import ARRAY_CODE, ITEM_SIZE, Tensor, tensor
from pygpt.training.loss_curve import LossCurve

# How many steps' metrics the device keeps: the driver must read at least this often, in steps.
KEPT_STEPS = 2048
KEPT_EVALUATIONS = 256

# Where a metric comes from.
STEP, EVALUATION, SCHEDULE, CLOCK = "step", "evaluation", "schedule", "clock"


def metric(source: str, help: str, key: str = "", unit: str = "", digits: int | None = None) -> Any:
    """Declare a metric: its source, a sentence for people, its key in metrics.jsonl where that is not its name, its unit,
    and to how many digits after the point the file has it, where that is not all of them."""
    described = {"source": source, "help": help, "key": key, "unit": unit, "digits": digits}
    return dataclasses.field(default=None, metadata=described)


@dataclasses.dataclass(frozen=True)
class Metric:
    """What is known of step `step`, counted from 1. At step 0 there is only an evaluation; what is None was not measured."""

    step: int
    loss: float | None = metric(STEP, "mean loss of the batch, before its update", unit="nats/token")
    learning_rate: float | None = metric(SCHEDULE, "learning rate of the update", key="lr")
    val_loss: float | None = metric(EVALUATION, "validation loss", unit="nats/token")
    accuracy: float | None = metric(EVALUATION, "fraction of validation questions answered right")
    grad_norm: float | None = metric(STEP, "global norm of the gradient, before clipping")
    update_ratio: float | None = metric(STEP, "norm of the update as a fraction of the norm of the weights")
    ms_per_step: float | None = metric(CLOCK, "time per training step", key="ms", unit="ms", digits=3)
    tokens_per_second: float | None = metric(CLOCK, "training speed", unit="tokens/s", digits=1)

    def line(self) -> dict:
        """The line of metrics.jsonl: what is known, by the keys of the file."""
        line = {"step": self.step}
        for field in METRICS:
            value, digits = getattr(self, field.name), field.metadata["digits"]
            if value is not None:
                line[field.metadata["key"] or field.name] = value if digits is None else round(value, digits)
        return line

    @staticmethod
    def from_line(line: dict) -> "Metric":
        """The metric that a line of metrics.jsonl holds; keys of no metric are left out."""
        known = {field.name: line.get(field.metadata["key"] or field.name) for field in METRICS}
        return Metric(line["step"], **known)


# The declarations, without the step itself.
METRICS = tuple(field for field in dataclasses.fields(Metric) if field.metadata)
_RECORDED = tuple(field.name for field in METRICS if field.metadata["source"] == STEP)
_EVALUATED = tuple(field.name for field in METRICS if field.metadata["source"] == EVALUATION)


def describe_metrics() -> list[dict]:
    """The metrics in plain JSON values, for a page to make its figures from: name, source, help, unit."""
    return [
        {"name": field.name, **{key: field.metadata[key] for key in ("source", "help", "unit")}} for field in METRICS
    ]


def is_evaluated(train, step: int) -> bool:
    """Whether an evaluation follows a step, by a TrainConfig: before the first one, every so many, and after the last."""
    return step % train.eval_every == 0 or step == train.steps


def is_measured(train, step: int) -> bool:
    """Whether a step has the metrics that not every step has, by a TrainConfig: those that are logged have them."""
    return step % train.log_every == 0 or is_evaluated(train, step)


class MetricsBuffer:
    """The metrics of a run. `values` is the one tensor to read, `taken` and `evaluations_taken` how many the host has, `curve`
    what it keeps of the losses.

    `evaluated_at` has the step of each evaluation begun since the run was opened, `concluded` says how many ended.
    """

    def __init__(self, device, dtype: str, experiment):
        # [steps done], [evaluations done], then a row for each metric, all at multiples of 64.
        rows = len(_RECORDED) * KEPT_STEPS + len(_EVALUATED) * KEPT_EVALUATIONS
        self.values = tensor(device, bytes(ITEM_SIZE[dtype] * (128 + rows)), dtype=dtype)
        # The counters stand twice: WebGPU refuses a launch that reads one part of a buffer and writes another.
        self.steps_done, self.evaluations_done = (tensor(device, [0], dtype="uint32") for _ in range(2))
        self._steps_shown, self._evaluations_shown = (Tensor(self.values.buffer, (1,), "uint32", at) for at in (0, 64))
        self._rows, self._places, start = {}, {}, 128
        for names, length in ((_RECORDED, KEPT_STEPS), (_EVALUATED, KEPT_EVALUATIONS)):
            for name in names:
                self._rows[name], self._places[name] = self.values.slice(start, (length,)), start - 128
                start += length
        self._experiment = experiment
        self._each_step: set[str] = set()
        self._after_step: set[str] = set()
        self.curve = LossCurve()
        self.evaluated_at: list[int] = []
        self.taken = self.concluded = self.evaluations_taken = 0

    def begin_at(self, step: int, curve: LossCurve) -> None:
        """A run that was restored has that many steps behind it, and their losses."""
        self.curve = curve
        for counter in (self.steps_done, self._steps_shown):
            self.values.device.write(counter, struct.pack("<I", step))
        self.taken = step

    def record(self, name: str, value: Tensor) -> None:
        """Record a metric, a tensor (1,), of the step under way: one that every step has."""
        self._each_step.add(name)
        record(value, self.steps_done, out=self._rows[name])

    def record_after(self, name: str, value: Tensor) -> None:
        """Record a metric, a tensor (1,), of the step that has just been counted: one that is not measured at each."""
        self._after_step.add(name)
        record(value, self.steps_done, out=self._rows[name])

    def count_step(self) -> None:
        """One step more is done."""
        increment(out=self.steps_done)
        increment(out=self._steps_shown)

    def record_evaluation(self, **found: Tensor | None) -> None:
        """Record what an evaluation came to, and count it: tensors (1,) by the names of metrics, None for what it did not."""
        for name, value in found.items():
            if value is not None:
                self._each_step.add(name)
                record(value, self.evaluations_done, out=self._rows[name])
        increment(out=self.evaluations_done)
        increment(out=self._evaluations_shown)

    def steps_in(self, data: bytes) -> int:
        """How many steps were done when `data` was read."""
        return struct.unpack_from("<I", data, 0)[0]

    def take(self, data: bytes, clock: dict) -> list[Metric]:
        """See `Trainer.take_metrics`."""
        found, self.taken, self.evaluations_taken, diverged = self._since(data, clock)
        self.curve.take(found)
        if diverged is not None:
            raise diverged
        return found

    def curve_with(self, data: bytes) -> LossCurve:
        """The curve with what `data` holds beyond it. Nothing is taken: whoever asks for metrics still gets them."""
        curve = LossCurve(self.curve.training, self.curve.validation)
        curve.take(self._since(data, whole=True)[0])
        return curve

    def learning_rate(self, step: int) -> float:
        """The learning rate of step `step`, counted from 1."""
        return learning_rate(self._experiment.optim, self._experiment.train.steps, step - 1)

    def _since(self, data, clock=(), whole=False):
        """What was not taken before: (metrics, steps and evaluations known with them, the error at a loss that is not finite)."""
        (steps,) = struct.unpack_from("<I", data, 0)
        (evaluations,) = struct.unpack_from("<I", data, 4 * 64)
        kept = memoryview(data)[128 * ITEM_SIZE[self.values.dtype] :].cast(ARRAY_CODE[self.values.dtype])
        found: dict[int, Metric] = {}
        # The loss of a step that is being evaluated waits for the evaluation, so that one line of metrics holds both.
        under_way = self.evaluated_at[evaluations : evaluations + 1] == [steps] and steps > self.taken and not whole
        known_steps = steps - 1 if under_way else steps
        for step in range(max(self.taken, steps - KEPT_STEPS) + 1, known_steps + 1):
            known = self._step(kept, step, clock)
            if not math.isfinite(known.loss):
                diverged = DivergedError(
                    step,
                    f"the loss of step {step} is {known.loss}: training cannot continue from here. Try a smaller "
                    f"learning rate (it was {known.learning_rate:.3g}), or a longer warm-up",
                    found.values(),
                )
                return [*found.values()], known_steps, self.evaluations_taken, diverged
            found[step] = known
        for index in range(max(self.evaluations_taken, evaluations - KEPT_EVALUATIONS), evaluations):
            step = self.evaluated_at[index]
            known = found.get(step, Metric(step, learning_rate=self.learning_rate(step) if step else None))
            values = {
                name: kept[self._places[name] + index % KEPT_EVALUATIONS]
                for name in _EVALUATED
                if name in self._each_step
            }
            found[step] = dataclasses.replace(known, **values)
        return [found[step] for step in sorted(found)], known_steps, evaluations, None

    def _step(self, kept, step, clock) -> Metric:
        values = {
            name: kept[self._places[name] + (step - 1) % KEPT_STEPS] for name in _RECORDED if name in self._each_step
        }
        if is_measured(self._experiment.train, step):
            values |= {name: kept[self._places[name] + step % KEPT_STEPS] for name in self._after_step}
        return Metric(step, learning_rate=self.learning_rate(step), **values, **dict(clock))
