"""Sampling of the next token."""

from pygpt.errors import ShapeError
from pygpt.ops.threefry import SAMPLE, threefry2x32
from pygpt.tensor.kernel import kernel, np

LANES = 256


@kernel(outputs=("token", "broken"), workgroup=(LANES, 1, 1), no_gradient="sampling is not differentiable")
def sample(logits, position, seed, count, settings, token, broken):
    """token = the one with the largest logit if temperature is 0, else one drawn from softmax(logits / temperature).

    The logits are those of row `position`, or of the last row if there are fewer. `top_k` keeps the largest logits and
    those equal to the last of them; 0 keeps all. Of these, `top_p` keeps the most likely tokens that together have this
    share of the probability, and those equal to the last of them; 1 keeps all. `min_p` keeps tokens at least this many
    times as likely as the most likely one; 0 keeps all. The draw takes u in [0, 1), the upper 24 bits of word0 of key
    (seed, SAMPLE) and counter (count, 0), and returns the first token at which the running sum of the probabilities
    exceeds u times their sum. Ties for the largest logit go to the first.

    broken = 1 if a logit is NaN or the largest is infinite, else 0. The token then is any of the vocabulary.

    Shapes: logits (..., V); position, seed, count uint32 (1,); settings [temperature, top_k, top_p, min_p] (4,) ->
        token, broken uint32 (1,).
    Source: Fan et al., "Hierarchical Neural Story Generation" (2018), for top_k; Holtzman et al., "The Curious
        Case of Neural Text Degeneration" (2020), for top_p; Nguyen et al., "Turning Up the Heat: Min-p Sampling"
        (2024), for min_p.
    """
    rows = logits.reshape(-1, logits.shape[-1])
    row = rows[min(int(position[0]), len(rows) - 1)]  # (V,)
    temperature, top_k, top_p, min_p = settings[0], int(settings[1]), settings[2], settings[3]
    best = np.argmax(row)  # the first NaN, if there is one
    broken[0] = not np.isfinite(row[best])
    if temperature > 0:
        weights = np.exp((row - row[best]) / temperature)
        if 0 < top_k < row.size:
            weights[row < np.partition(row, -top_k)[-top_k]] = 0.0
        if top_p < 1:
            order = np.argsort(-row)
            running = np.cumsum(weights[order])
            last = np.searchsorted(running, top_p * running[-1])
            weights[row < row[order[min(last, row.size - 1)]]] = 0.0
        if min_p > 0:
            weights[weights < min_p] = 0.0
        running = np.cumsum(weights)
        u = threefry2x32(seed, SAMPLE, count, 0)[0] >> np.uint32(8)
        drawn = np.searchsorted(running, u.astype(row.dtype) * 2.0**-24 * running[-1], side="right")
        # Rounding can put the threshold past the last token with a weight above 0.
        token[0] = min(int(drawn[0]), int(np.flatnonzero(weights)[-1])) if running[-1] > 0 else best
    else:
        token[0] = best


@sample.shapes
def _(logits, position, seed, count, settings):
    if settings.shape != (4,):
        raise ShapeError(
            f"sample: expected settings (4,), temperature, top_k, top_p and min_p, got {list(settings.shape)}"
        )
    return [((1,), "uint32")] * 2


@sample.overrides
def _(logits, position, seed, count, settings, token, broken):
    return {"V": logits.shape[-1]}


@sample.threads
def _(logits, position, seed, count, settings, token, broken):
    return LANES
