"""Batches that the device draws from one part of a text in memory.

shard_batches.py does this for a text that is larger than the device.
"""

from pygpt.data.corpus import Split
from pygpt.nn.parameters import RngState
from pygpt.ops import batch, batch_documents
from pygpt.tensor.tensor import tensor


class DeviceBatches:
    """One part of a corpus on the device; draws batches of B sequences of T tokens from it.

    `layout` is that of the corpus. With `answers_only`, only the tokens of answers are targets. `tokens_per_sequence`
    is the mean number of tokens of the text in a sequence; the rest of a document's sequence is padding.
    """

    def __init__(
        self,
        device,
        split: Split,
        layout: str,
        batch_size: int,
        block_size: int,
        answers_only: bool = False,
    ):
        self.layout, self.answers_only = layout, answers_only
        self.batch_size, self.block_size = batch_size, block_size
        self.tokens_per_sequence: float = block_size
        if layout == "documents" and split.offsets is not None:
            lengths = [min(end - begin, block_size) for begin, end in zip(split.offsets, split.offsets[1:])]
            self.tokens_per_sequence = sum(lengths) / len(lengths)
        self.tokens = tensor(device, split.tokens, dtype="uint32")
        self.offsets, self.answers = (
            None if each is None or layout != "documents" else tensor(device, each, dtype="uint32")
            for each in (split.offsets, split.answers)
        )

    def prefetch(self, step: int) -> None:
        """Do nothing: the whole text is on the device already."""

    def next_batch(
        self, rng: RngState, purpose: int, sequential: bool | int = False, answers: bool = False, first: int = 0
    ):
        """Return the inputs (B, T) and targets (B, T) of the generator's step; see pygpt/ops/batch.py.

        `first` is their first row in a larger batch. With `answers`, only the tokens of answers are targets.
        """
        if self.layout == "documents":
            masked = self.answers is not None and (answers or self.answers_only)
            return batch_documents(
                self.tokens,
                self.offsets,
                self.answers if masked else self.offsets,
                rng.seed,
                rng.step,
                purpose=purpose,
                sequential=sequential,
                batch_size=self.batch_size,
                block_size=self.block_size,
                first=first,
            )
        return batch(
            self.tokens,
            rng.seed,
            rng.step,
            purpose=purpose,
            sequential=sequential,
            batch_size=self.batch_size,
            block_size=self.block_size,
            first=first,
        )
