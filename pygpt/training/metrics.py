"""The metrics of a run: declared here, recorded on the device by each step, and read by the host from time to time.

A metric is one field of `Metric`. The log file, the page's charts and types, and the server's stream derive from it.
To add a metric, declare it here, and call `MetricsBuffer.record` with its name where it is computed.
"""

import dataclasses
import math
import struct
from array import array
from collections.abc import Callable
from typing import Any

from pygpt.errors import DivergedError
from pygpt.ops import increment, record
from pygpt.optim.schedules import learning_rate
from pygpt.tensor.tensor import ARRAY_CODE, ITEM_SIZE, Tensor, tensor
from pygpt.training.loss_curve import LossCurve

# The device keeps the metrics of this many steps: the driver must read at least once in as many steps.
KEPT_STEPS = 2048
KEPT_EVALUATIONS = 256

# The sources of metrics.
STEP, EVALUATION, SCHEDULE, CLOCK = "step", "evaluation", "schedule", "clock"


def metric(source: str, help: str, key: str = "", unit: str = "", digits: int | None = None) -> Any:
    """Declare a metric: its source, a help text, its key in metrics.jsonl (default: its name), its unit, and its number
    of decimal places in that file (None: all)."""
    metadata = {"source": source, "help": help, "key": key, "unit": unit, "digits": digits}
    return dataclasses.field(default=None, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Metric:
    """The metrics of step `step`, counted from 1. Step 0 has only an evaluation. None means not measured.

    In a row of a loss curve, `loss` is the mean of the last `steps_averaged` steps.
    """

    step: int
    loss: float | None = metric(STEP, "mean loss of the batch, before its update", unit="nats/token")
    learning_rate: float | None = metric(SCHEDULE, "learning rate of the update", key="lr")
    val_loss: float | None = metric(EVALUATION, "validation loss", unit="nats/token")
    accuracy: float | None = metric(EVALUATION, "fraction of validation questions answered correctly")
    grad_norm: float | None = metric(STEP, "global norm of the gradient, before clipping")
    update_ratio: float | None = metric(STEP, "norm of the update divided by the norm of the weights")
    ms_per_step: float | None = metric(CLOCK, "time per training step", key="ms", unit="ms", digits=3)
    tokens_per_second: float | None = metric(
        CLOCK, "training speed, without the padding of documents", unit="tokens/s", digits=1
    )
    seconds: float | None = metric(
        CLOCK, "training time so far: steps and evaluations, without pauses, samples and saving", unit="s", digits=6
    )
    steps_averaged: int = 1

    def line(self) -> dict:
        """The line of metrics.jsonl: the measured values, by the keys of the file."""
        line = {"step": self.step}
        for field in METRICS:
            value, digits = getattr(self, field.name), field.metadata["digits"]
            if value is not None and math.isfinite(value):  # JSON has no other numbers
                line[field.metadata["key"] or field.name] = value if digits is None else round(value, digits)
        return line

    @staticmethod
    def from_line(line: Any) -> "Metric":
        """Read a line of metrics.jsonl; unknown keys are ignored. Raises: ValueError if it is not such a line."""
        step = line.get("step") if isinstance(line, dict) else None
        if type(step) is not int or not 0 <= step < 2**32:
            raise ValueError(f"a line of metrics needs a step, not {step!r:.20}")
        values = {field.name: line.get(field.metadata["key"] or field.name) for field in METRICS}
        for name, value in values.items():
            if value is not None and (type(value) not in (int, float) or not math.isfinite(value)):
                raise ValueError(f"the {name} of step {step} should be a finite number, not {value!r:.20}")
        return Metric(step, **values)


# All fields except `step`.
METRICS = tuple(field for field in dataclasses.fields(Metric) if field.metadata)
_RECORDED = tuple(field.name for field in METRICS if field.metadata["source"] == STEP)
_EVALUATED = tuple(field.name for field in METRICS if field.metadata["source"] == EVALUATION)


def describe_metrics() -> list[dict]:
    """Describe the metrics as plain JSON values, for the charts of a page: name, source, help, unit."""
    return [
        {"name": field.name, **{key: field.metadata[key] for key in ("source", "help", "unit")}} for field in METRICS
    ]


def is_evaluated(train, step: int) -> bool:
    """Whether an evaluation follows a step of a TrainConfig: at step 0, every `eval_every` steps, and at the end."""
    return step % train.eval_every == 0 or step == train.steps


def is_measured(train, step: int) -> bool:
    """Whether a step has the metrics that are not measured at every step: logged and evaluated steps have them."""
    return step % train.log_every == 0 or is_evaluated(train, step)


def _untimed(step: int) -> dict:
    return {}


class MetricsBuffer:
    """The metrics of a run on its device. `values` is the one tensor to read.

    `taken` and `evaluations_taken` count the steps and evaluations that the host has read; `curve` holds their losses.
    `evaluated_at` holds the step of each evaluation begun since the run was opened; `evaluations_finished` counts
    those that have ended. `held` has the metrics of the last step of a run that was saved before that step's evaluation
    had ended.
    """

    def __init__(self, device, dtype: str, experiment):
        # Layout: [steps done], [evaluations done], one row per metric; each starts at a multiple of 64 elements.
        rows = len(_RECORDED) * KEPT_STEPS + len(_EVALUATED) * KEPT_EVALUATIONS
        self.values = tensor(device, bytes(ITEM_SIZE[dtype] * (128 + rows)), dtype=dtype)
        # Each counter exists twice: WebGPU rejects a launch that reads one part of a buffer and writes another.
        self.steps_done, self.evaluations_done = (tensor(device, [0], dtype="uint32") for _ in range(2))
        self._steps_shown, self._evaluations_shown = (Tensor(self.values.buffer, (1,), "uint32", at) for at in (0, 64))
        self._rows, self._offsets, start = {}, {}, 128
        for names, length in ((_RECORDED, KEPT_STEPS), (_EVALUATED, KEPT_EVALUATIONS)):
            for name in names:
                self._rows[name], self._offsets[name] = self.values.slice(start, (length,)), start - 128
                start += length
        self._experiment = experiment
        self._each_step: set[str] = set()
        self._after_step: set[str] = set()
        self.curve = LossCurve()
        self.evaluated_at: list[int] = []
        self.taken = self.evaluations_finished = self.evaluations_taken = 0
        self.held: Metric | None = None

    def resume_at(self, step: int, curve: LossCurve, held: Metric | None = None) -> None:
        """Start a restored run after `step` steps, with their losses; `held` is what `saved` returned."""
        self.go_back(step, curve, held)
        for counter in (self.steps_done, self._steps_shown):
            self.values.device.write(counter, struct.pack("<I", step))

    def go_back(self, step: int, curve: LossCurve, held: Metric | None = None) -> None:
        """The part of `resume_at` that needs no device."""
        self.curve, self.held = curve, held
        self.taken = max(0, step - 1) if held else step

    def record(self, name: str, value: Tensor) -> None:
        """Record a metric that every step has: a tensor (1,) of the current step."""
        self._each_step.add(name)
        record(value, self.steps_done, out=self._rows[name])

    def record_after(self, name: str, value: Tensor) -> None:
        """Record a metric that not every step has: a tensor (1,) of the step just counted."""
        self._after_step.add(name)
        record(value, self.steps_done, out=self._rows[name])

    def count_step(self) -> None:
        """Count a step."""
        increment(out=self.steps_done)
        increment(out=self._steps_shown)

    def record_evaluation(self, **results: Tensor | None) -> None:
        """Record and count an evaluation: tensors (1,) by the names of metrics, None for metrics not computed."""
        for name, value in results.items():
            if value is not None:
                self._each_step.add(name)
                record(value, self.evaluations_done, out=self._rows[name])
        increment(out=self.evaluations_done)
        increment(out=self._evaluations_shown)

    def steps_in(self, data: bytes) -> int:
        """The number of steps done when `data` was read."""
        return struct.unpack_from("<I", data, 0)[0]

    def take(self, data: bytes, clock: dict) -> list[Metric]:
        """See `Trainer.take_metrics`."""
        metrics, self.taken, self.evaluations_taken, diverged = self._since(data, self._clock(data, clock))
        self.curve.take(metrics)
        if diverged is not None:
            raise diverged
        return metrics

    def _clock(self, data: bytes, clock: dict) -> Callable[[int], dict]:
        """The measured metrics of a step. Those read together took equal parts of the time since the last read."""
        before, now, steps = self.curve.seconds, clock.get("seconds"), self.steps_in(data)
        if before is None or now is None:
            return lambda step: {name: value for name, value in clock.items() if name != "seconds"}
        share = (now - before) / max(1, steps - self.taken)
        return lambda step: {**clock, "seconds": now - share * (steps - step)}

    def saved(self, data: bytes, hold: bool) -> tuple[LossCurve, Metric | None]:
        """Return what a checkpoint keeps: the curve extended by the losses in `data`, and None; or with `hold`, the
        curve without the last step, and the metrics of that step. It takes nothing: `take` still returns these metrics.

        Raises: DivergedError if a loss is not finite: the weights are of no use then.
        """
        steps = self.steps_in(data)
        last = self._step(self._kept(data), steps) if steps else Metric(0)
        metrics, *_, diverged = self._since(data, complete=steps - 1 if hold else steps)
        if diverged is not None:
            raise diverged
        curve = LossCurve(self.curve.training, self.curve.validation, self.curve.smoothed, self.curve.seconds)
        curve.take(metrics)
        return curve, last if hold else None

    def learning_rate(self, step: int) -> float:
        """The learning rate of step `step`, counted from 1."""
        return learning_rate(self._experiment.optim, self._experiment.train.steps, step - 1)

    def last_gradient_is_finite(self, data: bytes) -> bool:
        """Whether the norm of the last step's gradient is finite. If it is not, the weights may not be either."""
        steps = self.steps_in(data)
        norm = self._step(self._kept(data), steps).grad_norm if steps else None
        return norm is None or math.isfinite(norm)

    def _kept(self, data):
        return array(ARRAY_CODE[self.values.dtype], data[128 * ITEM_SIZE[self.values.dtype] :])

    def _since(self, data, clock=_untimed, complete=None):
        """Parse the metrics not taken before, up to the step `complete`: (metrics, steps taken, evaluations taken,
        DivergedError or None)."""
        (steps,) = struct.unpack_from("<I", data, 0)
        (evaluations,) = struct.unpack_from("<I", data, 4 * 64)
        kept = self._kept(data)
        metrics: dict[int, Metric] = {}
        if complete is None:
            # Hold back the loss of a step under evaluation until its evaluation ends, so that one line of metrics has
            # both; a loss that is not finite ends the run at once.
            evaluating = self.evaluated_at[evaluations : evaluations + 1] == [steps] and steps > self.taken
            loss = self._step(kept, steps, clock).loss if evaluating else None
            complete = steps if loss is None or not math.isfinite(loss) else steps - 1
        for step in range(max(self.taken, steps - KEPT_STEPS) + 1, complete + 1):
            entry = self._step(kept, step, clock)
            assert entry.loss is not None  # every step has one
            if not math.isfinite(entry.loss):
                diverged = DivergedError(
                    step,
                    f"the loss of step {step} is {entry.loss}: training cannot continue from here. Try a smaller "
                    f"learning rate (it was {entry.learning_rate:.3g}), or a longer warmup",
                    metrics.values(),
                )
                return [*metrics.values()], complete, self.evaluations_taken, diverged
            metrics[step] = entry
        for index in range(max(self.evaluations_taken, evaluations - KEPT_EVALUATIONS), evaluations):
            step = self.evaluated_at[index]
            entry = metrics.get(step, Metric(step, learning_rate=self.learning_rate(step) if step else None))
            values = {
                name: kept[self._offsets[name] + index % KEPT_EVALUATIONS]
                for name in _EVALUATED
                if name in self._each_step
            }
            metrics[step] = dataclasses.replace(entry, **values)
        return [metrics[step] for step in sorted(metrics)], complete, evaluations, None

    def _step(self, kept, step, clock=_untimed) -> Metric:
        if self.held and self.held.step == step:
            return dataclasses.replace(self.held, **clock(step))
        values = {
            name: kept[self._offsets[name] + (step - 1) % KEPT_STEPS] for name in _RECORDED if name in self._each_step
        }
        if is_measured(self._experiment.train, step):
            values |= {name: kept[self._offsets[name] + step % KEPT_STEPS] for name in self._after_step}
        return Metric(step, learning_rate=self.learning_rate(step), **values, **clock(step))
