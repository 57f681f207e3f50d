"""Append a sampled token to the model's window and to the output, on the device."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel, np

NO_TOKEN = 2**32 - 1


@kernel(
    outputs=("window", "position", "output", "count"),
    in_place=True,
    workgroup=(1, 1, 1),
    no_gradient="tokens are integers",
)
def append_token(token, broken, window, position, output, count):
    """Write `token` after the window's newest token, which is at `position`, and to element `count` modulo L of output.

    If `broken` is 1, that element of output is NO_TOKEN instead, which tells the host; a model needs a token to go on.

    `count` and `position` increase by one. If the window is full, its newest T // 2 tokens first move to its start.
    Most calls move no token, so a model's cache stays valid. All outputs are passed as `out` and updated in place.

    Shapes: token, broken uint32 (1,); window uint32 (T,); position uint32 (1,); output uint32 (L,); count uint32 (1,).
    """
    check(token, window, output)
    kept = window.size // 2
    if position[0] + 1 < window.size:
        position += np.uint32(1)
    else:
        window[:kept] = window[window.size - kept :]
        position[0] = kept
    window[position[0]] = token[0]
    output[count[0] % output.size] = NO_TOKEN if broken[0] else token[0]
    count += np.uint32(1)


def check(token, window, output):
    """Raise ShapeError unless token is one element and window and output are flat."""
    if token.size != 1 or len(window.shape) != 1 or len(output.shape) != 1:
        raise ShapeError(
            f"append_token: expected one token, a window (T,) and an output (L,), got {list(token.shape)}, "
            f"{list(window.shape)} and {list(output.shape)}"
        )


@append_token.overrides
def _(token, broken, window, position, output, count):
    check(token, window, output)
    return {"T": window.size}


@append_token.threads
def _(token, broken, window, position, output, count):
    return 1
