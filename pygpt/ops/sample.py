"""Choosing the next token."""

from pygpt.errors import ShapeError
from pygpt.ops.threefry import SAMPLE, threefry2x32
from pygpt.tensor.kernel import kernel, np

LANES = 256


@kernel(outputs=("token",), workgroup=(LANES, 1, 1), no_gradient="a choice is no function of its odds")
def sample(logits, position, seed, count, settings, token):
    """token = the largest logit's if temperature is 0, else one drawn from softmax(logits / temperature).

    The logits are those of row `position`, or the last row if there are fewer. Only the `top_k` largest and those equal
    to the last of them can be drawn; 0 keeps all. Of those the likeliest are kept that together have `top_p` of the odds, with
    those equal to the last of them; 1 keeps all. And none is drawn that is less than `min_p` times as likely as the
    likeliest; 0 keeps all. The draw turns u, the upper 24 bits of word0 of key (seed, SAMPLE) and
    counter (count, 0), into the first token at which the running sum of the odds is greater than u times all of them.
    Of equal largest logits the first is taken.

    Shapes: logits (..., V); position, seed, count uint32 (1,); settings [temperature, top_k, top_p, min_p] (4,) -> token
        uint32 (1,).
    Source: Fan et al., "Hierarchical Neural Story Generation" (2018), for top_k; Holtzman et al., "The Curious Case of Neural
    Text Degeneration" (2020), for top_p; Nguyen et al., "Turning Up the Heat: Min-p Sampling" (2024), for min_p.
    """
    rows = logits.reshape(-1, logits.shape[-1])
    row = rows[min(int(position[0]), len(rows) - 1)]  # (V,)
    temperature, top_k, top_p, min_p = settings[0], int(settings[1]), settings[2], settings[3]
    best = np.argmax(row)
    if temperature > 0:
        odds = np.exp((row - row[best]) / temperature)
        if 0 < top_k < row.size:
            odds[row < np.partition(row, -top_k)[-top_k]] = 0.0
        if top_p < 1:
            order = np.argsort(-row)
            running = np.cumsum(odds[order])
            enough = np.searchsorted(running, top_p * running[-1])
            odds[row < row[order[min(enough, row.size - 1)]]] = 0.0
        if min_p > 0:
            odds[odds < min_p] = 0.0
        running = np.cumsum(odds)
        u = threefry2x32(seed, SAMPLE, count, 0)[0] >> np.uint32(8)
        drawn = np.searchsorted(running, u.astype(row.dtype) * 2.0**-24 * running[-1], side="right")
        # Rounding may put the mark at the very end, beyond the last token with any odds.
        token[0] = min(int(drawn[0]), int(np.flatnonzero(odds)[-1])) if running[-1] > 0 else best
    else:
        token[0] = best


@sample.shapes
def _(logits, position, seed, count, settings):
    if settings.shape != (4,):
        raise ShapeError(
            f"sample: wanted settings (4,), temperature, top_k, top_p and min_p, got {list(settings.shape)}"
        )
    return [((1,), "uint32")]


@sample.overrides
def _(logits, position, seed, count, settings, token):
    return {"V": logits.shape[-1]}


@sample.threads
def _(logits, position, seed, count, settings, token):
    return LANES
