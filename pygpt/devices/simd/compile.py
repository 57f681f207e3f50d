"""Compile the C files in this folder: for the tab with the clang in PyPI's `ziglang`, which only the build needs; for
this machine with its own C compiler."""

import hashlib
import importlib.metadata
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
FLAGS = (
    "-target",
    "wasm32-freestanding",
    "-std=c17",
    "-O3",
    "-msimd128",
    "-mbulk-memory",
    "-fPIC",
    "-fvisibility=hidden",
    "-nostdlib",
    "-shared",
    "-Wl,--no-entry",
    "-Wl,--import-memory",
    "-Wl,--strip-all",
)
# NaN is preserved: the only relaxations are fused multiply-add and sqrt without errno.
NATIVE_FLAGS = (
    "-std=gnu17",
    "-O3",
    "-march=native",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fPIC",
    "-fvisibility=hidden",
    "-shared",
    "-w",
)
ZIG = [sys.executable, "-m", "ziglang", "cc"]
EXTRA = {"simd.so": (), "simd_relaxed.so": ("-mrelaxed-simd",)}


def compile_kernels(cache: Path) -> list[Path] | None:
    """Compile the libraries for the tab, cached in `cache` by a hash of their inputs; None if ziglang is not installed.

    Raises: CalledProcessError, with the compiler's output in `stderr`.
    """
    try:
        version = importlib.metadata.version("ziglang")
    except importlib.metadata.PackageNotFoundError:
        return None
    folder = cache / f"simd-{_hash(version)}"
    for name, extra in EXTRA.items():
        if not (folder / name).is_file():
            _compile([*ZIG, *FLAGS, *extra], folder / name, cache)
    return [folder / name for name in EXTRA]


def compile_natively(cache: Path) -> Path | None:
    """Compile the library for this machine, cached in `cache`; None if no C compiler is found or accepts the files.

    PYGPT_CC names the compiler to use, with its arguments. If it is empty, nothing is compiled.
    """
    chosen = os.environ.get("PYGPT_CC")
    compilers = [shlex.split(chosen)] if chosen is not None else [[name] for name in ("clang", "cc", "gcc")] + [ZIG]
    for compiler in compilers:
        if not compiler or not shutil.which(compiler[0]):
            continue
        # The macros identify the compiler and the processor, because different machines can share a home folder.
        macros = subprocess.run(
            [*compiler, "-march=native", "-dM", "-E", "-x", "c", os.devnull], capture_output=True, text=True
        )
        target = cache / f"simd-{_hash(macros.stdout)}" / "native.so"
        try:
            if not target.is_file():
                _compile([*compiler, *NATIVE_FLAGS], target, cache)
            return target
        except (subprocess.CalledProcessError, OSError):
            continue  # try the next one; if none works, the twins run
    return None


def _hash(version):
    """Hash what determines the library: the compiler, the C files and the commands in this file."""
    hashed = hashlib.sha256(version.encode())
    for path in (*sorted(FOLDER.glob("*.c")), FOLDER / "simd.h", Path(__file__)):
        hashed.update(hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()[:16]


def _compile(command, target, cache):
    environment = {"ZIG_GLOBAL_CACHE_DIR": str(cache / "zig"), "ZIG_LOCAL_CACHE_DIR": str(cache / "zig"), **os.environ}
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")  # an interrupted run leaves no file that looks complete
    subprocess.run(
        [*command, "-o", str(partial), *map(str, sorted(FOLDER.glob("*.c")))],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    partial.replace(target)
