"""One part of a text in memory, on the device, where batches are drawn from it; shard_split.py is for what is larger."""

from pygpt.config.experiment import Experiment
from pygpt.data import Split
from pygpt.nn.layers import Chance
from pygpt.ops import batch, batch_documents
from pygpt.tensor.tensor import tensor


class DeviceSplit:
    """One part of the corpus on the device, and how batches are drawn from it. `separator` is the corpus's."""

    def __init__(self, device, split: Split, layout: str, separator: int | None = None):
        self.layout, self.separator = layout, separator
        self.tokens = tensor(device, split.tokens, dtype="uint32")
        self.offsets = tensor(device, split.offsets, dtype="uint32") if layout == "documents" else None

    def bring(self, step: int) -> None:
        """Make ready for a step: all of it is here already."""

    def draw(
        self,
        chance: Chance,
        experiment: Experiment,
        purpose: int,
        sequential: bool | int = False,
        answers: bool = False,
        first: int = 0,
    ):
        """Inputs (B, T) and targets (B, T) of the batch that belongs to the chance's step, or, with `first`, of these rows
        of a larger one; see pygpt/ops/batch.py. With `answers`, or where the experiment says so, only the tokens of answers
        are targets."""
        shape = {"batch_size": experiment.train.batch_size, "block_size": experiment.model.block_size, "first": first}
        if self.layout == "documents":
            masked = self.separator is not None and (answers or experiment.train.answers_only)
            return batch_documents(
                self.tokens,
                self.offsets,
                chance.seed,
                chance.step,
                purpose=purpose,
                sequential=sequential,
                separator=self.separator if masked else -1,
                **shape,
            )
        return batch(self.tokens, chance.seed, chance.step, purpose=purpose, sequential=sequential, **shape)
