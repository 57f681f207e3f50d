"""Compile the C files in this folder: for the tab with the clang in PyPI's `ziglang`, which only the build needs; for
this machine with its own C compiler."""

import contextlib
import hashlib
import importlib.metadata
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from pygpt.errors import DeviceError

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
TIME_LIMIT = 300.0  # seconds; gcc takes 8 s, ziglang 40 s the first time
EXTRA = {"simd.so": (), "simd_relaxed.so": ("-mrelaxed-simd",)}


def compile_kernels(cache: Path) -> list[Path] | None:
    """Compile the libraries for the tab, cached in `cache` by a hash of their inputs; None if ziglang is not installed.

    Raises: CalledProcessError, with the compiler's output in `stderr`; TimeoutExpired after TIME_LIMIT seconds.
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
    Raises: DeviceError if the compiler that PYGPT_CC names does not work.
    """
    chosen = os.environ.get("PYGPT_CC")
    if chosen is not None:
        return _compile_with_chosen(chosen, cache) if chosen.strip() else None
    for compiler in [["clang"], ["cc"], ["gcc"], ZIG]:
        with contextlib.suppress(subprocess.SubprocessError, OSError):  # try the next one; without any, the twins run
            if shutil.which(compiler[0]):
                return _compiled(compiler, cache)
    return None


def _compile_with_chosen(chosen: str, cache: Path) -> Path:
    try:
        return _compiled(shlex.split(chosen), cache)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or f"it ended with {error.returncode}").strip().splitlines()[-1]
    except subprocess.TimeoutExpired:
        reason = f"it took longer than {TIME_LIMIT:.0f} seconds"
    except (OSError, ValueError) as error:  # ValueError: a quotation mark that does not end
        reason = str(error)
    raise DeviceError(
        f"the C compiler in PYGPT_CC, {chosen!r}, does not work ({reason}): correct it, unset it for the machine's own "
        "compiler, or set it to nothing to run without"
    )


def _compiled(compiler: list[str], cache: Path) -> Path:
    """The library that this compiler makes, from the cache if it is there and whole. Raises: as `_run`."""
    # The macros identify the compiler and the CPU, because different machines can share a home folder.
    macros = _run([*compiler, "-march=native", "-dM", "-E", "-x", "c", os.devnull])
    folder = cache / f"simd-{_hash(macros)}"
    # A library that is cut short or overwritten crashes the process that loads it, so its name has its hash.
    for path in folder.glob("native-*.so"):
        if path == _named_by_content(path):
            return path
        path.unlink(missing_ok=True)
    new = folder / f"{os.getpid()}.so"
    _compile([*compiler, *NATIVE_FLAGS], new, cache)
    return new.replace(_named_by_content(new))


def _named_by_content(path: Path) -> Path:
    return path.with_name(f"native-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.so")


def _hash(version: str) -> str:
    """Hash what determines the library: the compiler, the C files and the commands in this file."""
    hashed = hashlib.sha256(version.encode())
    for path in (*sorted(FOLDER.glob("*.c")), FOLDER / "simd.h", Path(__file__)):
        hashed.update(hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()[:16]


def _compile(command: list[str], target: Path, cache: Path) -> None:
    environment = {"ZIG_GLOBAL_CACHE_DIR": str(cache / "zig"), "ZIG_LOCAL_CACHE_DIR": str(cache / "zig"), **os.environ}
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")  # an interrupted run leaves no file that looks complete
    _run([*command, "-o", str(partial), *map(str, sorted(FOLDER.glob("*.c")))], environment)
    partial.replace(target)


def _run(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Run a compiler and return its output.

    It runs in a process group of its own, which is killed after TIME_LIMIT seconds and on any other exception, such as
    Ctrl+C. If this process itself is killed, a CPU time limit stops the compiler.
    Raises: CalledProcessError, TimeoutExpired, OSError.
    """
    if os.name == "posix":
        command = ["/bin/sh", "-c", f'ulimit -t {round(2 * TIME_LIMIT)}; exec "$@"', "sh", *command]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=TIME_LIMIT)
        except BaseException:
            _kill_group(process)
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output, errors)
    return output


def _kill_group(process: subprocess.Popen[str]) -> None:
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
