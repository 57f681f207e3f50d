"""The loss straight from what the head reads: a large vocabulary's logits are made in chunks of rows, never whole.

It is no kernel but a row of launches of `matmul` and `cross_entropy`, with one entry on the tape. As flash attention does
with its scores, the way back makes the logits a second time.
Source: Hsu et al., "Liger Kernel: Efficient Triton Kernels for LLM Training" (2024), for the chunks.
"""

from pygpt.errors import ShapeError
from pygpt.ops.cross_entropy import cross_entropy, cross_entropy_gradient
from pygpt.ops.matmul import matmul
from pygpt.ops.softcap import softcap, softcap_gradient
from pygpt.tensor.tensor import Node, Tape, Tensor, empty

# Elements of logits in a chunk: 64 MiB, half of what WebGPU promises to bind at once. Fewer would have the gradient of the
# head's weight, which every chunk adds to, read and written more often than its product is worth. Up to two chunks are made
# whole: chunks cost a fourth product beside the three, and a second place for that gradient.
CHUNK = 1 << 24


def rows_at_a_time(rows: int, vocab_size: int, chunk: int | None = None) -> int:
    """How many rows of logits are made at a time: all of them if they fit two chunks, or else as many as fit one, in
    multiples of 64, where a slice may start."""
    chunk = chunk or CHUNK
    return rows if rows * vocab_size <= 2 * chunk else min(rows, max(64, chunk // vocab_size // 64 * 64))


def linear_cross_entropy(
    x: Tensor,
    w: Tensor,
    targets: Tensor,
    *,
    transpose_w: bool = False,
    smoothing: float = 0.0,
    z_loss: float = 0.0,
    cap: float = 0.0,
    chunk: int | None = None,
) -> tuple[Tensor, Tensor]:
    """`cross_entropy` of the logits x @ w, with w read transposed if asked: (loss, log_sum_exp), both (rows,).

    With a `cap` the logits go through `softcap` first; `smoothing` and `z_loss` are as in `cross_entropy`.
    Logits of at most two times `chunk` elements (CHUNK without it) are made at once and kept for the way back.
    Shapes: x (..., C); w (C, V) or (V, C); targets (...) of int32 -> loss, log_sum_exp (rows,).
    Raises: ShapeError if they do not go together.
    """
    if x.shape[:-1] != targets.shape:
        raise ShapeError(
            f"linear_cross_entropy: wanted x (..., C) and targets (...), got {list(x.shape)} and {list(targets.shape)}"
        )
    rows, vocab_size = targets.size, w.shape[0 if transpose_w else 1]
    step = rows_at_a_time(rows, vocab_size, chunk)
    costs = {"smoothing": smoothing, "z_loss": z_loss}
    if step == rows:
        logits = matmul(x, w, transpose_w=transpose_w)
        return cross_entropy(softcap(logits, cap=cap) if cap else logits, targets, **costs)
    loss, log_sum_exp = empty(x.device, (rows,), x.dtype), empty(x.device, (rows,), x.dtype)
    flat, ids = x.detached().reshape(rows, -1), targets.reshape(rows)
    rooms = [empty(x.device, (step, vocab_size), x.dtype) for _ in range(2 if cap else 1)]
    for some, some_ids, *outcome in _chunks(step, flat, ids, loss, log_sum_exp):
        cross_entropy(_logits(some, w, transpose_w, cap, rooms), some_ids, out=outcome, **costs)
    if Tape.on and (x.node or w.node):
        loss.node = Node(
            LINEAR_CROSS_ENTROPY,
            (x.node, w.node),
            {
                "x": flat,
                "w": w.detached(),
                "targets": ids,
                "log_sum_exp": log_sum_exp,
                "transpose_w": transpose_w,
                "cap": cap,
                "costs": costs,
                "step": step,
                "x_shape": x.shape,
            },
        )
    return loss, log_sum_exp


def _chunks(step, *tensors):
    """`step` rows of each tensor at a time, or what is left."""
    rows = tensors[0].shape[0]
    for start in range(0, rows, step):
        count = min(step, rows - start)
        yield [t.slice(start * (t.size // rows), (count, *t.shape[1:])) for t in tensors]


def _logits(x, w, transpose_w, cap, rooms):
    """The logits of these rows in the first room, or, with a cap, what comes out under it in the second."""
    shape = (x.shape[0], rooms[0].shape[1])
    logits = matmul(x, w, transpose_w=transpose_w, out=rooms[0].slice(0, shape))
    return softcap(logits, out=rooms[1].slice(0, shape), cap=cap) if cap else logits


class _LinearCrossEntropy:
    """The entry on the tape: the gradients of x and w, a chunk at a time."""

    name = "linear_cross_entropy"
    gathers = frozenset()

    def backward(self, dloss, saved, wanted, so_far, into):
        x, w, transpose_w, cap, step = (saved[name] for name in ("x", "w", "transpose_w", "cap", "step"))
        vocab_size = w.shape[0 if transpose_w else 1]
        dx, dw = empty(x.device, x.shape, x.dtype), None
        rooms = [empty(x.device, (step, vocab_size), x.dtype) for _ in range(3 if cap else 2)]
        # A GPU may not read and write one buffer in a launch, so the sum over chunks goes to and fro between two.
        places = [into[1] or empty(x.device, w.shape, x.dtype), empty(x.device, w.shape, x.dtype)] if wanted[1] else []
        chunks = list(_chunks(step, x, saved["targets"], saved["log_sum_exp"], dloss, dx))
        for left, (some, ids, log_sum_exp, some_dloss, some_dx) in zip(reversed(range(len(chunks))), chunks):
            logits = _logits(some, w, transpose_w, cap, rooms)
            dlogits = rooms[-1].slice(0, logits.shape)
            cross_entropy_gradient(some_dloss, logits, ids, log_sum_exp, out=dlogits, **saved["costs"])
            if cap:  # the gradient of softcap reads what came out under the cap: the first room is free again
                dlogits = softcap_gradient(dlogits, logits, out=rooms[0].slice(0, logits.shape), cap=cap)
            if wanted[0]:
                matmul(dlogits, w, transpose_w=not transpose_w, out=some_dx)
            if wanted[1]:
                product = (dlogits, some) if transpose_w else (some, dlogits)
                dw = matmul(*product, None, dw, transpose_x=True, out=places[left % 2])
        return dx.reshape(*saved["x_shape"]) if wanted[0] else None, dw


LINEAR_CROSS_ENTROPY = _LinearCrossEntropy()
