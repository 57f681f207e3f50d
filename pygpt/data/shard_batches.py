"""Training on more tokens than a device, or memory, holds: only the windows of the next steps are brought there.

Which windows those are is the arithmetic of the kernel `batch`, done here with Python's integers: a run on shards has bit
for bit the batches, and so the losses, of a run on the same text in memory.
"""

from array import array

from pygpt.data.shards import ShardedTokens
from pygpt.ops import windows
from pygpt.ops.threefry import one_draw
from pygpt.tensor.tensor import empty

AT_ONCE = 64  # steps whose windows are brought at once, at most
MOST_TOKENS = 1 << 20  # and tokens, at most: 4 MB on the device


class ShardSplit:
    """One part of a prepared text, as `DeviceSplit` is one of a text in memory: `bring` must come before each step.

    `rows` are the windows of a step, and `purpose` is what they are drawn for.
    """

    layout = "stream"
    separator = offsets = None

    def __init__(self, device, shards: ShardedTokens, seed: int, purpose: int, rows: int, block_size: int):
        self.shards, self._seed, self._purpose, self._rows, self._block = shards, seed, purpose, rows, block_size
        self._steps = max(1, min(AT_ONCE, MOST_TOKENS // (rows * (block_size + 1))))
        self.tokens = empty(device, (self._steps * rows * (block_size + 1),), "uint32")
        self._held = range(0)

    def bring(self, step: int) -> None:
        """Put the windows of a step, and of those after it, on the device, unless they are there.

        What is on its way goes first: `write` sends it, and a GPU does things in the order they were sent.
        Raises: DataError if a shard holds what is no token.
        """
        if step in self._held:
            return
        first = step - step % self._steps
        self._held = range(first, first + self._steps)
        found = array("I")
        for each in self._held:
            for row in range(self._rows):
                found.extend(self.shards.window(self._start(each, row), self._block + 1))
        self.tokens.device.write(self.tokens, memoryview(found).cast("B"))

    def _start(self, step, row):
        low, high = one_draw(self._seed, self._purpose, row, step % 2**32)
        places = len(self.shards) - self._block
        # One word reaches the whole of a text that fits into memory; of a larger one, it takes both.
        return (low if places < 2**32 else high << 32 | low) % places

    def draw(self, chance, experiment, purpose: int, sequential: bool = False, answers: bool = False, first: int = 0):
        """Inputs (B, T) and targets (B, T) of the batch that belongs to the chance's step, as `DeviceSplit.draw`."""
        return windows(
            self.tokens,
            chance.step,
            batch_size=experiment.train.batch_size,
            block_size=self._block,
            rows=self._rows,
            first=first,
        )
