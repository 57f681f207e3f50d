"""Kernels in C for the NumPy device.

In the tab NumPy has no BLAS, no SIMD and no threads, and a C function of a kernel's name does what its twin does twenty to
fifty times faster. Natively NumPy's own loops are good and its BLAS is better than any C here, but a step of a small model
is mostly Python between them: there a whole step becomes one call. Each kernel is optional: what has none, and every launch
with a float64 among its operands, is left to the twin.

For the tab build.py compiles the files beside this one into two libraries (see compile.py) and puts them into the wheel: one
for browsers with relaxed SIMD, whose fused multiply-add is half again as fast, and one for the others. Natively they are
compiled once, by the C compiler that the machine has, and kept in the user's cache. simd.h says how a kernel is written.
"""

import ctypes
import functools
import math
import sys
from pathlib import Path

# The best first.
LIBRARIES = ("simd_relaxed.so", "simd.so")

# Natively, products with more multiplications than this are left to NumPy's BLAS: at 2^17 both take as long (measured on
# attention over 64 tokens in heads of 32), at 768 x 128 x 512 BLAS is twice as fast.
LARGEST_NATIVE_PRODUCT = 1 << 17
# Of which override constants a kernel's largest product is made.
PRODUCTS = {"matmul": ("M", "N", "K"), "attention": ("T", "WINDOW", "D"), "attention_gradient": ("T", "WINDOW", "D")}

MOST_OPERANDS = 12
MOST_CONSTANTS = 20


class Launch(ctypes.Structure):
    """A kernel with its operands and constants: what `run_all` of launch.c takes an array of."""

    _fields_ = [
        ("run", ctypes.c_void_p),
        ("operand", ctypes.c_void_p * MOST_OPERANDS),
        ("size", ctypes.c_int32 * MOST_OPERANDS),
        ("constant", ctypes.c_double * MOST_CONSTANTS),
    ]


class Library:
    """One compiled library; `name` is its file's. It leaves products of more than `largest_product` multiplications alone."""

    def __init__(self, path: Path, largest_product: float = math.inf):
        self.name = path.name
        self.largest_product = largest_product
        self._library = ctypes.CDLL(str(path))
        self._library.run_all.argtypes = [ctypes.c_void_p, ctypes.c_int32]
        self._library.run_all.restype = None
        self._functions = {}

    def has(self, kernel: str) -> bool:
        """Whether there is a function of that name."""
        if kernel not in self._functions:
            function = getattr(self._library, kernel, None)
            self._functions[kernel] = ctypes.cast(function, ctypes.c_void_p).value if function else None
        return self._functions[kernel] is not None

    def takes(self, kernel: str, constants: dict) -> bool:
        """Whether it has the kernel and, by the shader's constants, should run it."""
        if not self.has(kernel):
            return False
        return math.prod(constants[name] for name in PRODUCTS.get(kernel, ())) <= self.largest_product

    def prepare(self, kernel: str, operands, constants: dict) -> Launch:
        """A launch of a kernel on operands (address and number of elements, or None) and the shader's constants."""
        launch = Launch(run=self._functions[kernel])
        for index, operand in enumerate(operands):
            if operand is not None:
                launch.operand[index], launch.size[index] = operand
        launch.constant[: len(constants)] = list(constants.values())
        return launch

    def run(self, launches) -> None:
        """Run launches, a ctypes array of them, in order."""
        self._library.run_all(launches, len(launches))


def load(names: tuple = LIBRARIES) -> Library | None:
    """The first of the libraries that is there and that this browser can run; natively, the one compiled here, if any."""
    if sys.platform != "emscripten":
        return _native()
    from js import WebAssembly
    from pyodide.ffi import to_js

    for name in names:
        path = Path(__file__).with_name(name)
        if path.is_file() and WebAssembly.validate(to_js(path.read_bytes())):
            return Library(path)
    return None


@functools.cache
def _native():
    from pygpt.devices.simd.compile import compile_natively
    from pygpt.utils.cache import cache_folder

    path = compile_natively(cache_folder())
    return Library(path, LARGEST_NATIVE_PRODUCT) if path else None
