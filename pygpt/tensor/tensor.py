"""Tensors and the tape.

A `Tensor` is a shape, an element type and a position in a device's buffer. Arithmetic on tensors calls a kernel by its
name. If an input needs a gradient, the output has a `Node`: the kernel that made it, the values that the kernel's
gradient needs, and the nodes of the inputs. Nodes hold data, never the tensor they belong to, so a graph has no cycles
and reference counting frees device memory as soon as a tensor is dropped.

This module imports no operation: it gets kernels from `KERNELS` by name.
"""

from __future__ import annotations

import collections
import contextlib
import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from pygpt.devices.base import Attributes, Buffer, Device, Shape
from pygpt.errors import ShapeError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from numpy.typing import NDArray

ITEM_SIZE = {"float32": 4, "float64": 8, "int32": 4, "uint32": 4}
ARRAY_CODE = {"float32": "f", "float64": "d", "int32": "i", "uint32": "I"}

# The kernels by name; `pygpt.tensor.kernel.kernel` fills it. It is defined here because tensor arithmetic uses it.
KERNELS: dict[str, Any] = {}
_KERNELS: Mapping[str, Callable[..., Tensor]] = KERNELS  # those called in this file have one output


class TapeEntry(Protocol):
    """The part of a `Kernel` that the tape uses; the sequences have an entry for each input."""

    @property
    def accumulating_inputs(self) -> frozenset[int]:
        """The inputs whose gradient so far the entry adds to its result."""

    def backward(
        self, dy: Tensor, saved: Attributes, wanted: Sequence[bool], so_far: Tensors, into: Tensors
    ) -> Tensors:
        """Return the gradients of the inputs; see `Kernel.backward`."""


class Node:
    """One step of the tape: the kernel that ran, what its gradient needs, and the nodes of its inputs.

    A leaf (a parameter) has a node without a kernel.
    """

    __slots__ = ("kernel", "parents", "saved")

    def __init__(
        self, kernel: TapeEntry | None = None, parents: Sequence[Node | None] = (), saved: Mapping[str, Any] = {}
    ):
        self.kernel = kernel
        self.parents = parents
        self.saved = saved


class Tensor:
    """A contiguous array on a device.

    `offset` counts elements from the start of the buffer; only slices of a flat parameter buffer use it.
    """

    __slots__ = ("buffer", "offset", "shape", "dtype", "node")

    def __init__(self, buffer: Buffer, shape: Shape, dtype: str = "float32", offset: int = 0, node: Node | None = None):
        self.buffer = buffer
        self.shape = tuple(shape)
        self.dtype = dtype
        self.offset = offset
        self.node = node

    @property
    def device(self) -> Device:
        """The device that holds it."""
        device: Device = self.buffer.device
        return device

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The number of bytes of its elements."""
        return self.size * ITEM_SIZE[self.dtype]

    def detached(self) -> Tensor:
        """Return the same data without a node on the tape."""
        return Tensor(self.buffer, self.shape, self.dtype, self.offset)

    def reshape(self, *shape: int) -> Tensor:
        """Return the same elements in another shape; one length can be -1. Raises ShapeError if the sizes differ."""
        if -1 in shape:
            rest = math.prod(length for length in shape if length != -1)
            shape = tuple(self.size // max(rest, 1) if length == -1 else length for length in shape)
        if math.prod(shape) != self.size:
            raise ShapeError(f"reshape: {self.shape} has {self.size} elements, {shape} has {math.prod(shape)}")
        if self.node is None or not Tape.enabled:
            return Tensor(self.buffer, shape, self.dtype, self.offset)
        return Tensor(self.buffer, shape, self.dtype, self.offset, Node(RESHAPE, (self.node,), {"x_shape": self.shape}))

    def slice(self, start: int, shape: Shape) -> Tensor:
        """Return a view of consecutive elements, from element `start` of this flat tensor.

        Raises: ShapeError if the view exceeds the tensor, or if `start` is not a multiple of 64 elements (a GPU binds
        buffers at multiples of 256 bytes).
        """
        if start % 64 or start + math.prod(shape) > self.size:
            raise ShapeError(f"slice: {shape} at {start} does not fit {self.size} elements in steps of 64")
        return Tensor(self.buffer, shape, self.dtype, self.offset + start)

    def read(self) -> bytes:
        """Wait for the device and return the bytes. Raises DeviceError in a tab: use `await device.fetch(tensor)`."""
        return self.device.read(self)

    def tolist(self) -> list[float]:
        """Wait for the device and return the elements as a flat list."""
        elements: array[float] = array(ARRAY_CODE[self.dtype], self.read())
        return elements.tolist()

    def numpy(self) -> NDArray[Any]:
        """Wait for the device and return the elements as a NumPy array of the same shape."""
        import numpy

        return numpy.frombuffer(self.read(), dtype=self.dtype).reshape(self.shape).copy()

    def __matmul__(self, other: Tensor) -> Tensor:
        return _KERNELS["matmul"](self, other)

    def __add__(self, other: Tensor) -> Tensor:
        return _KERNELS["add"](self, other)

    def __mul__(self, factor: float) -> Tensor:
        return _KERNELS["scale"](self, factor=float(factor))

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"Tensor({self.dtype}{list(self.shape)} on {self.device.name})"


Tensors = Sequence[Tensor | None]


class _Reshape:
    """The only tape entry that launches no kernel. Its gradient reshapes back."""

    name = "reshape"
    accumulating_inputs: frozenset[int] = frozenset()

    def backward(
        self, dy: Tensor, saved: Attributes, wanted: Sequence[bool], so_far: Tensors, into: Tensors
    ) -> Tensors:
        return (dy.reshape(*saved["x_shape"]),)


RESHAPE = _Reshape()


def tensor(
    device: Device,
    data: ReadableBuffer | list[int] | list[float] | tuple[float, ...],
    shape: Shape | None = None,
    dtype: str = "float32",
) -> Tensor:
    """Create a tensor on `device` from an object with the buffer protocol, or from a flat list of numbers.

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
    result = empty(device, shape, dtype)
    device.write(result, view)
    return result


def empty(device: Device, shape: Shape, dtype: str = "float32") -> Tensor:
    """Create a tensor with undefined elements. Raises MemoryLimit if the device cannot hold it."""
    return Tensor(device.allocate(math.prod(shape) * ITEM_SIZE[dtype]), shape, dtype)


@contextlib.contextmanager
def no_tape() -> Iterator[None]:
    """Disable the tape inside the `with`: evaluation and sampling then need a fraction of the memory."""
    previous, Tape.enabled = Tape.enabled, False
    try:
        yield
    finally:
        Tape.enabled = previous


class Tape:
    """Whether kernels record nodes for the backward pass."""

    enabled = True


def backward(loss: Tensor, parameters: list[Tensor], into: list[Tensor] | None = None) -> list[Tensor]:
    """Return the gradient of `loss`, a tensor of one element, with respect to each of `parameters`.

    If `into` is given, it holds a tensor for each parameter, and the gradients are written there. Contributions are
    added in the order of the walk, so the same graph gives the same bits.
    Raises: ShapeError if the loss does not depend on a parameter, because a zero would hide a mistake in the model.
    """
    if loss.node is None or loss.size != 1:
        raise ShapeError(f"backward: expected a loss of one element that depends on a parameter, got {loss!r}")
    order = _topological_order(loss.node)
    targets = {parameter.node: target for parameter, target in zip(parameters, into or (), strict=bool(into))}
    uses_left: collections.Counter[Node | None] = collections.Counter(
        parent for node in order for parent in node.parents if parent is not None
    )
    gradients: dict[Node | None, Tensor] = {
        loss.node: _KERNELS["fill"](out=empty(loss.device, loss.shape, loss.dtype), value=1.0)
    }
    for node in order:
        if node.kernel is None:
            continue
        gradient = gradients.pop(node)
        wanted = tuple(parent is not None for parent in node.parents)
        occurrences = collections.Counter(node.parents)
        so_far = tuple(
            gradients.get(parent) if index in node.kernel.accumulating_inputs and occurrences[parent] == 1 else None
            for index, parent in enumerate(node.parents)
        )
        # The last contribution is written to the parameter's target, if it is the whole gradient.
        uses_left.subtract(parent for parent in node.parents if parent is not None)
        outs = tuple(
            targets.get(parent)
            if uses_left[parent] == 0 and (parent not in gradients or partial is not None) and occurrences[parent] == 1
            else None
            for parent, partial in zip(node.parents, so_far)
        )
        contributions = node.kernel.backward(gradient, node.saved, wanted, so_far, outs)
        for parent, partial, contribution in zip(node.parents, so_far, contributions, strict=True):
            if parent is None or contribution is None:
                continue
            if parent in gradients and partial is None:
                contribution = _KERNELS["add"](gradients[parent], contribution)
            gradients[parent] = contribution
    for parameter in parameters:
        if parameter.node not in gradients:
            raise ShapeError(f"backward: the loss does not depend on {parameter!r}")
    result = [gradients[parameter.node] for parameter in parameters]
    for gradient, target in zip(result, into or ()):
        if (gradient.buffer, gradient.offset) != (target.buffer, target.offset):
            _KERNELS["pack"](gradient, out=target.reshape(target.size))
    return into or result


def _topological_order(root: Node) -> list[Node]:
    """Return every node below `root`, each before all of its parents. A deep model would exceed the recursion limit."""
    order: list[Node] = []
    done: set[Node] = set()
    stack = [(root, False)]
    while stack:
        node, parents_done = stack.pop()
        if parents_done:
            order.append(node)
        elif node not in done:
            done.add(node)
            stack.append((node, True))
            stack.extend((parent, False) for parent in node.parents if parent is not None and parent not in done)
    return order[::-1]


__all__ = [
    "ARRAY_CODE",
    "Attributes",
    "Device",
    "ITEM_SIZE",
    "KERNELS",
    "Node",
    "Shape",
    "Tape",
    "Tensor",
    "Tensors",
    "backward",
    "empty",
    "no_tape",
    "tensor",
]
