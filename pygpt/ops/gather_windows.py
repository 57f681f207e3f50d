"""Batches drawn on the host, for a text too large for the device: a ring with the windows of several steps."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np


@kernel(outputs=("inputs", "targets"), no_gradient="tokens are integers", gathers_rows=True)
def gather_windows(ring, step, inputs, targets, *, batch_size, block_size, rows, first=0):
    """inputs[b] = w[:T] and targets[b] = w[1:], where w = ring[step modulo K, first + b].

    The ring holds K steps of `rows` windows with T + 1 tokens each. `first` is the index of
    row 0 in a larger batch.

    Shapes: ring uint32 (K * rows * (T + 1),); step uint32 (1,) -> inputs uint32 (B, T), targets int32 (B, T).
    """
    slots = ring.reshape(-1, rows, block_size + 1)
    windows = slots[step[0] % slots.shape[0], first : first + batch_size]
    inputs[...] = windows[:, :-1]
    targets[...] = windows[:, 1:].view(np.int32)


@gather_windows.shapes
def _(ring, step, *, batch_size, block_size, rows, first):
    if len(ring.shape) != 1 or not ring.size or ring.size % (rows * (block_size + 1)) or first + batch_size > rows:
        raise ShapeError(
            f"gather_windows: expected a ring of steps with {rows} windows of {block_size + 1} tokens, and rows "
            f"{first} to {first + batch_size} among them, got {list(ring.shape)}"
        )
    return [((batch_size, block_size), "uint32"), ((batch_size, block_size), "int32")]


@gather_windows.overrides
def _(ring, step, inputs, targets, *, batch_size, block_size, rows, first):
    return {"B": batch_size, "T": block_size, "ROWS": rows, "FIRST": first}
