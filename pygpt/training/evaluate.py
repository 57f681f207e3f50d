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

from pygpt.data.batches import DeviceBatches
from pygpt.data.corpus import make_corpus, separator_of, whole_split
from pygpt.models.python_random_init import python_random
from pygpt.nn.parameters import RngState
from pygpt.ops import increment, mean_valid, record
from pygpt.ops.threefry import EVALUATION
from pygpt.tensor.capture import Capture
from pygpt.tensor.tensor import ARRAY_CODE, empty, no_tape, tensor
from pygpt.training.ngram_baselines import baselines as ngram_baselines
from pygpt.training.step import share_right


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


def evaluate_text(trained, text, whole: bool = False, baselines: bool = True) -> Evaluation:
    """Evaluate a model on the validation part of a text (or, if `whole`, on all of it). It blocks.

    `trained` has a `model`, its `tokenizer`, `experiment` and `device`: a TrainedModel, or a Run. Without `baselines`,
    and for shards, which are too large to count, the only baseline is the uniform distribution.
    Raises: DataError if the text is too short or has the wrong layout; TokenizerError for an unknown character.
    """
    experiment, tokenizer, device = trained.experiment, trained.tokenizer, trained.device
    layout, block = experiment.data.layout, experiment.model.block_size
    train = None
    if text.text is None:  # shards: those for validation fit into memory
        val = text.corpus(layout, block, tokenizer).val.all()
    elif whole:
        val = whole_split(text.text, tokenizer, layout)
    else:
        generator = python_random(experiment)
        corpus = make_corpus(text.text, tokenizer, layout, block, experiment.data.val_fraction, generator)
        train, val = corpus.train, corpus.val
    separator = separator_of(tokenizer, block, val) if layout == "documents" else None
    batches = DeviceBatches(
        device, val, layout, experiment.train.batch_size, block, separator, experiment.train.answers_only
    )
    loss, predictions = full_loss(trained.model, batches)
    right, questions = (None, 0) if separator is None else accuracy(trained.model, batches)
    answers = separator if experiment.train.answers_only else None
    size = predicted_bytes(val, tokenizer, block, answers)
    counted = {"uniform": math.log(tokenizer.vocab_size)}
    if baselines and train is not None:
        counted = ngram_baselines(train, val, tokenizer.vocab_size, answers)
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


def full_loss(model, batches: DeviceBatches) -> tuple[float, int]:
    """The mean loss over all of a split, in nats per token, and how many predictions it covers. It blocks."""

    def one_batch(rng):
        inputs, targets = batches.next_batch(rng, EVALUATION, sequential=True)
        with no_tape():
            return mean_valid(model.losses(inputs, targets), targets)

    return _sweep(model, batches, one_batch)


def accuracy(model, batches: DeviceBatches) -> tuple[float, int]:
    """The fraction of a split's questions whose whole answer is right, its end included, and how many there are.

    The answer is the one that greedy decoding would write: see `exact_match`. It blocks.
    """
    return _sweep(model, batches, lambda rng: share_right(model, batches, rng, sequential=True))


def _sweep(model, batches, one_batch):
    """The mean over a split, and over how many, from a function of a batch that gives both for that batch."""
    if batches.offsets is not None:
        count = math.ceil((batches.offsets.size - 1) / batches.batch_size)
    else:
        count = math.ceil((batches.tokens.size - 1) / (batches.batch_size * batches.block_size))
    device, dtype = batches.tokens.device, next(model.named_parameters())[3].dtype
    step = tensor(device, [0], dtype="uint32")
    seed = tensor(device, [0], dtype="uint32")
    means, counts = (empty(device, (count,), dtype) for _ in range(2))

    def next_batch():
        mean, number = one_batch(RngState(seed, step))
        record(mean, step, out=means)
        record(number, step, out=counts)
        increment(out=step)

    capture = Capture(device, next_batch)
    for _ in range(count):
        capture()
    shares, numbers = (struct.unpack(f"<{count}{ARRAY_CODE[dtype]}", device.read(each)) for each in (means, counts))
    total = math.fsum(numbers)
    return math.fsum(mean * number for mean, number in zip(shares, numbers)) / total, round(total)
