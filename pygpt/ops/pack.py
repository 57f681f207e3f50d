"""Many tensors into one: how gradients come to lie side by side for the optimizer."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel

NAMES = "abcdefg"
# A GPU binds slices at multiples of 256 bytes.
ALIGNMENT = 64


@kernel(outputs=("y",), optional=tuple(NAMES[1:]), in_place=True, no_gradient="it moves gradients")
def pack(a, b, c, d, e, f, g, y, *, start=0):
    """Copy up to seven tensors into the flat y, which is handed in as `out`; the rest of y stays as it is.

    a goes to element `start`, a multiple of 64; each next one to the next multiple of 64 after the one before.

    Shapes: a, b, c, d, e, f, g (...), all but a optional; y (N,).
    """
    given = (a, b, c, d, e, f, g)
    for tensor, place in zip(given, places(given, y, start), strict=True):
        if tensor is not None:
            y[place : place + tensor.size] = tensor.reshape(-1)


def places(given, y, start):
    """Where each of the tensors goes, and an absent one would. Raises ShapeError if y cannot take them."""
    found, end = [], start
    for tensor in given:
        found.append(-(-end // ALIGNMENT) * ALIGNMENT)
        end = end if tensor is None else found[-1] + tensor.size
    if len(y.shape) != 1 or start % ALIGNMENT or end > y.shape[0]:
        shapes = ", ".join(str(list(tensor.shape)) for tensor in given if tensor is not None)
        raise ShapeError(f"pack: {shapes} at element {start} do not fit {list(y.shape)} in steps of {ALIGNMENT}")
    return found


@pack.overrides
def _(*operands, start):
    values = {}
    for name, tensor, place in zip(NAMES, operands[:-1], places(operands[:-1], operands[-1], start), strict=True):
        values[f"START_{name.upper()}"] = place
        values[f"LENGTH_{name.upper()}"] = 0 if tensor is None else tensor.size
    return values


@pack.threads
def _(*operands, start):
    given = zip(operands[:-1], places(operands[:-1], operands[-1], start), strict=True)
    return max(place + tensor.size for tensor, place in given if tensor is not None) - start
