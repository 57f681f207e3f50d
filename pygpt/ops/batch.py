"""Batches drawn on the device that holds the tokens: windows of a token stream, or whole documents."""

from pygpt.errors import ShapeError
from pygpt.ops.threefry import threefry2x32
from pygpt.tensor.kernel import kernel, np


@kernel(outputs=("inputs", "targets"), no_gradient="tokens are integers", gathers_rows=True)
def batch(tokens, seed, step, inputs, targets, *, batch_size, block_size, purpose, sequential=False, first=0):
    """inputs[b] = tokens[s : s + T] and targets[b] = tokens[s + 1 : s + T + 1], with a random s for each row.

    s = word0 of key (seed, purpose) and counter (first + b, step), modulo N - T. `first` is the index of row 0 in a
    larger batch. If `sequential`, s = (step * B + first + b) * T instead, so that steps 0, 1, 2, ... cover each
    prediction once; past the end, inputs are 0 and targets -1, which losses ignore.

    Shapes: tokens uint32 (N,); seed, step uint32 (1,) -> inputs uint32 (B, T), targets int32 (B, T).
    """
    rows = np.arange(first, first + batch_size, dtype=np.uint32)
    if sequential:
        start = (step * np.uint32(batch_size) + rows) * np.uint32(block_size)
    else:
        start = threefry2x32(seed, purpose, rows, step)[0] % np.uint32(tokens.size - block_size)
    index = start[:, None].astype(np.int64) + np.arange(block_size)  # (B, T)
    inside = index + 1 < tokens.size
    np.minimum(index, tokens.size - 2, out=index)
    inputs[...] = np.where(inside, tokens[index], 0)
    targets[...] = np.where(inside, tokens[index + 1].view(np.int32), -1)


@batch.shapes
def _(tokens, seed, step, *, batch_size, block_size, purpose, sequential, first):
    needed = 2 if sequential else block_size + 1
    if len(tokens.shape) != 1 or tokens.size < needed:
        raise ShapeError(
            f"batch: expected tokens (N,) with at least {needed} of them for a block of {block_size}, "
            f"got {list(tokens.shape)}"
        )
    return [((batch_size, block_size), "uint32"), ((batch_size, block_size), "int32")]


@batch.overrides
def _(tokens, seed, step, inputs, targets, *, batch_size, block_size, purpose, sequential, first):
    return {"B": batch_size, "T": block_size, "PURPOSE": purpose, "SEQUENTIAL": sequential, "FIRST": first}


@kernel(outputs=("inputs", "targets"), no_gradient="tokens are integers", gathers_rows=True)
def batch_documents(
    tokens, offsets, answers, seed, step, inputs, targets, *, batch_size, block_size, purpose, sequential=False, first=0
):
    """inputs[b] = the start of a document, including the BOS before it, and targets[b] = the token after each input.

    The tokens are BOS document BOS document ... BOS, and `offsets` holds the index of each BOS. Document d starts at
    offsets[d], and the BOS at offsets[d + 1] is its last target. Row b takes document word0 of key (seed, purpose) and
    counter (first + b, step), modulo D. If `sequential`, it takes document step * B + first + b; `sequential=2` takes
    that modulo D, so that the first document follows the last. Documents are cut after T tokens. The rest of a row, and
    rows past the last document, have inputs BOS and targets -1, which losses ignore. Targets before token answers[d]
    are -1 too: the model learns only the answer to a question. With the offsets as `answers`, all are learned.

    Shapes: tokens uint32 (N,); offsets uint32 (D + 1,); answers uint32 (D,) or longer; seed, step uint32 (1,) -> inputs
        uint32 (B, T), targets int32 (B, T).
    """
    rows = np.arange(first, first + batch_size, dtype=np.uint32)
    documents = offsets.size - 1
    if sequential:
        document = step * np.uint32(batch_size) + rows
        if sequential == 2:
            document %= np.uint32(documents)
    else:
        document = threefry2x32(seed, purpose, rows, step)[0] % np.uint32(documents)
    exists = document < documents
    document = np.minimum(document, np.uint32(documents - 1))
    index = offsets[document][:, None].astype(np.int64) + np.arange(block_size)  # (B, T)
    end = offsets[document + np.uint32(1)][:, None]
    inside = exists[:, None] & (index < end)
    np.minimum(index, tokens.size - 2, out=index)
    inputs[...] = np.where(inside, tokens[index], tokens[offsets[0]])
    inside &= index + 1 >= answers[document][:, None]
    targets[...] = np.where(inside, tokens[index + 1].view(np.int32), -1)


@batch_documents.shapes
def _(tokens, offsets, answers, seed, step, *, batch_size, block_size, purpose, sequential, first):
    if len(tokens.shape) != 1 or tokens.size < 2 or len(offsets.shape) != 1 or offsets.size < 2:
        raise ShapeError(
            f"batch_documents: expected tokens (N,) and the offsets (D + 1,) of at least one document, "
            f"got {list(tokens.shape)} and {list(offsets.shape)}"
        )
    if len(answers.shape) != 1 or answers.size < offsets.size - 1:
        raise ShapeError(
            f"batch_documents: expected answers (D,) of {offsets.size - 1} documents, got {list(answers.shape)}"
        )
    return [((batch_size, block_size), "uint32"), ((batch_size, block_size), "int32")]


@batch_documents.overrides
def _(tokens, offsets, answers, seed, step, inputs, targets, *, batch_size, block_size, purpose, sequential, first):
    return {"B": batch_size, "T": block_size, "PURPOSE": purpose, "SEQUENTIAL": sequential, "FIRST": first}
