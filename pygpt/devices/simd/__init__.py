"""C kernels for the NumPy device.

In the tab NumPy has no BLAS, no SIMD and no threads, and a C kernel is twenty to fifty times faster than its NumPy
twin. Natively NumPy's own loops are fast and its BLAS is faster than the C here, but most of a small model's step is
Python overhead; with C kernels a whole step is one call. Each kernel is optional: the twin runs a kernel without a C
function, and every launch with a float64 operand.

For the tab, build.py compiles the files in this folder into two libraries (see compile.py) and puts them into the
wheel: one for browsers with relaxed SIMD, whose fused multiply-add is 1.5 times as fast, and one for the others.
Natively the machine's C compiler compiles them once, into the user's cache folder. simd.h describes how to add one.
"""

import ctypes
import functools
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# In order of preference.
LIBRARIES = ("simd_relaxed.so", "simd.so")

# Natively, products with more multiplications than this are left to NumPy's BLAS: at 2^17 both take the same time
# (measured on attention over 64 tokens in heads of 32), at 768 x 128 x 512 BLAS is twice as fast.
LARGEST_NATIVE_PRODUCT = 1 << 17
# The override constants whose product counts the multiplications of a kernel's largest matrix product.
PRODUCT_DIMENSIONS = {
    "matmul": ("M", "N", "K"),
    "attention": ("T", "WINDOW", "D"),
    "attention_gradient": ("T", "WINDOW", "D"),
}

MAX_OPERANDS = 12
MAX_CONSTANTS = 20


class Launch(ctypes.Structure):
    """A kernel with its operands and constants; `run_all` in launch.c takes an array of these."""

    _fields_ = [
        ("run", ctypes.c_void_p),
        ("operand", ctypes.c_void_p * MAX_OPERANDS),
        ("size", ctypes.c_int32 * MAX_OPERANDS),
        ("constant", ctypes.c_double * MAX_CONSTANTS),
    ]


class Library:
    """A compiled library; `name` is its file name. It takes products of up to `largest_product` multiplications."""

    def __init__(self, path: Path, largest_product: float = math.inf):
        self.name = path.name
        self.largest_product = largest_product
        self._library = ctypes.CDLL(str(path))
        self._library.run_all.argtypes = [ctypes.c_void_p, ctypes.c_int32]
        self._library.run_all.restype = None
        self._functions: dict[str, int | None] = {}

    def has(self, kernel: str) -> bool:
        """Whether the library has a function of that name."""
        if kernel not in self._functions:
            function = getattr(self._library, kernel, None)
            self._functions[kernel] = ctypes.cast(function, ctypes.c_void_p).value if function else None
        return self._functions[kernel] is not None

    def takes(self, kernel: str, constants: Mapping[str, float]) -> bool:
        """Whether the library has the kernel and should run it for these override constants of the shader."""
        if not self.has(kernel):
            return False
        return math.prod(constants[name] for name in PRODUCT_DIMENSIONS.get(kernel, ())) <= self.largest_product

    def prepare(
        self, kernel: str, operands: Sequence[tuple[int, int] | None], constants: Mapping[str, float]
    ) -> Launch:
        """Make a launch of a kernel from its operands (address and size in elements, or None) and constants."""
        launch = Launch(run=self._functions[kernel])
        for index, operand in enumerate(operands):
            if operand is not None:
                launch.operand[index], launch.size[index] = operand
        launch.constant[: len(constants)] = list(constants.values())
        return launch

    def run(self, launches: ctypes.Array[Launch]) -> None:
        """Run launches in order."""
        self._library.run_all(launches, len(launches))


def load(names: Sequence[str] = LIBRARIES) -> Library | None:
    """Load the first library that exists and that this browser supports; natively, the one compiled here, if any."""
    if sys.platform != "emscripten":
        return _native()[0]
    from js import WebAssembly
    from pyodide.ffi import to_js

    for name in names:
        path = Path(__file__).with_name(name)
        if path.is_file() and WebAssembly.validate(to_js(path.read_bytes())):
            return Library(path)
    return None


def reason_without() -> str:
    """Why there is a C compiler here, but no library, as part of a sentence; "" if that is not so."""
    return "" if sys.platform == "emscripten" else _native()[1]


@functools.cache
def _native() -> tuple[Library | None, str]:
    from pygpt.devices.simd.compile import compile_natively
    from pygpt.utils.cache import cache_folder

    reasons: list[str] = []
    path = compile_natively(cache_folder(), reasons.append)
    try:
        return Library(path, LARGEST_NATIVE_PRODUCT) if path else None, "".join(reasons)
    # A folder from which nothing can be run, or what the compiler wrote is no library.
    except (OSError, AttributeError) as error:
        return None, f"{path} cannot be loaded ({error})"
