"""Training on the device: one model and one corpus, without files or a user interface.

The device holds everything that a step needs: the tokens, the random seed, the number of steps done, the learning rates
and the metrics so far. A step therefore reads nothing from the host and returns nothing. The driver sends steps, and
reads the metrics independently of them.
"""

import dataclasses
import random
from collections.abc import Iterator

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
from pygpt.optim.schedules import ScheduleTables
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import Tensor, backward, empty, no_tape, tensor
from pygpt.training.metrics import Metric, MetricsBuffer, is_evaluated, is_measured


@dataclasses.dataclass(frozen=True)
class TrainEvent:
    """The work that `Trainer.train` has just sent: a "step"; or, after `step` steps, one batch of an evaluation
    ("evaluating"), or its end ("evaluation"). A step before an evaluation has no event."""

    kind: str
    step: int


class Trainer:
    """A model in training on one device.

    `metrics_tensor` is the tensor to read for `take_metrics`; `step` counts the steps sent. `weights` are the trained
    weights. `model` is the model to sample from; with weight averaging, it has the averaged weights.
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
        """Upload the data and the weights to the device, and capture the work of a step and of an evaluation.

        `weights` are the initial weights by name, as bytes. Without them they are drawn, from `generator` if given.
        """
        self.experiment, self.device = experiment, device
        self.step = 0
        self._last_evaluated: int | None = None  # the step of the last complete evaluation
        dtype = experiment.model.dtype
        self.metrics = MetricsBuffer(device, dtype, experiment)
        self.metrics_tensor = self.metrics.values
        self.seed = tensor(device, [experiment.train.seed], dtype="uint32")

        self._learner = build_model(experiment.model, vocab_size)
        self.weights = Weights(device, self._learner, self.seed if weights is None else None, dtype)
        if weights:
            for name, values in weights.items():
                device.write(self.weights.by_name[name], bytes(values))
        elif generator:
            write_python_random_weights(self.weights, experiment.model.init_std, generator)
        self._schedule = ScheduleTables(self.weights, experiment.optim, experiment.train.steps)
        self.optimizer = Optimizer(
            self.weights, experiment.optim, self._schedule.rates, self.metrics.steps_done, self._schedule.shares
        )
        self.model = self._learner
        if average := self.optimizer.average:
            averaged = build_model(experiment.model, vocab_size)
            self.model = with_parameters(averaged, average.by_name)
        self._weights_before = empty(device, self.weights.values.shape, dtype)  # negated: see _copy_weights

        # Passes through the model. Dropout counts passes, since each part of a batch needs another mask.
        self._passes = self.metrics.steps_done
        if experiment.train.accumulation > 1:
            self._passes = tensor(device, [0], dtype="uint32")
            self._part = FlatState(self.weights, self.weights.order)

        self.train_batches = self._batches(corpus, corpus.train, BATCH, experiment.train.accumulation)
        self.val_batches = self._batches(corpus, corpus.val, EVALUATION)
        self._eval_step = tensor(device, [0], dtype="uint32")
        self._eval_losses, right = (empty(device, (experiment.train.eval_batches,), dtype) for _ in range(2))
        self._eval_right = None if self.val_batches.answers is None else right
        self.training_step = Capture(device, self._train_step)
        self._copy_before = Capture(device, self._copy_weights)
        self._measure = Capture(device, self._measure_update)
        self._evaluate_once = Capture(device, self._evaluation_step)
        self._conclude_evaluation = Capture(device, self._evaluation_end)

    def _batches(self, corpus, split, purpose, passes=1):
        train, block_size = self.experiment.train, self.experiment.model.block_size
        if isinstance(split, Split):
            return DeviceBatches(self.device, split, corpus.layout, train.batch_size, block_size, train.answers_only)
        from pygpt.data.shard_batches import ShardBatches  # not needed in a tab

        return ShardBatches(self.device, split, train.seed, purpose, train.batch_size, block_size, passes)

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
        """Compute the gradients of a batch, or of its rows from `first` on; return (loss, number of predictions)."""
        rng, passes = RngState(self.seed, self.metrics.steps_done), RngState(self.seed, self._passes)
        if self.experiment.model.init == "python-random":
            # Python's generator has shuffled the documents already: read them in order, and start over at the end.
            inputs, targets = self.train_batches.next_batch(passes, BATCH, sequential=2)
        else:
            inputs, targets = self.train_batches.next_batch(rng, BATCH, first=first)
        optim = self.experiment.optim
        losses = self._learner.losses(inputs, targets, passes, smoothing=optim.label_smoothing, z_loss=optim.z_loss)
        loss, count = mean_valid(losses, targets)
        backward(loss, [self.weights.by_name[name] for name in gradients], into=list(gradients.values()))
        return loss.detached(), count  # detached: the next part needs the memory of the graph

    def _accumulate(self) -> Tensor:
        """Accumulate the gradients of a batch over its parts, as means over all predictions; return its loss."""
        train, gradient = self.experiment.train, self.optimizer.gradient.values
        mean, total, share = (empty(self.device, (1,), gradient.dtype) for _ in range(3))
        for each in (gradient, mean, total):
            fill(out=each, value=0.0)
        for part in range(train.accumulation):
            loss, count = self._pass(part * train.batch_size, self._part.by_name)
            running_share(count, out=(total, share))
            lerp(loss, share, self.metrics.steps_done, out=mean)
            lerp(self._part.values, share, self.metrics.steps_done, out=gradient)
            increment(out=self._passes)
        return mean

    # The size of an update. Measuring it takes as much memory as the weights, and a few passes over them. Only logged
    # steps are measured, by separate launches around the step, so that the step itself is always the same.

    def _copy_weights(self) -> None:
        scale(self.weights.values, factor=-1.0, out=self._weights_before)

    def _measure_update(self) -> None:
        update = self.optimizer.gradient.values  # free for reuse after an update
        add(self._weights_before, self.weights.values, out=update)
        _, weight_norm = clip_scale(square_sum(self._weights_before), max_norm=0.0)
        _, update_norm = clip_scale(square_sum(update), max_norm=0.0)
        self.metrics.record_after("update_ratio", divide(update_norm, weight_norm, epsilon=1e-12))

    # Evaluations.

    def _evaluation_step(self) -> None:
        # Every evaluation uses the same windows, so that the curve shows changes of the model only.
        rng = RngState(self.seed, self._eval_step)
        inputs, targets = self.val_batches.next_batch(rng, EVALUATION)
        with no_tape():
            loss, _ = mean_valid(self.model.losses(inputs, targets), targets)
        record(loss, self._eval_step, out=self._eval_losses)
        if self._eval_right is not None:
            right, _ = answer_accuracy(self.model, self.val_batches, rng)
            record(right, self._eval_step, out=self._eval_right)
        increment(out=self._eval_step)

    def _evaluation_end(self) -> None:
        count = self.experiment.train.eval_batches
        loss, accuracy = (
            each and scale(sum(each.reshape(1, count, 1)).reshape(1), factor=1.0 / count)
            for each in (self._eval_losses, self._eval_right)
        )
        self.metrics.record_evaluation(val_loss=loss, accuracy=accuracy)

    @property
    def evaluating(self) -> bool:
        """Whether an evaluation has begun and not ended."""
        return len(self.metrics.evaluated_at) > self.metrics.evaluations_finished

    @property
    def evaluation_due(self) -> bool:
        """Whether an evaluation follows the last step, and has not ended."""
        return is_evaluated(self.experiment.train, self.step) and self._last_evaluated != self.step

    # The whole run.

    def train(self) -> Iterator[TrainEvent]:
        """Train: send one piece of work at a time and yield its TrainEvent, without waiting for the device.

        Evaluations run before the first step, every `train.eval_every` steps, and after the last. The generator can be
        dropped at any event. A new one continues from there, and repeats an interrupted evaluation.
        """
        train = self.experiment.train
        del self.metrics.evaluated_at[self.metrics.evaluations_finished :]
        if self.evaluation_due:
            yield from self._evaluate()
        while self.step < train.steps:
            self.train_batches.prefetch(self.step)
            self._schedule.prefetch(self.step)
            measured = is_measured(train, self.step + 1)
            if measured:
                self._copy_before()
            self.training_step()
            if measured:
                self._measure()
            self.step += 1
            if not is_evaluated(train, self.step):
                yield TrainEvent("step", self.step)
            else:
                yield from self._evaluate()

    def _evaluate(self) -> Iterator[TrainEvent]:
        self.metrics.evaluated_at.append(self.step)
        # Start at the first window. `fill` writes floats, but zero has the same bits in every type.
        fill(out=Tensor(self._eval_step.buffer, (1,)), value=0.0)
        for index in range(self.experiment.train.eval_batches):
            self.val_batches.prefetch(index)
            self._evaluate_once()
            yield TrainEvent("evaluating", self.step)
        self._conclude_evaluation()
        self.metrics.evaluations_finished += 1
        self._last_evaluated = self.step
        yield TrainEvent("evaluation", self.step)

    def take_metrics(self, data: bytes, **clock: float) -> list[Metric]:
        """Return the metrics not taken before, in order; `clock` holds those that the driver measures.

        `data` is the result of `device.read(run.metrics_tensor)` or `await device.fetch(run.metrics_tensor)`, read at
        least every 2,048 steps.
        Raises: DivergedError at the first loss that is not finite; its `metrics` are those of the steps before.
        """
        return self.metrics.take(data, clock)


def answer_accuracy(model, batches, rng, sequential=False):
    """The fraction of a batch's questions answered correctly, and the number of questions, as two tensors (1,)."""
    inputs, targets = batches.next_batch(rng, EVALUATION, sequential=sequential, answers=True)
    with no_tape():
        correct, questions = exact_match(model.logits(inputs), targets)
        return mean_valid(correct, questions)
