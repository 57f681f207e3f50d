"""A run: a model learning from a text. It knows no device, no file and no screen.

Everything a step needs lives on the device: the tokens, the seed, the number of steps done, the learning rates, the
losses so far. So a step takes nothing from the host and gives nothing back; the driver (command line, browser, server)
lets steps go and looks at the losses when it likes.
"""

import dataclasses
import random
import struct

from pygpt.analysis.memory import check_memory
from pygpt.config.experiment import Experiment
from pygpt.data import Corpus, Split, Text, check_answers, is_task, load_text, make_corpus, make_tokenizer
from pygpt.data.batches import DeviceSplit
from pygpt.errors import CheckpointError, DataError
from pygpt.models import build_model
from pygpt.models.python_random_init import python_random, write_python_random_weights
from pygpt.nn.layers import Chance, Weights, with_parameters
from pygpt.ops import advance, blend, fill, mean_valid, record, scale, sum, weigh
from pygpt.ops.threefry import BATCH, EVALUATION
from pygpt.optim.optimizer import Optimizer, Slots
from pygpt.optim.schedules import average_table, schedule_table
from pygpt.runs.checkpoint import Checkpoint, read_checkpoint, weights_for, write_checkpoint
from pygpt.runs.provenance import provenance
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import ARRAY_CODE, ITEM_SIZE, Tensor, backward, empty, no_tape, tensor
from pygpt.tokenizers import Tokenizer
from pygpt.training.evaluate import share_right
from pygpt.training.metrics import History, Metric


@dataclasses.dataclass(frozen=True)
class TrainEvent:
    """What `Run.train` has just put on its way: a "step"; or, after `step` steps, one batch of an evaluation
    ("evaluating"), or the end of it ("evaluation"). A step that is followed by an evaluation has no event of its own."""

    kind: str
    step: int


class Run:
    """One experiment under way on one device.

    `history` is the tensor to read from time to time, for `take_metrics`; `step` counts the steps put on their way. `model`
    is the one to ask: with an average of the weights it has these, and `weights` are those that learn.
    With `init_from` the weights begin as another run's, and its tokenizer is used: the optimizer begins anew.
    Raises: ExperimentError, DataError, TokenizerError if the experiment, the text and that run do not make a run.
    """

    def __init__(
        self,
        experiment: Experiment,
        text: Text,
        device,
        tokenizer: Tokenizer | None = None,
        init_from: Checkpoint | None = None,
    ):
        prepared = text.text is None  # shards, which stay on the disk, and say themselves what their tokens are
        self.experiment = experiment = experiment.with_fields(**text.fields()) if prepared else experiment.validated()
        self.text = text
        self.device = device
        tokenizer = init_from.tokenizer if init_from else tokenizer
        self.tokenizer = tokenizer or (text.tokenizer if prepared else make_tokenizer(experiment.data, text.text))
        check_memory(experiment, self.tokenizer.vocab_size, device, 0 if prepared else len(text.text))
        generator = python_random(experiment)
        layout, block = experiment.data.layout, experiment.model.block_size
        corpus = (
            text.corpus(layout, block, self.tokenizer)
            if prepared
            else make_corpus(text.text, self.tokenizer, layout, block, experiment.data.val_fraction, generator)
        )
        if corpus.layout == "documents" and (experiment.train.answers_only or is_task(text.name)):
            check_answers(corpus, self.tokenizer, experiment.model.block_size)
        self._place(corpus, generator, weights_for(init_from, experiment) if init_from else None)
        self._ancestry = (
            {"init_from": {"name": init_from.experiment.name, "step": init_from.step, **init_from.provenance}}
            if init_from
            else {}
        )

    def _place(self, corpus: Corpus, generator: random.Random | None = None, weights: dict | None = None) -> None:
        """Begin: bring everything onto the device and capture what will be repeated."""
        self.step = 0
        self._last_evaluated = None  # the step of the last evaluation that was concluded
        experiment, device = self.experiment, self.device
        dtype = experiment.model.dtype
        self.losses = History(device, dtype, experiment)
        self.history = self.losses.values
        self.seed = tensor(device, [experiment.train.seed], dtype="uint32")

        self._learner = build_model(experiment.model, self.tokenizer.vocab_size)
        self.weights = Weights(device, self._learner, self.seed if weights is None else None, dtype)
        if weights:
            for name, values in weights.items():
                device.write(self.weights.named[name], bytes(values))
        elif generator:
            write_python_random_weights(self.weights, experiment.model.init_std, generator)
        table = schedule_table(experiment.optim, experiment.train.steps, ARRAY_CODE[dtype])
        schedule = tensor(device, table, (experiment.train.steps, 3), dtype)
        shares = (
            average_table(experiment.optim, experiment.train.steps, ARRAY_CODE[dtype]) if experiment.optim.ema else None
        )
        self.optimizer = Optimizer(
            self.weights,
            experiment.optim,
            schedule,
            self.losses.steps_done,
            shares and tensor(device, shares, dtype=dtype),
        )
        self.model = self._learner
        if shares:
            answering = build_model(experiment.model, self.tokenizer.vocab_size)
            self.model = with_parameters(answering, self.optimizer.average.named)

        # Passes over the model: what dropout counts, since the parts of a batch must not drop the same.
        self._passes = self.losses.steps_done
        if experiment.train.accumulation > 1:
            self._passes = tensor(device, [0], dtype="uint32")
            self._part = Slots(self.weights, self.weights.order)

        self._train_split = self._split(corpus, corpus.train, BATCH, experiment.train.accumulation)
        self._val_split = self._split(corpus, corpus.val, EVALUATION)
        self._eval_step = tensor(device, [0], dtype="uint32")
        self._eval_losses, self._eval_right = (empty(device, (experiment.train.eval_batches,), dtype) for _ in range(2))
        if corpus.separator is None:
            self._eval_right = None
        self._train_once = Capture(device, self._train_step)
        self._evaluate_once = Capture(device, self._evaluation_step)
        self._conclude_evaluation = Capture(device, self._evaluation_end)

    def _split(self, corpus, part, purpose, accumulation=1):
        if isinstance(part, Split):
            return DeviceSplit(self.device, part, corpus.layout, corpus.separator)
        from pygpt.data.shard_batches import ShardSplit  # a tab has no use for it

        train = self.experiment.train
        return ShardSplit(
            self.device, part, train.seed, purpose, train.batch_size * accumulation, self.experiment.model.block_size
        )

    def _train_step(self) -> None:
        if self.experiment.train.accumulation > 1:
            loss = self._accumulate()
        else:
            loss, _ = self._pass(0, self.optimizer.gradients)
        self.losses.add_loss(loss)
        self.optimizer.update()
        self.losses.count_step()

    def _pass(self, first: int, gradients: dict):
        """Put the gradients of a batch, or of its rows from `first` on, where they are wanted: (loss, of how many predictions)."""
        chance, passes = Chance(self.seed, self.losses.steps_done), Chance(self.seed, self._passes)
        if self.experiment.model.init == "python-random":
            # Python's generator has shuffled the documents: they are taken in their order, again and again.
            inputs, targets = self._train_split.draw(passes, self.experiment, BATCH, sequential=2)
        else:
            inputs, targets = self._train_split.draw(chance, self.experiment, BATCH, first=first)
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
            weigh(count, out=(total, share))
            blend(loss, share, self.losses.steps_done, out=mean)
            blend(self._part.values, share, self.losses.steps_done, out=gradient)
            advance(out=self._passes)
        return mean

    def _evaluation_step(self) -> None:
        # The same windows at every evaluation: the curve shows the model changing, not the draw.
        chance = Chance(self.seed, self._eval_step)
        inputs, targets = self._val_split.draw(chance, self.experiment, EVALUATION)
        with no_tape():
            loss, _ = mean_valid(self.model.losses(inputs, targets), targets)
        record(loss, self._eval_step, out=self._eval_losses)
        if self._eval_right is not None:
            right, _ = share_right(self.model, self._val_split, chance, self.experiment)
            record(right, self._eval_step, out=self._eval_right)
        advance(out=self._eval_step)

    def _evaluation_end(self) -> None:
        count = self.experiment.train.eval_batches
        loss, accuracy = (
            each and scale(sum(each.reshape(1, count, 1)).reshape(1), factor=1.0 / count)
            for each in (self._eval_losses, self._eval_right)
        )
        self.losses.add_evaluation(loss, accuracy)

    @property
    def splits(self) -> tuple:
        """The parts of the corpus on the device, that for training and that for validation."""
        return self._train_split, self._val_split

    @property
    def training_step(self) -> Capture:
        """One step of training, as it was captured: what `pygpt.analysis.profile` looks at."""
        return self._train_once

    def train(self):
        """A generator: each turn puts a piece of work on its way and yields a TrainEvent; it never waits.

        Evaluations come before the first step, every `train.eval_every` steps, and after the last. A generator may be
        dropped anywhere and a new one made: it goes on from there, and does an evaluation that was cut short again.
        """
        train = self.experiment.train
        del self.losses.evaluated_at[self.losses.concluded :]
        if self._due() and self._last_evaluated != self.step:
            yield from self._evaluate()
        while self.step < train.steps:
            self._train_split.bring(self.step)
            self._train_once()
            self.step += 1
            if not self._due():
                yield TrainEvent("step", self.step)
            else:
                yield from self._evaluate()

    def _due(self):
        return self.step % self.experiment.train.eval_every == 0 or self.step == self.experiment.train.steps

    def _evaluate(self):
        self.losses.evaluated_at.append(self.step)
        # From the first window. Zero is the same bits in every type, so `fill`, which writes floats, will do.
        fill(out=Tensor(self._eval_step.buffer, (1,)), value=0.0)
        for index in range(self.experiment.train.eval_batches):
            self._val_split.bring(index)
            self._evaluate_once()
            yield TrainEvent("evaluating", self.step)
        self._conclude_evaluation()
        self.losses.concluded += 1
        self._last_evaluated = self.step
        yield TrainEvent("evaluation", self.step)

    def take_metrics(self, history: bytes) -> list[Metric]:
        """What the history holds that was not taken before, in order.

        `history` is what `device.read(run.history)` or `await device.fetch(run.history)` gave, at least every 4,096 steps.
        Raises: DivergedError at the first loss that is not a finite number; what came before it is in its `metrics`.
        """
        return self.losses.take(history, self._eval_right is not None)

    # Checkpoints.

    def checkpoint(self) -> bytes:
        """The whole run as the bytes of a file, waiting for the device."""
        states = {group: self.device.read(held.values) for group, held in self._state().items()}
        return self._packed(self.step, states, self.device.read(self.history))

    async def fetch_checkpoint(self) -> bytes:
        """As `checkpoint`, without blocking. No step may be put on its way until it is done."""
        step = self.step
        states = {group: await self.device.fetch(held.values) for group, held in self._state().items()}
        history = await self.device.fetch(self.history)
        if step != self.step:
            raise CheckpointError(
                f"the run went on from step {step} to {self.step} while it was being saved; save again"
            )
        return self._packed(step, states, history)

    def _state(self):
        if average := self.optimizer.average:
            return {"weights": average, "trained": self.weights, **self.optimizer.memory}
        return {"weights": self.weights, **self.optimizer.memory}

    def _packed(self, step, states, history):
        item = ITEM_SIZE[self.weights.values.dtype]

        def by_name(group):
            view = memoryview(states[group])
            return {
                name: view[item * placed.offset : item * placed.offset + placed.nbytes]
                for name, placed in self._state()[group].named.items()
            }

        made = {**provenance(self.experiment, self.text, self.device), **self._ancestry}
        return write_checkpoint(
            Checkpoint(
                self.experiment,
                self.tokenizer,
                step,
                made,
                by_name("weights"),
                {group: by_name(group) for group in states if group != "weights"},
                None if self.text.built_in else self.text,
                self.losses.curve_with(history, self._eval_right is not None),
            )
        )

    @staticmethod
    def restore(data: bytes, device, text: Text | None = None, steps: int | None = None) -> "Run":
        """The run that a checkpoint holds, as it was; it goes on with the losses it would have had.

        `text` is needed only where a text by name cannot be had (in a tab, those the site serves); `steps` changes the
        length of the run, and with it the rest of the schedule.
        Raises: CheckpointError for a file that is damaged; DataError if the text is not the one it was trained on.
        """
        checkpoint = read_checkpoint(data)
        experiment = checkpoint.experiment
        if steps is not None:
            experiment = experiment.with_fields(**{"train.steps": steps})
        described = checkpoint.provenance.get("data")
        if described is None:
            raise CheckpointError(
                "this model was not trained on a text here, so there is nothing to go on with; a new run "
                "may begin with its weights: `pygpt train --init-from`"
            )
        text = text or checkpoint.text or load_text(experiment.data.source)
        expected = described.get("sha256") if isinstance(described, dict) else None
        if text.sha256 != expected:
            raise DataError(
                f"the text {text.name!r} is not the one this run was trained on (its SHA-256 is "
                f"{text.sha256[:12]}..., the run's is {str(expected)[:12]}...), so it cannot go on as if nothing "
                f"had happened. Use the same version of the text"
            )
        run = Run(experiment, text, device, checkpoint.tokenizer)
        run._ancestry = {name: made for name, made in checkpoint.provenance.items() if name == "init_from"}
        for group, held in run._state().items():
            arrays = checkpoint.weights if group == "weights" else checkpoint.memory[group]
            for name, placed in held.named.items():
                device.write(placed, bytes(arrays[name]))
        run.losses.begin_at(checkpoint.step, checkpoint.curve)
        if experiment.train.accumulation > 1:
            device.write(run._passes, struct.pack("<I", checkpoint.step * experiment.train.accumulation % 2**32))
        run.step = run._last_evaluated = checkpoint.step
        return run
