"""Copy several tensors into one flat tensor, such as the gradients for the optimizer."""

from pygpt.errors import ShapeError
from pygpt.tensor.kernel import kernel

NAMES = "abcdefg"
# In elements: a GPU binds slices at multiples of 256 bytes.
ALIGNMENT = 64


@kernel(outputs=("y",), optional=tuple(NAMES[1:]), in_place=True, no_gradient="it moves gradients")
def pack(a, b, c, d, e, f, g, y, *, start=0):
    """Copy up to seven tensors into the flat y, which is passed as `out`; the rest of y does not change.

    a starts at element `start`, a multiple of 64; each further tensor starts at the next multiple of 64 after the
    previous one.

    Shapes: a, b, c, d, e, f, g (...), all but a optional; y (N,).
    """
    tensors = (a, b, c, d, e, f, g)
    for tensor, place in zip(tensors, offsets(tensors, y, start), strict=True):
        if tensor is not None:
            y[place : place + tensor.size] = tensor.reshape(-1)


def offsets(given, y, start):
    """Return where each tensor starts in y, or would if it is absent. Raises ShapeError if they do not fit."""
    starts, end = [], start
    for tensor in given:
        starts.append(-(-end // ALIGNMENT) * ALIGNMENT)
        end = end if tensor is None else starts[-1] + tensor.size
    if len(y.shape) != 1 or start % ALIGNMENT or end > y.shape[0]:
        shapes = ", ".join(str(list(tensor.shape)) for tensor in given if tensor is not None)
        raise ShapeError(f"pack: {shapes} from element {start} do not fit in {list(y.shape)} in steps of {ALIGNMENT}")
    return starts


@pack.overrides
def _(*operands, start):
    values = {}
    for name, tensor, place in zip(NAMES, operands[:-1], offsets(operands[:-1], operands[-1], start), strict=True):
        values[f"START_{name.upper()}"] = place
        values[f"LENGTH_{name.upper()}"] = 0 if tensor is None else tensor.size
    return values


@pack.threads
def _(*operands, start):
    placed = zip(operands[:-1], offsets(operands[:-1], operands[-1], start), strict=True)
    return max(place + tensor.size for tensor, place in placed if tensor is not None) - start
