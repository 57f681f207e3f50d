"""Compile the C beside this file: for the tab with the clang that PyPI's `ziglang` carries, a tool of the build alone; for
this machine with the C compiler it has."""

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
# Not-a-number stays what it is: nothing here makes light of the standard but the error codes of sqrt.
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
    """The libraries, kept in `cache` by the hash of what went in; None where ziglang is not installed.

    Raises: CalledProcessError, with the compiler's words in `stderr`.
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
    """The library for this machine, kept in `cache`; None where no C compiler is found, or none understands the files.

    PYGPT_CC names the compiler to use, with arguments if it needs some; empty, nothing is compiled.
    """
    chosen = os.environ.get("PYGPT_CC")
    compilers = [shlex.split(chosen)] if chosen is not None else [[name] for name in ("clang", "cc", "gcc")] + [ZIG]
    for compiler in compilers:
        if not compiler or not shutil.which(compiler[0]):
            continue
        # What the compiler knows of itself and of this processor: a home folder may be shared by machines that differ.
        known = subprocess.run(
            [*compiler, "-march=native", "-dM", "-E", "-x", "c", os.devnull], capture_output=True, text=True
        )
        target = cache / f"simd-{_hash(known.stdout)}" / "native.so"
        try:
            if not target.is_file():
                _compile([*compiler, *NATIVE_FLAGS], target, cache)
            return target
        except (subprocess.CalledProcessError, OSError):
            continue  # the next one may do; without any the twins do the work
    return None


def _hash(version):
    """What tells two outcomes apart: the compiler, the files and how they are compiled."""
    hashed = hashlib.sha256(version.encode())
    for path in (*sorted(FOLDER.glob("*.c")), FOLDER / "simd.h", Path(__file__)):
        hashed.update(hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()[:16]


def _compile(command, target, cache):
    environment = {"ZIG_GLOBAL_CACHE_DIR": str(cache / "zig"), "ZIG_LOCAL_CACHE_DIR": str(cache / "zig"), **os.environ}
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_suffix(f".{os.getpid()}")  # so that an interrupted step leaves nothing that looks whole
    subprocess.run(
        [*command, "-o", str(half), *map(str, sorted(FOLDER.glob("*.c")))],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    half.replace(target)
