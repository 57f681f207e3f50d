"""Repetition penalty: makes the tokens of the window less likely to be sampled again."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np


@kernel(outputs=("y",), no_gradient="it is used only for sampling")
def repetition_penalty(logits, position, window, strength, y):
    """y = the logits of row `position`, or of the last row if there are fewer, with a penalty for earlier tokens.

    Logits of the tokens in window[: position + 1] are divided by the strength if above 0, else multiplied by it.
    Shapes: logits (..., V); position uint32 (1,); window uint32 (T,); strength (1,) -> y (1, V).
    Source: Keskar et al., "CTRL: A Conditional Transformer Language Model for Controllable Generation" (2019), section
        4.1, which always divides; multiplying logits below 0, as is usual, makes no token more likely.
    """
    rows = logits.reshape(-1, logits.shape[-1])
    row = rows[min(int(position[0]), len(rows) - 1)]  # (V,)
    y[0] = row
    seen = window[: int(position[0]) + 1]
    y[0, seen] = np.where(row[seen] > 0, row[seen] / strength[0], row[seen] * strength[0])


@repetition_penalty.shapes
def _(logits, position, window, strength):
    if len(window.shape) != 1 or strength.shape != (1,):
        raise ShapeError(
            f"repetition_penalty: expected a window (T,) and a strength (1,), got {list(window.shape)} and "
            f"{list(strength.shape)}"
        )
    return (1, logits.shape[-1])


@repetition_penalty.overrides
def _(logits, position, window, strength, y):
    return {"V": logits.shape[-1]}
