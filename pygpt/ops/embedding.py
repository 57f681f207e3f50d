"""Token embeddings, with optional position embeddings."""

from pygpt.errors import ShapeError
from pygpt.ops.fill import fill
from pygpt.ops.scale import scale
from pygpt.ops.sum import sum
from pygpt.tensor.kernel import MOST_TURNS, is_hardware, kernel, np, scratch


@kernel(outputs=("y",), optional=("positions", "start"), gathers_rows=True)
def embedding(ids, tokens, positions, start, y):
    """y = tokens[ids] + positions, row by row; the first id of a row has position `start`, or 0 if that is absent.

    The tokenizer guarantees ids below V. An id or position past the end of its table reads the last row.
    Shapes: ids (..., T) of uint32; tokens (V, C); positions (T_max, C), T <= T_max, or absent; start uint32 (1,) or
        absent -> y (..., T, C).
    """
    np.take(tokens, ids.astype(np.intp), axis=0, out=y, mode="clip")
    if positions is not None:
        length = ids.shape[-1]
        if start is None:
            y += positions[:length]
        else:
            y += positions.take(np.arange(length) + int(start[0]), axis=0, mode="clip")


@embedding.shapes
def _(ids, tokens, positions, start):
    if ids.dtype != "uint32" or not ids.shape:
        raise ShapeError(f"embedding: ids must be uint32 (..., T), got {ids.dtype}{list(ids.shape)}")
    if len(tokens.shape) != 2:
        raise ShapeError(f"embedding: tokens must be (V, C), got {list(tokens.shape)}")
    if positions is not None:
        if len(positions.shape) != 2 or positions.shape[1] != tokens.shape[1]:
            raise ShapeError(
                f"embedding: positions must be (T_max, {tokens.shape[1]}), as wide as tokens, "
                f"got {list(positions.shape)}"
            )
        if ids.shape[-1] > positions.shape[0]:
            raise ShapeError(
                f"embedding: {ids.shape[-1]} tokens in a row, but positions for {positions.shape[0]}; "
                f"cut the rows, or make block_size larger"
            )
    return (*ids.shape, tokens.shape[1]), tokens.dtype


@embedding.overrides
def _(ids, tokens, positions, start, y):
    return {
        "T": ids.shape[-1],
        "C": tokens.shape[1],
        "HAS_POSITIONS": positions is not None,
        "HAS_START": start is not None,
    }


@embedding.gradient
def _(dy, ids, tokens_shape, positions_shape, wanted, tokens_so_far, tokens_into, positions_into):
    dtokens = None
    if wanted[1]:
        dtokens = embedding_gradient(dy, ids, tokens_so_far, out=tokens_into, vocab_size=tokens_shape[0])
    dpositions = None
    if wanted[2]:
        rows, width = dy.shape[-2:]
        if rows != positions_shape[0]:
            raise ShapeError(
                f"embedding: the gradient of {positions_shape[0]} positions needs rows of "
                f"{positions_shape[0]} tokens, got {rows}; train on whole blocks"
            )
        flat = positions_into.reshape(1, rows * width) if positions_into is not None else None
        dpositions = sum(dy.reshape(1, -1, rows * width), out=flat).reshape(rows, width)
    return None, dtokens, dpositions


@kernel(outputs=("dtokens",), optional=("residual",), workgroup=(8, 1, 1), no_gradient="first derivatives only")
def embedding_gradient(dy, ids, residual, dtokens, *, vocab_size, keep=False):
    """dtokens[v] = residual[v] plus the sum of dy over all positions where ids is v, in order.

    With `keep`, the sum is added to what dtokens holds instead.

    Shapes: dy (..., C), ids (...) of uint32; residual (vocab_size, C) or absent -> dtokens (vocab_size, C).
    """
    flat = np.minimum(ids.reshape(-1), vocab_size - 1).astype(np.intp)
    order = np.argsort(flat, kind="stable")
    present, starts = np.unique(flat[order], return_index=True)
    if not keep:
        dtokens[...] = 0.0 if residual is None else residual
    rows = dy.reshape(-1, dy.shape[-1])
    rows = np.take(rows, order, axis=0, out=scratch("rows in order", rows.shape, rows.dtype), mode="clip")
    dtokens[present] += np.add.reduceat(
        rows, starts, axis=0, out=scratch("sums", (len(starts), rows.shape[1]), rows.dtype)
    )


@embedding_gradient.shapes
def _(dy, ids, residual, *, vocab_size, keep):
    if ids.dtype != "uint32" or dy.shape[:-1] != ids.shape:
        raise ShapeError(
            f"embedding_gradient: expected dy {[*ids.shape, 'C']} and ids of uint32, "
            f"got {list(dy.shape)} and {ids.dtype}{list(ids.shape)}"
        )
    shape = (vocab_size, dy.shape[-1])
    if residual is not None and residual.shape != shape:
        raise ShapeError(f"embedding_gradient: residual must be {list(shape)}, got {list(residual.shape)}")
    return shape


@embedding_gradient.overrides
def _(dy, ids, residual, dtokens, *, vocab_size, keep):
    return {"ROWS": ids.size, "V": vocab_size, "C": dy.shape[-1], "HAS_RESIDUAL": residual is not None, "KEEP": keep}


# On a software renderer, each channel reads the ids once. A real GPU reads all ids for every row of the table, but has
# one workgroup per row.
@embedding_gradient.threads
def _(dy, ids, residual, dtokens, *, vocab_size, keep):
    return dy.shape[-1]


@embedding_gradient.variant("embedding_gradient_workgroup", is_hardware, workgroup=(64, 1, 1))
def _(dy, ids, residual, dtokens, *, vocab_size, keep):
    return 64 * vocab_size


@embedding_gradient.expand
def _(device, operands, attributes):
    """On a software renderer, where an invocation would turn too often: start dtokens, then add the rows in pieces."""
    dy, ids, residual, dtokens = operands
    rows, table = ids.size, 0 if attributes["keep"] else attributes["vocab_size"]
    if not device.software or rows + table <= MOST_TURNS:
        return False
    if not attributes["keep"]:
        if residual is None:
            fill(out=dtokens, value=0.0)
        else:
            scale(residual, out=dtokens, factor=1.0)
    width = dy.shape[-1]
    flat_ids, flat_dy = ids.reshape(rows), dy.reshape(rows * width)
    for start in range(0, rows, MOST_TURNS):
        length = min(MOST_TURNS, rows - start)
        embedding_gradient(
            flat_dy.slice(start * width, (length, width)),
            flat_ids.slice(start, (length,)),
            out=dtokens,
            vocab_size=attributes["vocab_size"],
            keep=True,
        )
    return True
