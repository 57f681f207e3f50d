"""Evaluate a model on a whole split: every prediction and every question exactly once.

The validation loss during training, over a few batches, is in trainer.py.

A loss is in nats per token, so it cannot compare models with different tokenizers. Bits per byte can: the total loss of
all tokens, in bits, divided by the UTF-8 bytes of the text that they encode. A document's delimiter counts as one byte,
the newline that it replaces. Tokens that are not predicted are not counted: the first token of a stream, the part of a
document beyond the block, and the questions, if the model was trained on answers only.
"""

import dataclasses
import math
import struct
from array import array
from typing import Any

from pygpt.data.batches import DeviceBatches
from pygpt.data.corpus import CutDocuments, cut_documents, make_corpus, whole_split
from pygpt.models.python_random_init import python_random
from pygpt.nn.parameters import RngState
from pygpt.ops import increment, mean_valid, record
from pygpt.ops.threefry import EVALUATION
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import ARRAY_CODE, empty, no_tape, tensor
from pygpt.training.ngram_baselines import baselines as ngram_baselines
from pygpt.training.trainer import answer_accuracy


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The loss on a text in nats per token, with its numbers of predictions and bytes; the accuracy on its questions
    (None if it has none) and their number; the losses of the baselines of `pygpt.training.ngram_baselines`; and
    what the context leaves out of its documents, None if nothing."""

    loss: float
    predictions: int
    bytes: int
    accuracy: float | None
    questions: int
    baselines: dict
    cut: CutDocuments | None = None

    @property
    def perplexity(self) -> float:
        """The number of equally likely tokens that would give the same loss."""
        return perplexity(self.loss)

    def bits_per_byte(self, loss: float | None = None) -> float:
        """The model's loss, or another loss over the same tokens, in bits per byte of text."""
        loss = self.loss if loss is None else loss
        return loss * self.predictions / self.bytes / math.log(2)

    def to_dict(self) -> dict:
        """Return the results as plain JSON values, by name."""
        values: dict[str, Any] = {
            "predictions": self.predictions,
            "bytes": self.bytes,
            "loss": self.loss,
            "perplexity": self.perplexity,
            "bits_per_byte": self.bits_per_byte(),
        }
        if self.accuracy is not None:
            values |= {"accuracy": self.accuracy, "questions": self.questions}
        if self.cut is not None:
            values["cut_documents"] = self.cut.to_dict()
        return values | {
            "baselines": {
                name: {"loss": loss, "bits_per_byte": self.bits_per_byte(loss)} for name, loss in self.baselines.items()
            }
        }


def evaluate_text(trained, text, whole: bool = False, baselines: bool = True) -> Evaluation:
    """Evaluate a model on the validation part of a text (or, if `whole`, on all of it). Blocks.

    `trained` is a TrainedModel or a Run: it has a `model`, `tokenizer`, `experiment` and `device`. The only baseline is
    the uniform distribution if `baselines` is false, if `whole` is true, and for shards, which are too large to count.
    Raises: DataError if the text is too short or has the wrong layout; TokenizerError for an unknown character.
    """
    experiment, tokenizer, device = trained.experiment, trained.tokenizer, trained.device
    layout, block = experiment.data.layout, experiment.model.block_size
    train = None
    answers_only = experiment.train.answers_only
    if text.text is None:  # the validation shards fit into memory
        val = text.corpus(layout, block, tokenizer).val.all()
    elif whole:
        val = whole_split(text.text, tokenizer, layout, block, text.question_length)
    else:
        generator = python_random(experiment)
        corpus = make_corpus(
            text.text, tokenizer, layout, block, experiment.data.val_fraction, generator, text.question_length
        )
        train, val = corpus.train, corpus.val
    batches = DeviceBatches(device, val, layout, experiment.train.batch_size, block, answers_only)
    loss, predictions = full_loss(trained.model, batches)
    right, questions = (None, 0) if batches.answers is None else accuracy(trained.model, batches)
    byte_count = predicted_bytes(val, tokenizer, block, answers_only)
    baseline_losses = {"uniform": math.log(tokenizer.vocab_size)}
    if baselines and train is not None:
        baseline_losses = ngram_baselines(train, val, tokenizer.vocab_size, block, answers_only)
    cut = cut_documents(block, val)
    return Evaluation(loss, predictions, byte_count, right, questions, baseline_losses, cut)


def perplexity(loss: float) -> float:
    """The exponential of a loss; the loss is capped at 700, since a larger exponential overflows."""
    return math.exp(min(loss, 700.0))


def predicted_bytes(split, tokenizer, block_size: int, answers_only: bool = False) -> int:
    """The number of bytes of text that the predictions of a Split encode."""
    if split.offsets is None:
        return tokenizer.byte_length(split.tokens[1:])
    predicted, delimiters = array("I"), 0
    for (_, places), end in zip(split.predictions(block_size, answers_only), split.offsets[1:]):
        predicted.extend(split.tokens[places.start : min(places.stop, end)])
        delimiters += end in places
    return tokenizer.byte_length(predicted) + delimiters


def full_loss(model, batches: DeviceBatches) -> tuple[float, int]:
    """Return the mean loss over a whole split, in nats per token, and the number of predictions. Blocks."""

    def one_batch(rng):
        inputs, targets = batches.next_batch(rng, EVALUATION, sequential=True)
        with no_tape():
            return mean_valid(model.losses(inputs, targets), targets)

    return _sweep(model, batches, one_batch)


def accuracy(model, batches: DeviceBatches) -> tuple[float, int]:
    """Return the fraction of a split's questions with a fully correct answer, including its end, and their number.

    The answer is that of greedy decoding: see `exact_match`. Blocks.
    """
    return _sweep(model, batches, lambda rng: answer_accuracy(model, batches, rng, sequential=True))


def _sweep(model, batches, one_batch):
    """Return the mean and the count over a split; `one_batch` returns both for one batch."""
    if batches.offsets is not None:
        count = math.ceil((batches.offsets.size - 1) / batches.batch_size)
    else:
        count = math.ceil((batches.tokens.size - 1) / (batches.batch_size * batches.block_size))
    device, dtype = batches.tokens.device, next(model.named_parameters())[3].dtype
    step = tensor(device, [0], dtype="uint32")
    seed = tensor(device, [0], dtype="uint32")
    means, counts = (empty(device, (count,), dtype) for _ in range(2))

    def record_batch():
        mean, number = one_batch(RngState(seed, step))
        record(mean, step, out=means)
        record(number, step, out=counts)
        increment(out=step)

    capture = Capture(device, record_batch)
    for _ in range(count):
        capture()
    values, numbers = (struct.unpack(f"<{count}{ARRAY_CODE[dtype]}", device.read(each)) for each in (means, counts))
    total = math.fsum(numbers)
    return math.fsum(mean * number for mean, number in zip(values, numbers)) / total, round(total)
