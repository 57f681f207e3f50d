"""The loss from the input of the output head: computes the logits in chunks of rows, never all at once.

It is not a kernel but a sequence of launches of `matmul` and `cross_entropy`, with one entry on the tape. The backward
pass recomputes the logits, as flash attention does with its scores.
Source: Hsu et al., "Liger Kernel: Efficient Triton Kernels for LLM Training" (2024), for the chunks.
"""

from collections.abc import Iterator, Sequence

from pygpt.errors import ShapeError
from pygpt.ops.cross_entropy import cross_entropy, cross_entropy_gradient
from pygpt.ops.matmul import matmul
from pygpt.ops.softcap import softcap, softcap_gradient
from pygpt.tensor.tensor import Attributes, Node, Tape, Tensor, Tensors, empty

# Elements of logits in a chunk: 64 MiB, half of the largest binding that WebGPU guarantees. In smaller chunks, reading
# and writing the gradient of the head's weight for every chunk would cost more than its products. Up to two chunks are
# computed at once, because chunks need a fourth product, in addition to three, and a second buffer for that gradient.
CHUNK = 1 << 24


def rows_per_chunk(rows: int, vocab_size: int, chunk: int | None = None) -> int:
    """Return how many rows of logits to compute at a time: all if they fit in two chunks, else as many as fit in one,
    in multiples of 64, where a slice can start."""
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
    """Return (loss, log_sum_exp) of `cross_entropy` for the logits x @ w, with w transposed if `transpose_w`.

    If `cap` is set, the logits go through `softcap` first; `smoothing` and `z_loss` are as in `cross_entropy`. Logits
    of at most 2 * `chunk` elements (default: CHUNK) are computed at once and kept for the backward pass.
    Shapes: x (..., C); w (C, V) or (V, C); targets (...) of int32 -> loss, log_sum_exp (rows,).
    Raises: ShapeError if the shapes do not match.
    """
    if x.shape[:-1] != targets.shape:
        raise ShapeError(
            f"linear_cross_entropy: expected x (..., C) and targets (...), got {list(x.shape)} and "
            f"{list(targets.shape)}"
        )
    rows, vocab_size = targets.size, w.shape[0 if transpose_w else 1]
    step = rows_per_chunk(rows, vocab_size, chunk)
    costs: Attributes = {"smoothing": smoothing, "z_loss": z_loss}
    if step == rows:
        logits = matmul(x, w, transpose_w=transpose_w)
        loss, log_sum_exp = cross_entropy(softcap(logits, cap=cap) if cap else logits, targets, **costs)
        return loss, log_sum_exp
    loss, log_sum_exp = empty(x.device, (rows,), x.dtype), empty(x.device, (rows,), x.dtype)
    flat, ids = x.detached().reshape(rows, -1), targets.reshape(rows)
    buffers = [empty(x.device, (step, vocab_size), x.dtype) for _ in range(2 if cap else 1)]
    for x_rows, target_rows, *outputs in _chunks(step, flat, ids, loss, log_sum_exp):
        cross_entropy(_logits(x_rows, w, transpose_w, cap, buffers), target_rows, out=outputs, **costs)
    if Tape.enabled and (x.node or w.node):
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


def _chunks(step: int, *tensors: Tensor) -> Iterator[list[Tensor]]:
    """Yield slices of all tensors, `step` rows at a time; the last can be shorter."""
    rows = tensors[0].shape[0]
    for start in range(0, rows, step):
        count = min(step, rows - start)
        yield [t.slice(start * (t.size // rows), (count, *t.shape[1:])) for t in tensors]


def _logits(x: Tensor, w: Tensor, transpose_w: bool, cap: float, buffers: Sequence[Tensor]) -> Tensor:
    """Return the logits of these rows, written to the first buffer or, if capped, to the second."""
    shape = (x.shape[0], buffers[0].shape[1])
    logits = matmul(x, w, transpose_w=transpose_w, out=buffers[0].slice(0, shape))
    return softcap(logits, out=buffers[1].slice(0, shape), cap=cap) if cap else logits


class _LinearCrossEntropy:
    """The tape entry: computes the gradients of x and w, one chunk at a time."""

    name = "linear_cross_entropy"
    accumulating_inputs: frozenset[int] = frozenset()

    def backward(
        self, dloss: Tensor, saved: Attributes, wanted: Sequence[bool], so_far: Tensors, into: Tensors
    ) -> Tensors:
        x, w, transpose_w, cap, step = (saved[name] for name in ("x", "w", "transpose_w", "cap", "step"))
        vocab_size = w.shape[0 if transpose_w else 1]
        dx, dw = empty(x.device, x.shape, x.dtype), None
        buffers = [empty(x.device, (step, vocab_size), x.dtype) for _ in range(3 if cap else 2)]
        # A GPU launch must not read and write the same buffer, so the sum over chunks alternates between two.
        sums = [into[1] or empty(x.device, w.shape, x.dtype), empty(x.device, w.shape, x.dtype)] if wanted[1] else []
        chunks = list(_chunks(step, x, saved["targets"], saved["log_sum_exp"], dloss, dx))
        for remaining, (x_rows, ids, log_sum_exp, dloss_rows, dx_rows) in zip(reversed(range(len(chunks))), chunks):
            logits = _logits(x_rows, w, transpose_w, cap, buffers)
            dlogits = buffers[-1].slice(0, logits.shape)
            cross_entropy_gradient(dloss_rows, logits, ids, log_sum_exp, out=dlogits, **saved["costs"])
            if cap:  # softcap_gradient reads the capped logits, so the first buffer is free again
                dlogits = softcap_gradient(dlogits, logits, out=buffers[0].slice(0, logits.shape), cap=cap)
            if wanted[0]:
                matmul(dlogits, w, transpose_w=not transpose_w, out=dx_rows)
            if wanted[1]:
                product = (dlogits, x_rows) if transpose_w else (x_rows, dlogits)
                dw = matmul(*product, None, dw, transpose_x=True, out=sums[remaining % 2])
        return dx.reshape(*saved["x_shape"]) if wanted[0] else None, dw


LINEAR_CROSS_ENTROPY = _LinearCrossEntropy()
