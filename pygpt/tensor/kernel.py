"""Kernels: a name, a NumPy twin, a shader, a gradient.

An op's file declares a kernel by decorating its twin:

    @kernel(outputs=("y",))
    def gelu(x, y):
        "y = ..."
        y[...] = ...                      # the NumPy twin fills its outputs

    @gelu.shapes
    def _(x):                             # the shape of the output; raises ShapeError
        return x.shape

    @gelu.gradient
    def _(dy, x):                         # can name d<first output>, inputs, outputs, attributes, <input>_shape
        return gelu_gradient(dy, x)

The twin's positional parameters are the bindings of `shaders/gelu.wgsl`, in order: inputs first, outputs last. Its
keyword-only parameters are attributes: fixed numbers, passed to the shader as `override`s. A value that changes between
steps must be a tensor, because a replay repeats the attributes of the recording.
"""

import inspect
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from pygpt.devices.base import Attributes, Device, LaunchInfo, Operands, Shape
from pygpt.errors import ShapeError
from pygpt.tensor.lazy_numpy import np, scratch
from pygpt.tensor.tensor import ITEM_SIZE, KERNELS, Node, Tape, Tensor, Tensors, empty
from pygpt.tensor.variants import (
    MOST_TURNS,
    FitsRule,
    ThreadsRule,
    Variant,
    Workgroup,
    is_hardware,
    is_hardware_or_long,
)

# GPUs do 10 to 50 operations in the time in which they move a byte, CPUs about 5.
OPERATIONS_PER_BYTE = 10.0

Result = TypeVar("Result")  # of a kernel: a tensor, or a tuple if there are several outputs
MaybeTensor = TypeVar("MaybeTensor", Tensor, Tensor | None)

OutputSpec = Shape | tuple[Shape, str]  # a shape, or a shape and a dtype

# What `kernel` and the methods of Kernel decorate.
Twin = Callable[..., None]
ShapesRule = Callable[..., OutputSpec | list[OutputSpec]]
OverridesRule = Callable[..., Mapping[str, int | float]]
SizesRule = Callable[..., Iterable[int]]
CostRule = Callable[[Mapping[str, Shape], Attributes], int]
ExpandRule = Callable[[Device, Operands, Attributes], bool]
GradientRule = Callable[..., Tensor | Tensors]


class Kernel(Generic[Result]):
    """A computation with the same name, parameters and result on every device. Call it with tensors.

    Made by `@kernel`. Attributes: `inputs` and `outputs` (names of the bindings), `optional` (inputs that can be None),
    `in_place` (outputs are passed in and updated), `workgroup` (the shader's @workgroup_size), `no_gradient` (why there
    is no gradient), `operations` (floating-point operations per element of the largest operand; an exponential, a root
    or a division counts as one, like a product), `gathers_rows` (only the required rows of the inputs are read).
    """

    def __init__(
        self,
        twin: Twin,
        outputs: tuple[str, ...],
        optional: Collection[str] = (),
        in_place: bool = False,
        workgroup: Workgroup = (64, 1, 1),
        no_gradient: str | None = None,
        operations: int = 1,
        gathers_rows: bool = False,
    ):
        parameters = inspect.signature(twin).parameters.values()
        operands = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        self.name = twin.__name__
        self.twin = twin
        self.__doc__ = twin.__doc__
        self.outputs = outputs
        self.inputs = tuple(operands[: -len(self.outputs)])
        if tuple(operands[-len(self.outputs) :]) != self.outputs:
            raise TypeError(f"{self.name}: the twin's last parameters must be its outputs {self.outputs}")
        self.optional = frozenset(optional)
        self.attributes = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        self.in_place = in_place
        self.workgroup = workgroup
        self.no_gradient = no_gradient
        self.operations = operations
        self.gathers_rows = gathers_rows
        self.gradient_rule: GradientRule | None = None
        self.accumulating_inputs: frozenset[int] = frozenset()
        self.expansion: ExpandRule | None = None
        self._shapes: ShapesRule  # set by `shapes`; a kernel that updates in place needs none
        self._overrides: OverridesRule = lambda *operands, **attributes: attributes
        self._threads: ThreadsRule = lambda *operands, **attributes: operands[len(self.inputs)].size
        self.variants: dict[str, Variant] = {}
        self._sizes: SizesRule | None = None
        self._flops: CostRule | None = None
        self._traffic: CostRule | None = None

    # Declarations: decorators for functions in the op's file.

    def shapes(self, rule: ShapesRule) -> ShapesRule:
        """Declare the outputs: a function of the inputs and attributes that returns a shape or a list of shapes, each a
        tuple or a pair (tuple, dtype). It raises ShapeError for incompatible inputs."""
        self._shapes = rule
        return rule

    def overrides(self, rule: OverridesRule) -> OverridesRule:
        """Declare the shader's override constants: a function of all operands and attributes that returns a dict.
        The default is the attributes."""
        self._overrides = rule
        return rule

    def threads(self, rule: ThreadsRule) -> ThreadsRule:
        """Declare how many invocations the shader needs: a number, (x, y) or (x, y, z), from all operands and
        attributes. The default is one for each element of the first output."""
        self._threads = rule
        return rule

    def variant(
        self, name: str, fits: FitsRule, workgroup: Workgroup | None = None
    ) -> Callable[[ThreadsRule], ThreadsRule]:
        """Declare another shader with the same bindings. The decorated function is its rule for `threads`.

        `fits` is a function of a device, all operands and the attributes: whether this shader can be the fastest.
        Variants are tried in declaration order, before the kernel's own shader. The first that fits is used, unless
        pygpt/analysis/autotune.py measured that another one is faster.
        """

        def declare(rule: ThreadsRule) -> ThreadsRule:
            self.variants[name] = Variant(fits, workgroup or self.workgroup, rule)
            return rule

        return declare

    def sizes(self, rule: SizesRule) -> SizesRule:
        """Declare that the shaders are worth timing on a real GPU: a function of all operands and attributes returns
        the integers that decide which is faster. One timing holds for all launches with equal bit lengths of them."""
        self._sizes = rule
        return rule

    def flops(self, rule: CostRule) -> CostRule:
        """Declare the floating-point operations of a launch, if they are not `operations` per element: a function of
        the operands' shapes by name, and the attributes. A multiply-add counts as two."""
        self._flops = rule
        return rule

    def bytes_moved(self, rule: CostRule) -> CostRule:
        """Declare the bytes that a launch moves, if they are not those of its operands: a function of the operands'
        shapes by name, and the attributes."""
        self._traffic = rule
        return rule

    def expand(self, rule: ExpandRule) -> ExpandRule:
        """Declare how a GPU runs it as several launches: a function of (device, operands, attributes) that runs other
        kernels and returns True, or returns False to use the kernel's own shader."""
        self.expansion = rule
        return rule

    def gradient(self, rule: GradientRule) -> GradientRule:
        """Declare the gradient: a function that names what it needs and returns the inputs' gradients, in order.

        It can name `d<first output>`, any input, output or attribute, `<input>_shape`, and `wanted`: for each input,
        whether its gradient is needed. It can return one tensor instead of a tuple of one.

        Two more names save a pass over memory. `<input>_so_far` is the gradient of that input accumulated before this
        kernel, or None; a rule that names it must add it to the result. `<input>_into` is the tensor that must hold the
        final gradient, or None; a rule that names it passes it on as `out`.
        """
        self.gradient_rule = rule
        self._gradient_names = tuple(inspect.signature(rule).parameters)
        self.accumulating_inputs = frozenset(
            index for index, name in enumerate(self.inputs) if f"{name}_so_far" in self._gradient_names
        )
        return rule

    # Use.

    def __call__(
        self, *operands: Tensor | None, out: Tensor | Sequence[Tensor] | None = None, **attributes: Any
    ) -> Result:
        """Run on tensors: the inputs in order; optional ones can be omitted. Returns the output, or a tuple of them.

        `out` holds the tensors to write into; kernels that update in place need it.
        Raises: ShapeError if the inputs are incompatible.
        """
        operands = operands + (None,) * (len(self.inputs) - len(operands))
        attributes = {**self.attributes, **attributes}
        self._check(operands, attributes)
        if self.in_place and out is None:
            raise ShapeError(f"{self.name}: it updates {', '.join(self.outputs)} in place; pass them as `out`")
        device = next(operand for operand in (*operands, *_as_tuple(out)) if operand is not None).device
        if out is None:
            reference = next((operand.dtype for operand in operands if operand is not None), "float32")
            outputs = tuple(empty(device, *spec) for spec in self._specs(operands, attributes, reference))
        else:
            outputs = _as_tuple(out)
        device.run(self, (*operands, *outputs), attributes)
        if Tape.enabled and out is None and self.gradient_rule and any(t is not None and t.node for t in operands):
            outputs[0].node = self._node(operands, outputs, attributes)
        return outputs[0] if len(outputs) == 1 else outputs  # type: ignore[return-value]  # `kernel` says which it is

    def backward(
        self, dy: Tensor, saved: Attributes, wanted: Sequence[bool], so_far: Tensors, into: Tensors
    ) -> Tensors:
        """Return the gradients of the inputs (None for an input without one), from that of the first output.

        `wanted`, `so_far` and `into` have an entry for each input; see `gradient`.
        """
        arguments = {**saved, f"d{self.outputs[0]}": dy, "wanted": wanted}
        for name, partial, target in zip(self.inputs, so_far, into, strict=True):
            arguments[f"{name}_so_far"], arguments[f"{name}_into"] = partial, target
        assert self.gradient_rule  # the tape has no other kernels
        result = _as_tuple(self.gradient_rule(*(arguments[name] for name in self._gradient_names)))
        return result + (None,) * (len(self.inputs) - len(result))

    @property
    def shaders(self) -> dict[str, Workgroup]:
        """The workgroup size of every shader by name: variants first, then the kernel's own."""
        return {**{name: variant.workgroup for name, variant in self.variants.items()}, self.name: self.workgroup}

    def shader_for(self, device: Device, operands: Operands, attributes: Attributes) -> str:
        """Return the name of the shader for `device`: its preferred one for such launches, else the first that fits."""
        fitting = self.candidates(device, operands, attributes)
        if device.preferences and self._sizes:
            candidates = list(fitting)
            preferred = device.preferences.get(self.shape_class(operands, attributes))
            return preferred if preferred in candidates else candidates[0]
        return next(fitting)

    def candidates(self, device: Device, operands: Operands, attributes: Attributes) -> Iterator[str]:
        """Yield the names of the shaders that fit: variants in declaration order, then the kernel's own."""
        yield from (name for name, variant in self.variants.items() if variant.fits(device, *operands, **attributes))
        yield self.name

    def shape_class(self, operands: Operands, attributes: Attributes) -> str:
        """Return the key that launches of about the same size share; "" if the shaders are not worth timing."""
        if self._sizes is None:
            return ""
        return " ".join([self.name, *(str(int(size).bit_length()) for size in self._sizes(*operands, **attributes))])

    def launch_shape(self, shader: str, operands: Operands, attributes: Attributes) -> tuple[int, int, int]:
        """Return the numbers of workgroups (x, y, z), each at most 65,535; a longer x is split into x and y."""
        workgroup = self.shaders[shader]
        rule = self.variants[shader].threads if shader in self.variants else self._threads
        threads = rule(*operands, **attributes)
        if isinstance(threads, int):
            groups = max(1, math.ceil(threads / workgroup[0]))
            return (groups, 1, 1) if groups <= 65535 else (65535, math.ceil(groups / 65535), 1)
        x, y, z = (max(1, math.ceil(n / size)) for n, size in zip((*threads, 1, 1), workgroup))
        if max(x, y, z) > 65535:
            raise ShapeError(
                f"{self.name}: {x, y, z} workgroups, but a GPU takes at most 65535 in one dimension; "
                f"use a smaller batch or context length"
            )
        return x, y, z

    def override_values(self, operands: Operands, attributes: Attributes) -> dict[str, float]:
        """Return the shader's override constants as numbers."""
        values = self._overrides(*operands, **attributes)
        return {name: (float(value) if isinstance(value, float) else int(value)) for name, value in values.items()}

    def launch_flops(self, work: LaunchInfo) -> int:
        """Return the floating-point operations of a launch: exact if the op's file declares them, else estimated from
        the elements of its largest operand."""
        shapes = {name: shape for name, (shape, _) in work.operands.items()}
        if self._flops:
            return self._flops(shapes, work.attributes)
        counted = list(shapes.values())[-1:] if self.gathers_rows else shapes.values()
        return self.operations * max(map(math.prod, counted))

    def launch_work(self, work: LaunchInfo) -> float:
        """Return a number about proportional to the time that a launch takes: operations, and bytes as more of them."""
        return self.launch_flops(work) + OPERATIONS_PER_BYTE * self.launch_bytes(work)

    def launch_bytes(self, work: LaunchInfo) -> int:
        """Return the minimum bytes that a launch moves: each operand once."""
        if self._traffic:
            return self._traffic({name: shape for name, (shape, _) in work.operands.items()}, work.attributes)
        sizes = [math.prod(shape) * ITEM_SIZE[dtype] for shape, dtype in work.operands.values()]
        return sum(min(size, sizes[-1]) for size in sizes) if self.gathers_rows else sum(sizes)

    def _specs(self, operands: Tensors, attributes: Attributes, reference: str) -> list[tuple[Shape, str]]:
        specs = self._shapes(*operands, **attributes)
        if isinstance(specs, tuple):
            specs = [specs]
        return [spec if len(spec) == 2 and isinstance(spec[1], str) else (spec, reference) for spec in specs]

    def _check(self, operands: Tensors, attributes: Attributes) -> None:
        for name, operand in zip(self.inputs, operands, strict=True):
            if operand is None and name not in self.optional:
                raise ShapeError(f"{self.name}: {name} is missing")
        unknown = attributes.keys() - self.attributes.keys()
        missing = [name for name, value in attributes.items() if value is inspect.Parameter.empty]
        if unknown or missing:
            raise TypeError(f"{self.name}: unknown attributes {sorted(unknown)}, missing {missing}")

    def _node(self, operands: Tensors, outputs: Tensors, attributes: Attributes) -> Node:
        available = dict(zip(self.inputs, operands)) | dict(zip(self.outputs, outputs))
        saved: dict[str, Any] = {}
        for name in self._gradient_names:
            if name in available:
                operand = available[name]
                saved[name] = None if operand is None else operand.detached()
            elif name.endswith("_shape"):
                operand = available[name[: -len("_shape")]]
                saved[name] = None if operand is None else operand.shape
            elif name in attributes:
                saved[name] = attributes[name]
        parents = tuple(operand.node if operand is not None else None for operand in operands)
        return Node(self, parents, saved)

    def __repr__(self) -> str:
        return f"<kernel {self.name}({', '.join(self.inputs)}) -> {', '.join(self.outputs)}>"


@overload
def kernel(outputs: tuple[str], **declared: Any) -> Callable[[Twin], Kernel[Tensor]]: ...
@overload
def kernel(outputs: tuple[str, ...], **declared: Any) -> Callable[[Twin], Kernel[tuple[Tensor, ...]]]: ...
def kernel(outputs: tuple[str, ...], **declared: Any) -> Callable[[Twin], Kernel[Any]]:
    """Decorate a twin to declare a kernel of its name and add it to KERNELS; `declared` are arguments of Kernel."""

    def declare(twin: Twin) -> Kernel[Any]:
        result: Kernel[Any] = Kernel(twin, outputs, **declared)
        KERNELS[result.name] = result
        return result

    return declare


def _as_tuple(value: Tensor | Sequence[MaybeTensor] | None) -> tuple[MaybeTensor, ...]:
    return (value,) if isinstance(value, Tensor) else tuple(value or ())


__all__ = ["KERNELS", "MOST_TURNS", "Kernel", "Tensor", "is_hardware", "is_hardware_or_long", "kernel", "np", "scratch"]
