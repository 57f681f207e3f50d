"""Kernels in C for the NumPy device in the tab, where NumPy has no BLAS, no SIMD and no threads.

A C function of a kernel's name does what its twin does, twenty to fifty times faster. Each is optional: what has none, and
every launch with a float64 among its operands, is left to the twin. build.py compiles the files beside this one into two
libraries (see compile.py) and puts them into the wheel: one for browsers with relaxed SIMD, whose fused multiply-add is
half again as fast, and one for the others. simd.h says how a kernel is written.
"""

import ctypes
import sys
from pathlib import Path

# The best first.
LIBRARIES = ("simd_relaxed.so", "simd.so")

MOST_OPERANDS = 12
MOST_CONSTANTS = 20


class Launch(ctypes.Structure):
    """A kernel with its operands and constants: what `run_all` of launch.c takes an array of."""

    _fields_ = [
        ("run", ctypes.c_void_p), ("operand", ctypes.c_void_p * MOST_OPERANDS), ("size", ctypes.c_int32 * MOST_OPERANDS),
        ("constant", ctypes.c_double * MOST_CONSTANTS),
    ]


class Library:
    """One compiled library; `name` is its file's."""

    def __init__(self, path: Path):
        self.name = path.name
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

    def prepare(self, kernel: str, operands, constants) -> Launch:
        """A launch of a kernel on operands (address and number of elements, or None) and the shader's constants."""
        launch = Launch(run=self._functions[kernel])
        for index, operand in enumerate(operands):
            if operand is not None:
                launch.operand[index], launch.size[index] = operand
        launch.constant[: len(constants)] = constants
        return launch

    def run(self, launches) -> None:
        """Run launches, a ctypes array of them, in order."""
        self._library.run_all(launches, len(launches))


def load(names: tuple = LIBRARIES) -> Library | None:
    """The first of the libraries that is there and that this browser can run; None natively."""
    if sys.platform != "emscripten":
        return None
    from js import WebAssembly
    from pyodide.ffi import to_js

    for name in names:
        path = Path(__file__).with_name(name)
        if path.is_file() and WebAssembly.validate(to_js(path.read_bytes())):
            return Library(path)
    return None
