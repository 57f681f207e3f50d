"""Tensors and the tape.

A `Tensor` is a shape, an element type and a place in a device's buffer. Arithmetic on tensors looks a kernel up by its
name and calls it. If an input wants a gradient, the output carries a `Node`: which kernel made it, what that kernel's
gradient asked to keep, and the nodes of the inputs. Nodes hold data, never the tensor they belong to, so a graph has no
cycles and reference counting frees device memory the moment a tensor dies.

This module knows no operation: kernels are found in `KERNELS` by name.
"""

import collections
import contextlib
import math
from array import array

from pygpt.devices.base import Buffer, Device
from pygpt.errors import ShapeError

ITEM_SIZE = {"float32": 4, "float64": 8, "int32": 4, "uint32": 4}
ARRAY_CODE = {"float32": "f", "float64": "d", "int32": "i", "uint32": "I"}

# The kernels by name; `pygpt.tensor.kernel.kernel` fills it. It stands here because arithmetic on tensors starts here.
KERNELS = {}


class Node:
    """One step of the tape: the kernel that ran, what its gradient needs, and the nodes of its inputs.

    A leaf (a parameter) has a node without a kernel.
    """

    __slots__ = ("kernel", "parents", "saved")

    def __init__(self, kernel=None, parents=(), saved=None):
        self.kernel = kernel
        self.parents = parents
        self.saved = saved


class Tensor:
    """A contiguous array on a device.

    `offset` counts elements from the start of the buffer; only slices of a flat parameter buffer use it.
    """

    __slots__ = ("buffer", "offset", "shape", "dtype", "node")

    def __init__(self, buffer: Buffer, shape: tuple, dtype: str = "float32", offset: int = 0, node: Node | None = None):
        self.buffer = buffer
        self.shape = tuple(shape)
        self.dtype = dtype
        self.offset = offset
        self.node = node

    @property
    def device(self) -> Device:
        """The device that holds it."""
        return self.buffer.device

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The number of bytes of its elements."""
        return self.size * ITEM_SIZE[self.dtype]

    def detached(self) -> "Tensor":
        """The same data without its place on the tape."""
        return Tensor(self.buffer, self.shape, self.dtype, self.offset)

    def reshape(self, *shape: int) -> "Tensor":
        """The same elements in another shape; one length may be -1. Raises ShapeError if the sizes differ."""
        if -1 in shape:
            rest = math.prod(length for length in shape if length != -1)
            shape = tuple(self.size // max(rest, 1) if length == -1 else length for length in shape)
        if math.prod(shape) != self.size:
            raise ShapeError(f"reshape: {self.shape} has {self.size} elements, {shape} has {math.prod(shape)}")
        if self.node is None or not Tape.on:
            return Tensor(self.buffer, shape, self.dtype, self.offset)
        return Tensor(self.buffer, shape, self.dtype, self.offset, Node(RESHAPE, (self.node,), {"x_shape": self.shape}))

    def slice(self, start: int, shape: tuple) -> "Tensor":
        """A view of consecutive elements, beginning at element `start` of this flat tensor.

        Raises: ShapeError if it would leave the tensor, or if `start` is not a multiple of 64 elements (a GPU binds
        buffers at multiples of 256 bytes).
        """
        if start % 64 or start + math.prod(shape) > self.size:
            raise ShapeError(f"slice: {shape} at {start} does not fit {self.size} elements in steps of 64")
        return Tensor(self.buffer, shape, self.dtype, self.offset + start)

    def read(self) -> bytes:
        """Its bytes, waiting for the device. In a tab this raises DeviceError: use `await device.fetch(tensor)`."""
        return self.device.read(self)

    def tolist(self) -> list:
        """Its elements as a flat list, waiting for the device."""
        return array(ARRAY_CODE[self.dtype], self.read()).tolist()

    def numpy(self):
        """Its elements as a NumPy array of its shape, waiting for the device."""
        import numpy

        return numpy.frombuffer(self.read(), dtype=self.dtype).reshape(self.shape).copy()

    def __matmul__(self, other: "Tensor") -> "Tensor":
        return KERNELS["matmul"](self, other)

    def __add__(self, other: "Tensor") -> "Tensor":
        return KERNELS["add"](self, other)

    def __mul__(self, factor: float) -> "Tensor":
        return KERNELS["scale"](self, factor=float(factor))

    __rmul__ = __mul__

    def __repr__(self):
        return f"Tensor({self.dtype}{list(self.shape)} on {self.device.name})"


class _Reshape:
    """The one entry of the tape that launches nothing: its gradient reshapes back."""

    name = "reshape"
    gathers = frozenset()

    def backward(self, dy, saved, wanted, so_far, into):
        return (dy.reshape(*saved["x_shape"]),)


RESHAPE = _Reshape()


def tensor(device: Device, data, shape: tuple | None = None, dtype: str = "float32") -> Tensor:
    """A tensor on `device` from anything with the buffer protocol, or from a flat list of numbers.

    Raises: ShapeError if the data does not fill the shape; CaptureError while recording.
    """
    if isinstance(data, (list, tuple)):
        data = array(ARRAY_CODE[dtype], data)
    view = memoryview(data).cast("B") if not isinstance(data, (bytes, bytearray)) else memoryview(data)
    length = view.nbytes // ITEM_SIZE[dtype]
    shape = (length,) if shape is None else tuple(shape)
    if math.prod(shape) * ITEM_SIZE[dtype] != view.nbytes:
        raise ShapeError(
            f"tensor: {view.nbytes} bytes do not fill {dtype}{list(shape)}, which takes "
            f"{math.prod(shape) * ITEM_SIZE[dtype]}"
        )
    made = empty(device, shape, dtype)
    device.write(made, view)
    return made


def empty(device: Device, shape: tuple, dtype: str = "float32") -> Tensor:
    """A tensor whose elements are not set yet. Raises MemoryLimit if the device cannot hold it."""
    return Tensor(device.allocate(math.prod(shape) * ITEM_SIZE[dtype]), shape, dtype)


@contextlib.contextmanager
def no_tape():
    """Inside the `with`, nothing is kept for a way back: what evaluates or samples needs a fraction of the memory."""
    before, Tape.on = Tape.on, False
    try:
        yield
    finally:
        Tape.on = before


class Tape:
    """Whether kernels note what they did."""

    on = True


def backward(loss: Tensor, parameters: list[Tensor], into: list[Tensor] | None = None) -> list[Tensor]:
    """The gradient of `loss`, a tensor of one element, with respect to each of `parameters`.

    `into`, if given, holds a tensor for each parameter, and the gradients are written there. Contributions are added in
    the order of the walk, so the same graph gives the same bits. A parameter the loss does not depend on raises
    ShapeError, because a silent zero would hide a mistake in the model.
    """
    if loss.node is None or loss.size != 1:
        raise ShapeError(f"backward: wanted a loss of one element that depends on a parameter, got {loss!r}")
    order = _topological_order(loss.node)
    places = {parameter.node: place for parameter, place in zip(parameters, into or (), strict=bool(into))}
    uses_left = collections.Counter(parent for node in order for parent in node.parents if parent is not None)
    gradients = {loss.node: KERNELS["fill"](out=empty(loss.device, loss.shape, loss.dtype), value=1.0)}
    for node in order:
        if node.kernel is None:
            continue
        gradient = gradients.pop(node)
        wanted = tuple(parent is not None for parent in node.parents)
        once = collections.Counter(node.parents)
        so_far = tuple(
            gradients.get(parent) if index in node.kernel.gathers and once[parent] == 1 else None
            for index, parent in enumerate(node.parents)
        )
        # The last contribution goes where the gradient is wanted, if it will be all of it.
        uses_left.subtract(parent for parent in node.parents if parent is not None)
        last = tuple(
            places.get(parent)
            if uses_left[parent] == 0 and (parent not in gradients or have is not None) and once[parent] == 1
            else None
            for parent, have in zip(node.parents, so_far)
        )
        contributions = node.kernel.backward(gradient, node.saved, wanted, so_far, last)
        for parent, have, contribution in zip(node.parents, so_far, contributions, strict=True):
            if parent is None or contribution is None:
                continue
            if parent in gradients and have is None:
                contribution = KERNELS["add"](gradients[parent], contribution)
            gradients[parent] = contribution
    for parameter in parameters:
        if parameter.node not in gradients:
            raise ShapeError(f"backward: the loss does not depend on {parameter!r}")
    result = [gradients[parameter.node] for parameter in parameters]
    for gradient, place in zip(result, into or ()):
        if (gradient.buffer, gradient.offset) != (place.buffer, place.offset):
            KERNELS["pack"](gradient, out=place.reshape(place.size))
    return into or result


def _topological_order(root: Node) -> list[Node]:
    """Every node below `root`, each before all of its parents; a loop, since a deep model would exhaust recursion."""
    order, done, stack = [], set(), [(root, False)]
    while stack:
        node, parents_done = stack.pop()
        if parents_done:
            order.append(node)
        elif node not in done:
            done.add(node)
            stack.append((node, True))
            stack.extend((parent, False) for parent in node.parents if parent is not None and parent not in done)
    return order[::-1]
