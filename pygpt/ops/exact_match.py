"""Exact match: whether greedy decoding would produce all targets of a row."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np

LANES = 64


@kernel(outputs=("right", "asked"), workgroup=(LANES, 1, 1), no_gradient="right or wrong is not differentiable")
def exact_match(logits, targets, right, asked):
    """right[b] = 1 if row b has targets other than -1 and each of these has the largest logit, else 0.

    asked[b] = 0 if row b has targets other than -1, else -1. This equals greedy decoding: as long as a model's tokens
    are right, it reads the tokens of this row. Of equal largest logits the first counts.

    Shapes: logits (B, T, V); targets int32 (B, T) -> right (B,); asked int32 (B,), to pass to `mean_valid` as targets.
    """
    valid = targets != -1  # (B, T)
    right[...] = ((logits.argmax(axis=-1) == targets) | ~valid).all(axis=1) & valid.any(axis=1)
    asked[...] = np.where(valid.any(axis=1), 0, -1)


@exact_match.shapes
def _(logits, targets):
    if targets.dtype != "int32" or len(logits.shape) != 3 or logits.shape[:2] != targets.shape:
        raise ShapeError(
            f"exact_match: wanted logits (B, T, V) and targets int32 (B, T), got {list(logits.shape)} and "
            f"{targets.dtype}{list(targets.shape)}"
        )
    return [logits.shape[:1], (logits.shape[:1], "int32")]


@exact_match.overrides
def _(logits, targets, right, asked):
    return {"T": logits.shape[1], "V": logits.shape[2]}


@exact_match.threads
def _(logits, targets, right, asked):
    return LANES * logits.shape[0]
