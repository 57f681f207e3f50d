"""Whether a model would give an answer just as it should be."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np

LANES = 64


@kernel(
    outputs=("right", "asked"), workgroup=(LANES, 1, 1), no_gradient="right or wrong: there is no slope between them"
)
def exact_match(logits, targets, right, asked):
    """right[b] = 1 if each target of row b, but for those of -1, has the largest logit, else 0; asked[b] = 0 if there is one,
    else -1.

    That is what a model that always takes the likeliest token would write: as long as it was right, the tokens it reads
    are those that stand here. Of equal largest logits the first counts.

    Shapes: logits (B, T, V); targets int32 (B, T) -> right (B,); asked int32 (B,), which are targets to `mean_valid`.
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
