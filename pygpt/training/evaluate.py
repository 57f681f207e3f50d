"""What a model is worth on the whole of a split: every prediction and every question once, none twice.

A loss is in nats a token, so models with different tokenizers cannot be compared by it. Bits per byte can: the loss of all
tokens together, in bits, over the bytes in UTF-8 of the text they stand for. The delimiter of a document is a byte there, the
end of the line it stands for. What is not predicted is not counted either: the first token of a stream, what a block cuts off
a document, and of questions with answers the questions, if the model learned answers alone.
"""

import dataclasses
import math
import struct
from array import array

from pygpt.nn.layers import Chance
from pygpt.ops import advance, mean_valid, record, right_answers
from pygpt.ops.threefry import EVALUATION
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import ARRAY_CODE, empty, no_tape, tensor
from pygpt.training.ngram_baselines import baselines


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What was found on the validation part: the loss in nats a token, over how many predictions and how many bytes; of
    questions with answers the share that is right, and how many there are; and the loss of each of `pygpt.training.ngram_baselines`."""

    loss: float
    predictions: int
    bytes: int
    accuracy: float | None
    questions: int
    baselines: dict

    @property
    def perplexity(self) -> float:
        """As unsure as if it chose among so many tokens, all equally likely."""
        return perplexity(self.loss)

    def bits_per_byte(self, loss: float | None = None) -> float:
        """The model's loss, or another of the same tokens, in bits for each byte of text."""
        loss = self.loss if loss is None else loss
        return loss * self.predictions / self.bytes / math.log(2)

    def to_dict(self) -> dict:
        """In plain JSON values, by name."""
        found = {
            "predictions": self.predictions,
            "bytes": self.bytes,
            "loss": self.loss,
            "perplexity": self.perplexity,
            "bits_per_byte": self.bits_per_byte(),
        }
        if self.accuracy is not None:
            found |= {"accuracy": self.accuracy, "questions": self.questions}
        return found | {
            "baselines": {
                name: {"loss": loss, "bits_per_byte": self.bits_per_byte(loss)} for name, loss in self.baselines.items()
            }
        }


def evaluate(model, tokenizer, train, val, split, experiment, device) -> Evaluation:
    """All there is to say of a model and the validation part of a corpus: its Splits `train` and `val`, and val on the device
    as a DeviceSplit. Without `train`, which may be too large to count, there is only guessing blindly. It blocks."""
    separator = split.separator if experiment.train.answers_only else None
    loss, predictions = full_loss(model, split, experiment, device)
    right, questions = (None, 0) if split.separator is None else accuracy(model, split, experiment, device)
    size = predicted_bytes(val, tokenizer, experiment.model.block_size, separator)
    vocab_size = tokenizer.vocab_size
    counted = {"uniform": math.log(vocab_size)} if train is None else baselines(train, val, vocab_size, separator)
    return Evaluation(loss, predictions, size, right, questions, counted)


def perplexity(loss: float) -> float:
    """The exponential of a loss, or of 700 if that is less: more is no number any more."""
    return math.exp(min(loss, 700.0))


def predicted_bytes(split, tokenizer, block_size: int, separator: int | None = None) -> int:
    """How many bytes of text the predictions of a corpus's Split stand for."""
    if split.offsets is None:
        return len(tokenizer.decode(split.tokens[1:]).encode())
    found, delimiters = array("I"), 0
    for begin, end in zip(split.offsets, split.offsets[1:]):
        first = begin + 1 if separator is None else split.tokens.index(separator, begin, end) + 1
        last = min(end + 1, begin + 1 + block_size)  # the delimiter at `end` is predicted too, if the block reaches it
        found.extend(split.tokens[first : min(last, end)])
        delimiters += last > end
    return len(tokenizer.decode(found).encode()) + delimiters


def full_loss(model, split, experiment, device) -> tuple[float, int]:
    """The mean loss over a DeviceSplit, in nats a token, and how many predictions it covers. It blocks while it reads."""

    def one_batch(chance):
        inputs, targets = split.draw(chance, experiment, EVALUATION, sequential=True)
        with no_tape():
            return mean_valid(model.losses(inputs, targets), targets)

    return _sweep(split, experiment, device, one_batch)


def accuracy(model, split, experiment, device) -> tuple[float, int]:
    """The share of a DeviceSplit's questions whose whole answer is right, its end included, and how many there are.

    The answer is the one that taking the likeliest token again and again would write: see `right_answers`. It blocks
    while it reads.
    """
    return _sweep(
        split, experiment, device, lambda chance: share_right(model, split, chance, experiment, sequential=True)
    )


def share_right(model, split, chance, experiment, sequential=False):
    """The share of a batch's questions that are answered right, and how many it has, as two tensors (1,)."""
    inputs, targets = split.draw(chance, experiment, EVALUATION, sequential=sequential, answers=True)
    with no_tape():
        right, asked = right_answers(model.logits(inputs), targets)
        return mean_valid(right, asked)


def _sweep(split, experiment, device, one_batch):
    """The mean over a split, and over how many, from a function of a batch that gives both for that batch."""
    batch_size, block = experiment.train.batch_size, experiment.model.block_size
    if split.offsets is not None:
        batches = math.ceil((split.offsets.size - 1) / batch_size)
    else:
        batches = math.ceil((split.tokens.size - 1) / (batch_size * block))
    step = tensor(device, [0], dtype="uint32")
    seed = tensor(device, [0], dtype="uint32")
    dtype = experiment.model.dtype
    means, counts = (empty(device, (batches,), dtype) for _ in range(2))

    def next_batch():
        mean, count = one_batch(Chance(seed, step))
        record(mean, step, out=means)
        record(count, step, out=counts)
        advance(out=step)

    capture = Capture(device, next_batch)
    for _ in range(batches):
        capture()
    shares, numbers = (struct.unpack(f"<{batches}{ARRAY_CODE[dtype]}", device.read(each)) for each in (means, counts))
    total = math.fsum(numbers)
    return math.fsum(mean * number for mean, number in zip(shares, numbers)) / total, round(total)
