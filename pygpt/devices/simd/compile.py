"""Compile the C files in this folder: for the tab with the clang in PyPI's `ziglang`, which only the build needs; for
this machine with its own C compiler."""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
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
PROBE_LIMIT = 20.0  # seconds to name the compiler's macros, which takes 0.2; ziglang waits forever for a cache folder
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


def compile_natively(cache: Path, report: Callable[[str], None] = lambda reason: None) -> Path | None:
    """Compile the library for this machine, cached in `cache`; None if no C compiler is found or accepts the files.

    PYGPT_CC names the compiler to use, with its arguments. If it is empty, nothing is compiled. `report` gets the
    reason if there is a compiler and it could not be used.
    Raises: DeviceError if the compiler that PYGPT_CC names does not work.
    """
    chosen = os.environ.get("PYGPT_CC")
    if chosen is not None and not chosen.strip():
        return None
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"the cache folder {cache} cannot be written ({error.strerror}); set PYGPT_CACHE to one that can"
        if chosen is not None:
            raise DeviceError(f"the C compiler in PYGPT_CC cannot be used, because {reason}") from None
        report(reason)
        return None
    if chosen is not None:
        return _compile_with_chosen(chosen, cache)
    first = ""
    ziglang = [ZIG] if importlib.util.find_spec("ziglang") else []
    for compiler in [["clang"], ["cc"], ["gcc"], *ziglang]:
        try:
            if shutil.which(compiler[0]):
                return _compiled(compiler, cache)
        except (subprocess.SubprocessError, OSError) as error:  # try the next one; without any, the twins run
            first = first or f"the C compiler {shlex.join(compiler)} does not work ({_reason(error)})"
    if first:
        report(first)
    return None


def _compile_with_chosen(chosen: str, cache: Path) -> Path:
    try:
        return _compiled(shlex.split(chosen), cache)
    except (subprocess.SubprocessError, OSError, ValueError) as error:  # ValueError: a quotation mark that does not end
        reason = _reason(error)
    raise DeviceError(
        f"the C compiler in PYGPT_CC, {chosen!r}, does not work ({reason}): correct it, unset it for the machine's own "
        "compiler, or set it to nothing to run without"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return (error.stderr or f"it ended with {error.returncode}").strip().splitlines()[-1]
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it took longer than {error.timeout:.0f} seconds"
    return str(error)


def _compiled(compiler: list[str], cache: Path) -> Path:
    """The library that this compiler makes, from the cache if it is there and whole. Raises: as `_run`."""
    # The macros identify the compiler and the CPU, because different machines can share a home folder.
    macros = _run([*compiler, "-march=native", "-dM", "-E", "-x", "c", os.devnull], cache, min(PROBE_LIMIT, TIME_LIMIT))
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
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")  # an interrupted run leaves no file that looks complete
    _run([*command, "-o", str(partial), *map(str, sorted(FOLDER.glob("*.c")))], cache, TIME_LIMIT)
    partial.replace(target)


def _run(command: list[str], cache: Path, limit: float) -> str:
    """Run a compiler and return its output.

    It runs in a process group of its own, which is killed after `limit` seconds, on any other exception, such as
    Ctrl+C, and when SIGTERM or SIGHUP ends this process. If this process itself is killed, a CPU time limit stops the
    compiler.
    Raises: CalledProcessError, TimeoutExpired, OSError.
    """
    # By default ziglang has its cache in the home folder, and waits without end for one that cannot be written.
    environment = {"ZIG_GLOBAL_CACHE_DIR": str(cache / "zig"), "ZIG_LOCAL_CACHE_DIR": str(cache / "zig"), **os.environ}
    if os.name == "posix":
        command = ["/bin/sh", "-c", f'ulimit -t {round(2 * TIME_LIMIT)}; exec "$@"', "sh", *command]
    with (
        _signals_kill() as started,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
            start_new_session=True,
        ) as process,
    ):
        started(process)
        try:
            output, errors = process.communicate(timeout=limit)
        except BaseException:
            _kill_group(process)
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output, errors)
    return output


@contextlib.contextmanager
def _signals_kill() -> Iterator[Callable[[subprocess.Popen[str]], None]]:
    """Let signals that end this process first kill the process that the result is called with.

    No exception is raised from a handler: one within `Popen` would lose the process that it has started.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread can set handlers
        yield lambda process: None
        return
    came: list[int] = []
    processes: list[subprocess.Popen[str]] = []

    def leave(number: int, frame: object) -> None:
        came.append(number)
        kill()

    def kill() -> None:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                _kill_group(process)

    def started(process: subprocess.Popen[str]) -> None:
        processes.append(process)
        if came:  # while it started
            kill()

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, leave)
    try:
        yield started
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
        if came:
            os.kill(os.getpid(), came[0])


def _kill_group(process: subprocess.Popen[str]) -> None:
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
