"""Compile the C beside this file for the tab, with the clang that PyPI's `ziglang` carries: a tool of the build alone."""

import hashlib
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
FLAGS = (
    "-target", "wasm32-freestanding", "-std=c17", "-O3", "-msimd128", "-mbulk-memory", "-fPIC", "-fvisibility=hidden",
    "-nostdlib", "-shared", "-Wl,--no-entry", "-Wl,--import-memory", "-Wl,--strip-all",
)
EXTRA = {"simd.so": (), "simd_relaxed.so": ("-mrelaxed-simd",)}


def compile_kernels(cache: Path) -> list[Path] | None:
    """The libraries, kept in `cache` by the hash of what went in; None where ziglang is not installed.

    Raises: CalledProcessError, with the compiler's words in `stderr`.
    """
    try:
        version = importlib.metadata.version("ziglang")
    except importlib.metadata.PackageNotFoundError:
        return None
    sources = sorted(FOLDER.glob("*.c"))
    hashed = hashlib.sha256(version.encode())
    for path in (*sources, FOLDER / "simd.h", Path(__file__)):
        hashed.update(hashlib.sha256(path.read_bytes()).digest())
    folder = cache / f"simd-{hashed.hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    environment = {"ZIG_GLOBAL_CACHE_DIR": str(cache / "zig"), "ZIG_LOCAL_CACHE_DIR": str(cache / "zig"), **os.environ}
    for name, extra in EXTRA.items():
        target = folder / name
        if not target.is_file():
            half = target.with_suffix(".half")  # so that an interrupted step leaves nothing that looks whole
            command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, *extra, "-o", str(half), *map(str, sources)]
            subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            half.replace(target)
    return [folder / name for name in EXTRA]
