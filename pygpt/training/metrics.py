"""What a run keeps of its losses: on the device, where its steps write, and for the host, which looks from time to time."""

import dataclasses
import math
import struct

from pygpt.config.experiment import Experiment
from pygpt.errors import DivergedError
from pygpt.ops import advance, record
from pygpt.optim.schedules import learning_rate
from pygpt.tensor.tensor import ARRAY_CODE, ITEM_SIZE, Tensor, tensor
from pygpt.training.loss_curve import Curve

# How many losses the device keeps: the driver must look at least this often, in steps.
KEPT_LOSSES = 4096
KEPT_EVALUATIONS = 256


@dataclasses.dataclass(frozen=True)
class Metric:
    """What is known of step `step` (counted from 1): the loss of its batch before its update, the step size it used,
    and the validation loss after it if there was an evaluation. At step 0 there is only that. Of questions with answers
    `accuracy` is the share whose whole answer was right in that evaluation."""

    step: int
    loss: float | None
    learning_rate: float | None
    val_loss: float | None = None
    accuracy: float | None = None


class History:
    """The losses of a run. `values` is the one tensor to read, `taken` how many steps' losses the host has, `curve` what
    it keeps of them.

    `evaluated_at` has the step of each evaluation begun since the run was opened, `concluded` says how many came to their end.
    """

    def __init__(self, device, dtype: str, experiment: Experiment):
        # [steps done], [evaluations done], losses by step, evaluations, their accuracies, each at a multiple of 64.
        self.values = tensor(device, bytes(ITEM_SIZE[dtype] * (128 + KEPT_LOSSES + 2 * KEPT_EVALUATIONS)), dtype=dtype)
        # The counters stand twice: WebGPU refuses a launch that reads one part of a buffer and writes another.
        self.steps_done, self.evaluations_done = (tensor(device, [0], dtype="uint32") for _ in range(2))
        self._steps_shown, self._evaluations_shown = (Tensor(self.values.buffer, (1,), "uint32", at) for at in (0, 64))
        self._losses = self.values.slice(128, (KEPT_LOSSES,))
        self._evaluations = self.values.slice(128 + KEPT_LOSSES, (KEPT_EVALUATIONS,))
        self._accuracies = self.values.slice(128 + KEPT_LOSSES + KEPT_EVALUATIONS, (KEPT_EVALUATIONS,))
        self._experiment = experiment
        self.curve = Curve()
        self.evaluated_at = []
        self.taken = self.concluded = self._evaluations_taken = 0

    def begin_at(self, step: int, curve: Curve) -> None:
        """A run that was restored has that many steps behind it, and their losses."""
        self.curve = curve
        for counter in (self.steps_done, self._steps_shown):
            self.values.device.write(counter, struct.pack("<I", step))
        self.taken = step

    def add_loss(self, loss: Tensor) -> None:
        """Write down the loss of the step under way."""
        record(loss, self.steps_done, out=self._losses)

    def count_step(self) -> None:
        """One step more is done."""
        advance(out=self.steps_done)
        advance(out=self._steps_shown)

    def add_evaluation(self, loss: Tensor, accuracy: Tensor | None) -> None:
        """Write down what an evaluation came to."""
        record(loss, self.evaluations_done, out=self._evaluations)
        if accuracy is not None:
            record(accuracy, self.evaluations_done, out=self._accuracies)
        advance(out=self.evaluations_done)
        advance(out=self._evaluations_shown)

    def take(self, history: bytes, with_accuracy: bool) -> list[Metric]:
        """See `Run.take_metrics`."""
        found, self.taken, self._evaluations_taken, diverged = self._since(history, with_accuracy)
        self.curve.take(found)
        if diverged is not None:
            raise diverged
        return found

    def curve_with(self, history: bytes, with_accuracy: bool) -> Curve:
        """The curve with what the history holds beyond it. Nothing is taken: whoever asks for metrics still gets them."""
        curve = Curve(self.curve.training, self.curve.validation)
        curve.take(self._since(history, with_accuracy, whole=True)[0])
        return curve

    def _since(self, history, with_accuracy, whole=False):
        """What was not taken before: (metrics, steps and evaluations known with them, the error at a loss that is no number)."""
        (steps,) = struct.unpack_from("<I", history, 0)
        (evaluations,) = struct.unpack_from("<I", history, 4 * 64)
        kept = memoryview(history)[128 * ITEM_SIZE[self.values.dtype] :].cast(ARRAY_CODE[self.values.dtype])
        found = {}
        # The loss of a step that is being evaluated waits for the evaluation, so that one line of metrics holds both.
        under_way = self.evaluated_at[evaluations : evaluations + 1] == [steps] and steps > self.taken and not whole
        known_steps = steps - 1 if under_way else steps
        for step in range(max(self.taken, steps - KEPT_LOSSES), known_steps):
            loss, rate = kept[step % KEPT_LOSSES], self.learning_rate(step + 1)
            if not math.isfinite(loss):
                diverged = DivergedError(
                    step + 1,
                    f"the loss of step {step + 1} is {loss}: training cannot go on from here. Try "
                    f"a smaller learning rate (it was {rate:.3g}), or a longer warm-up",
                    found.values(),
                )
                return [*found.values()], known_steps, self._evaluations_taken, diverged
            found[step + 1] = Metric(step + 1, loss, rate)
        for index in range(max(self._evaluations_taken, evaluations - KEPT_EVALUATIONS), evaluations):
            place, step = KEPT_LOSSES + index % KEPT_EVALUATIONS, self.evaluated_at[index]
            known = found.get(step, Metric(step, None, self.learning_rate(step) if step else None))
            accuracy = kept[place + KEPT_EVALUATIONS] if with_accuracy else None
            found[step] = dataclasses.replace(known, val_loss=kept[place], accuracy=accuracy)
        return [found[step] for step in sorted(found)], known_steps, evaluations, None

    def learning_rate(self, step: int) -> float:
        """The step size of step `step`, counted from 1."""
        return learning_rate(self._experiment.optim, self._experiment.train.steps, step - 1)
