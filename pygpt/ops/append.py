"""Adding a sampled token to the model's window and to the text, without the host."""

from pygpt.errors import ShapeError
from pygpt.kernel import kernel, np

LANES = 64


@kernel(outputs=("window", "length", "output", "count"), in_place=True, no_gradient="tokens are integers")
def append(token, window, length, output, count):
    """Put `token` behind the window's `length` tokens, and at place `count` modulo L of output; count both up.

    A full window moves left by one first, and its length stays T. All outputs are handed in as `out`.

    Shapes: token uint32 (1,); window uint32 (T,); length uint32 (1,); output uint32 (L,); count uint32 (1,).
    """
    check(token, window, output)
    if length[0] < window.size:
        length += np.uint32(1)
    else:
        window[:-1] = window[1:].copy()
    window[length[0] - 1] = token[0]
    output[count[0] % output.size] = token[0]
    count += np.uint32(1)


def check(token, window, output):
    """Raises ShapeError unless one token goes into a flat window and a flat output."""
    if token.size != 1 or len(window.shape) != 1 or len(output.shape) != 1:
        raise ShapeError(f"append: wanted one token, a window (T,) and an output (L,), got {list(token.shape)}, "
                         f"{list(window.shape)} and {list(output.shape)}")


@append.overrides
def _(token, window, length, output, count):
    check(token, window, output)
    return {"T": window.size}


@append.threads
def _(token, window, length, output, count):
    return LANES
