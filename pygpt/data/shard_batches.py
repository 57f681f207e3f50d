"""Training on more tokens than a device, or memory, holds: only the windows of the next steps are brought there.

Which windows those are is the arithmetic of the kernel `batch`, done here with Python's integers: a run on shards has bit
for bit the batches, and so the losses, of a run on the same text in memory.
"""

from array import array

from pygpt.data.shards import ShardedTokens
from pygpt.ops import gather_windows
from pygpt.ops.threefry import one_draw
from pygpt.tensor.tensor import empty

AT_ONCE = 64  # steps whose windows are brought at once, at most
MOST_TOKENS = 1 << 20  # and tokens, at most: 4 MB on the device


class ShardBatches:
    """One part of a prepared text, as `DeviceBatches` is one of a text in memory: `prefetch` must come before each step.

    A step takes `passes` batches; `purpose` is what they are drawn for.
    """

    layout = "stream"
    separator = offsets = None

    def __init__(
        self, device, shards: ShardedTokens, seed: int, purpose: int, batch_size: int, block_size: int, passes: int = 1
    ):
        self.batch_size, self._block, self._rows = batch_size, block_size, passes * batch_size
        self.shards, self._seed, self._purpose, rows = shards, seed, purpose, self._rows
        self._steps = max(1, min(AT_ONCE, MOST_TOKENS // (rows * (block_size + 1))))
        self.tokens = empty(device, (self._steps * rows * (block_size + 1),), "uint32")
        self._held = range(0)

    def prefetch(self, step: int) -> None:
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

    def next_batch(self, rng, purpose: int, sequential: bool = False, answers: bool = False, first: int = 0):
        """Inputs (B, T) and targets (B, T) of the batch of the generator's step, as `DeviceBatches.next_batch`."""
        return gather_windows(
            self.tokens, rng.step, batch_size=self.batch_size, block_size=self._block, rows=self._rows, first=first
        )
