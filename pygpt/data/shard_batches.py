"""Training on more tokens than the device or memory holds: only the windows of the next steps are on the device.

Windows are drawn here with Python integers, by the arithmetic of the kernel `batch`. A run on shards therefore has bit
for bit the batches and the losses of a run on the same text in memory.
"""

from array import array

from pygpt.data.shards import ShardedTokens
from pygpt.ops import gather_windows
from pygpt.ops.threefry import one_draw
from pygpt.tensor.tensor import empty

MAX_STEPS_PER_WRITE = 64  # maximum number of steps whose windows are written at once
MAX_TOKENS_PER_WRITE = 1 << 20  # maximum number of tokens written at once: 4 MB on the device


class ShardBatches:
    """Batches from one part of a prepared text, like `DeviceBatches` for a text in memory.

    Call `prefetch` before each step. A step takes `passes` batches; `purpose` is part of the key of their random draws.
    """

    layout = "stream"
    offsets = answers = None

    def __init__(
        self, device, shards: ShardedTokens, seed: int, purpose: int, batch_size: int, block_size: int, passes: int = 1
    ):
        self.batch_size, self._block, self._rows = batch_size, block_size, passes * batch_size
        self.tokens_per_sequence = block_size
        self.shards, self._seed, self._purpose, rows = shards, seed, purpose, self._rows
        self._steps = max(1, min(MAX_STEPS_PER_WRITE, MAX_TOKENS_PER_WRITE // (rows * (block_size + 1))))
        self.tokens = empty(device, (self._steps * rows * (block_size + 1),), "uint32")
        self._held = range(0)

    def prefetch(self, step: int) -> None:
        """Write the windows of a step and of the following steps to the device, unless they are there already.

        Pending launches still read the old windows, because `write` submits them first and a GPU keeps the order.

        Raises:
            DataError: a shard holds an id that is outside the vocabulary.
        """
        if step in self._held:
            return
        first = step - step % self._steps
        self._held = range(first, first + self._steps)
        tokens = array("I")
        for held_step in self._held:
            for row in range(self._rows):
                tokens.extend(self.shards.window(self._start(held_step, row), self._block + 1))
        self.tokens.device.write(self.tokens, memoryview(tokens).cast("B"))

    def _start(self, step, row):
        low, high = one_draw(self._seed, self._purpose, row, step % 2**32)
        positions = len(self.shards) - self._block
        # Like the kernel, use one 32-bit word while it can reach every position, and both words for larger texts.
        return (low if positions < 2**32 else high << 32 | low) % positions

    def next_batch(self, rng, purpose: int, sequential: bool = False, answers: bool = False, first: int = 0):
        """Return the inputs (B, T) and targets (B, T) of the generator's step, as `DeviceBatches.next_batch` does."""
        return gather_windows(
            self.tokens, rng.step, batch_size=self.batch_size, block_size=self._block, rows=self._rows, first=first
        )
