"""What runs on the device: one model learning from one corpus. It knows no file and no screen.

Everything a step needs lives on the device: the tokens, the seed, the number of steps done, the learning rates, the
metrics so far. So a step takes nothing from the host and gives nothing back; the driver sends steps and reads the
metrics when it likes.
"""

import dataclasses
import random

from pygpt.data.batches import DeviceBatches
from pygpt.data.corpus import Corpus, Split
from pygpt.models.python_random_init import write_python_random_weights
from pygpt.models.registry import build_model
from pygpt.nn.parameters import RngState, Weights, with_parameters
from pygpt.ops import (
    add,
    clip_scale,
    divide,
    exact_match,
    fill,
    increment,
    lerp,
    mean_valid,
    record,
    running_share,
    scale,
    square_sum,
    sum,
)
from pygpt.ops.threefry import BATCH, EVALUATION
from pygpt.optim.flat_state import FlatState
from pygpt.optim.optimizer import Optimizer
from pygpt.optim.schedules import average_table, schedule_table
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import ARRAY_CODE, Tensor, backward, empty, no_tape, tensor
from pygpt.training.metrics import Metric, MetricsBuffer, is_evaluated, is_measured


@dataclasses.dataclass(frozen=True)
class TrainEvent:
    """What `Trainer.train` has just sent: a "step"; or, after `step` steps, one batch of an evaluation ("evaluating"), or
    the end of it ("evaluation"). A step that is followed by an evaluation has no event of its own."""

    kind: str
    step: int


class Trainer:
    """A model being trained on one device.

    `metrics_tensor` is the tensor to read from time to time, for `take_metrics`; `step` counts the steps sent. `model` is
    the one to sample from: with an average of the weights it has these, and `weights` are those that learn.
    """

    def __init__(
        self,
        experiment,
        vocab_size: int,
        corpus: Corpus,
        device,
        generator: random.Random | None = None,
        weights: dict | None = None,
    ):
        """Bring everything onto the device and capture what will be repeated.

        `weights` are the first ones, by name, as bytes; without them they are drawn, by `generator` if there is one.
        """
        self.experiment, self.device = experiment, device
        self.step = 0
        self._last_evaluated: int | None = None  # the step of the last evaluation that was concluded
        dtype = experiment.model.dtype
        self.metrics = MetricsBuffer(device, dtype, experiment)
        self.metrics_tensor = self.metrics.values
        self.seed = tensor(device, [experiment.train.seed], dtype="uint32")

        self._learner = build_model(experiment.model, vocab_size)
        self.weights = Weights(device, self._learner, self.seed if weights is None else None, dtype)
        if weights:
            for name, values in weights.items():
                device.write(self.weights.named[name], bytes(values))
        elif generator:
            write_python_random_weights(self.weights, experiment.model.init_std, generator)
        table = schedule_table(experiment.optim, experiment.train.steps, ARRAY_CODE[dtype])
        schedule = tensor(device, table, (experiment.train.steps, 3), dtype)
        shares = None
        if experiment.optim.ema:
            shares = average_table(experiment.optim, experiment.train.steps, ARRAY_CODE[dtype])
        self.optimizer = Optimizer(
            self.weights,
            experiment.optim,
            schedule,
            self.metrics.steps_done,
            shares and tensor(device, shares, dtype=dtype),
        )
        self.model = self._learner
        if shares:
            averaged = build_model(experiment.model, vocab_size)
            self.model = with_parameters(averaged, self.optimizer.average.named)
        self._weights_before = empty(device, self.weights.values.shape, dtype)  # negated: see _remember_weights

        # Passes over the model: what dropout counts, since the parts of a batch must not drop the same.
        self._passes = self.metrics.steps_done
        if experiment.train.accumulation > 1:
            self._passes = tensor(device, [0], dtype="uint32")
            self._part = FlatState(self.weights, self.weights.order)

        self.train_batches = self._batches(corpus, corpus.train, BATCH, experiment.train.accumulation)
        self.val_batches = self._batches(corpus, corpus.val, EVALUATION)
        self._eval_step = tensor(device, [0], dtype="uint32")
        self._eval_losses, self._eval_right = (empty(device, (experiment.train.eval_batches,), dtype) for _ in range(2))
        if corpus.separator is None:
            self._eval_right = None
        self.training_step = Capture(device, self._train_step)
        self._remember = Capture(device, self._remember_weights)
        self._measure = Capture(device, self._measure_update)
        self._evaluate_once = Capture(device, self._evaluation_step)
        self._conclude_evaluation = Capture(device, self._evaluation_end)

    def _batches(self, corpus, part, purpose, passes=1):
        train, block_size = self.experiment.train, self.experiment.model.block_size
        if isinstance(part, Split):
            return DeviceBatches(
                self.device, part, corpus.layout, train.batch_size, block_size, corpus.separator, train.answers_only
            )
        from pygpt.data.shard_batches import ShardBatches  # a tab has no use for it

        return ShardBatches(self.device, part, train.seed, purpose, train.batch_size, block_size, passes)

    # One step.

    def _train_step(self) -> None:
        if self.experiment.train.accumulation > 1:
            loss = self._accumulate()
        else:
            loss, _ = self._pass(0, self.optimizer.gradients)
        self.metrics.record("loss", loss)
        norm = self.optimizer.update()
        self.metrics.record("grad_norm", norm)
        self.metrics.count_step()

    def _pass(self, first: int, gradients: dict):
        """Write the gradients of a batch, or of its rows from `first` on; returns (loss, number of predictions)."""
        rng, passes = RngState(self.seed, self.metrics.steps_done), RngState(self.seed, self._passes)
        if self.experiment.model.init == "python-random":
            # Python's generator has shuffled the documents: they are taken in their order, again and again.
            inputs, targets = self.train_batches.next_batch(passes, BATCH, sequential=2)
        else:
            inputs, targets = self.train_batches.next_batch(rng, BATCH, first=first)
        optim = self.experiment.optim
        losses = self._learner.losses(inputs, targets, passes, smoothing=optim.label_smoothing, z_loss=optim.z_loss)
        loss, count = mean_valid(losses, targets)
        backward(loss, [self.weights.named[name] for name in gradients], into=list(gradients.values()))
        return loss.detached(), count  # without what it came from: the next part needs the room

    def _accumulate(self) -> Tensor:
        """The gradients of a batch in parts, as means over all its predictions; returns its loss."""
        train, gradient = self.experiment.train, self.optimizer.gradient.values
        mean, total, share = (empty(self.device, (1,), gradient.dtype) for _ in range(3))
        for each in (gradient, mean, total):
            fill(out=each, value=0.0)
        for part in range(train.accumulation):
            loss, count = self._pass(part * train.batch_size, self._part.named)
            running_share(count, out=(total, share))
            lerp(loss, share, self.metrics.steps_done, out=mean)
            lerp(self._part.values, share, self.metrics.steps_done, out=gradient)
            increment(out=self._passes)
        return mean

    # How far a step moves the weights. It takes as much memory as the weights and a few passes over them, so it is
    # measured at the steps that are logged alone, by launches of its own around a step: the step itself stays as it is.

    def _remember_weights(self) -> None:
        scale(self.weights.values, factor=-1.0, out=self._weights_before)

    def _measure_update(self) -> None:
        moved = self.optimizer.gradient.values  # of no more use after an update
        add(self._weights_before, self.weights.values, out=moved)
        _, before = clip_scale(square_sum(self._weights_before), max_norm=0.0)
        _, distance = clip_scale(square_sum(moved), max_norm=0.0)
        self.metrics.record_after("update_ratio", divide(distance, before, epsilon=1e-12))

    # Evaluations.

    def _evaluation_step(self) -> None:
        # The same windows at every evaluation: the curve shows the model changing, not the draw.
        rng = RngState(self.seed, self._eval_step)
        inputs, targets = self.val_batches.next_batch(rng, EVALUATION)
        with no_tape():
            loss, _ = mean_valid(self.model.losses(inputs, targets), targets)
        record(loss, self._eval_step, out=self._eval_losses)
        if self._eval_right is not None:
            right, _ = share_right(self.model, self.val_batches, rng)
            record(right, self._eval_step, out=self._eval_right)
        increment(out=self._eval_step)

    def _evaluation_end(self) -> None:
        count = self.experiment.train.eval_batches
        loss, accuracy = (
            each and scale(sum(each.reshape(1, count, 1)).reshape(1), factor=1.0 / count)
            for each in (self._eval_losses, self._eval_right)
        )
        self.metrics.record_evaluation(val_loss=loss, accuracy=accuracy)

    # The whole of it.

    def train(self):
        """A generator: each turn sends a piece of work and yields a TrainEvent; it never waits.

        Evaluations come before the first step, every `train.eval_every` steps, and after the last. A generator may be
        dropped anywhere and a new one made: it continues from there, and repeats an evaluation that was cut short.
        """
        train = self.experiment.train
        del self.metrics.evaluated_at[self.metrics.concluded :]
        if is_evaluated(train, self.step) and self._last_evaluated != self.step:
            yield from self._evaluate()
        while self.step < train.steps:
            self.train_batches.prefetch(self.step)
            measured = is_measured(train, self.step + 1)
            if measured:
                self._remember()
            self.training_step()
            if measured:
                self._measure()
            self.step += 1
            if not is_evaluated(train, self.step):
                yield TrainEvent("step", self.step)
            else:
                yield from self._evaluate()

    def _evaluate(self):
        self.metrics.evaluated_at.append(self.step)
        # From the first window. Zero is the same bits in every type, so `fill`, which writes floats, will do.
        fill(out=Tensor(self._eval_step.buffer, (1,)), value=0.0)
        for index in range(self.experiment.train.eval_batches):
            self.val_batches.prefetch(index)
            self._evaluate_once()
            yield TrainEvent("evaluating", self.step)
        self._conclude_evaluation()
        self.metrics.concluded += 1
        self._last_evaluated = self.step
        yield TrainEvent("evaluation", self.step)

    def take_metrics(self, data: bytes, **clock: float) -> list[Metric]:
        """The metrics that were not taken before, in order; `clock` are those that the driver measures.

        `data` is what `device.read(run.metrics_tensor)` or `await device.fetch(run.metrics_tensor)` gave, at least every
        2,048 steps.
        Raises: DivergedError at the first loss that is not a finite number; what came before it is in its `metrics`.
        """
        return self.metrics.take(data, clock)


def share_right(model, batches, rng, sequential=False):
    """The fraction of a batch's questions that are answered right, and how many it has, as two tensors (1,)."""
    inputs, targets = batches.next_batch(rng, EVALUATION, sequential=sequential, answers=True)
    with no_tape():
        right, asked = exact_match(model.logits(inputs), targets)
        return mean_valid(right, asked)
