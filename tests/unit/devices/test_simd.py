"""The native C kernels: every case of every kernel against its twin, and the fallback without a compiler."""

import importlib
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pygpt.config.experiment import Experiment
from pygpt.data import load_text
from pygpt.devices import simd
from pygpt.devices.numpy import NumpyDevice
from pygpt.devices.simd import compile
from pygpt.devices.simd.compile import ZIG, compile_natively
from pygpt.errors import DeviceError
from pygpt.training.run import Run
from tests.conftest import unavailable
from tests.tiny_runs import preset_kernels

MODULES = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "ops").glob("test_*.py"))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A NumPy device that runs every launch in C, including the products that are normally left to NumPy."""
    path = compile_natively(tmp_path_factory.mktemp("compiled")) or unavailable("there is no C compiler here")
    return NumpyDevice(library=simd.Library(path))


@pytest.mark.parametrize("module", MODULES)
def test_kernel(module, compiled):
    for case in getattr(importlib.import_module(f"tests.ops.{module}"), "CASES", []):
        case.check_shader(compiled)


def test_every_kernel_of_a_preset_is_compiled(compiled):
    """A version in C is optional, but a preset without one would be slow."""
    assert [name for name in preset_kernels() if not compiled.library.has(name)] == []


def test_a_compiler_that_hangs_is_killed_with_its_children(tmp_path, monkeypatch):
    pids = tmp_path / "pids"
    hanging = tmp_path / "cc"
    hanging.write_text(f"#!/bin/sh\necho $$ >> {pids}\nsleep 1000 & echo $! >> {pids}\nwait\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("PYGPT_CC", str(hanging))
    monkeypatch.setattr(compile, "TIME_LIMIT", 1.0)
    with pytest.raises(DeviceError, match="does not work .it took longer than 1 seconds"):
        compile_natively(tmp_path / "cache")
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2
    until = time.monotonic() + 10
    while running := [pid for pid in started if _is_running(pid)]:
        assert time.monotonic() < until, f"still running: {running}"
        time.sleep(0.05)


def test_a_compiler_that_waits_for_its_cache_is_given_up_within_seconds(tmp_path, monkeypatch):
    """As ziglang does without end if it cannot write its cache, by default in the home folder."""
    seen = tmp_path / "seen"
    waiting = tmp_path / "cc"
    waiting.write_text(f'#!/bin/sh\necho "$ZIG_GLOBAL_CACHE_DIR" >> {seen}\nsleep 1000\n')
    waiting.chmod(0o755)
    monkeypatch.setenv("PYGPT_CC", str(waiting))
    monkeypatch.delenv("ZIG_GLOBAL_CACHE_DIR", raising=False)
    monkeypatch.setattr(compile, "PROBE_LIMIT", 0.5)
    began = time.monotonic()
    with pytest.raises(DeviceError, match="does not work"):
        compile_natively(tmp_path / "cache")
    assert time.monotonic() - began < 10
    assert seen.read_text().split() == [str(tmp_path / "cache" / "zig")]


def test_a_cache_folder_that_cannot_be_written_is_said_and_the_twins_run(tmp_path):
    program = "from pygpt.devices import open_numpy; device = open_numpy(); print(device.name); print(device.why)"
    environment = {name: value for name, value in os.environ.items() if name not in ("PYGPT_CC", "PYGPT_CACHE")}
    environment |= {"HOME": "/proc", "XDG_CACHE_HOME": "/proc/none"}
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    name, why = done.stdout.splitlines()
    assert "SIMD" not in name and time.monotonic() - began < 10
    assert "the cache folder /proc/none/pygpt cannot be written" in why and "set PYGPT_CACHE" in why
    environment["PYGPT_CC"] = "cc"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert "PYGPT_CC cannot be used, because the cache folder /proc/none/pygpt" in done.stderr


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_the_start_ends_the_compiler_too(tmp_path, name):
    pids = tmp_path / "pids"
    hanging = tmp_path / "cc"
    hanging.write_text(f"#!/bin/sh\necho $$ >> {pids}\nsleep 1000 & echo $! >> {pids}\nwait\n")
    hanging.chmod(0o755)
    program = "from pygpt.devices import open_numpy; open_numpy()"
    environment = {**os.environ, "PYGPT_CC": str(hanging), "PYGPT_CACHE": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment)
    until = time.monotonic() + 30
    while not pids.exists() or len(pids.read_text().split()) < 2:
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.02)
    process.send_signal(getattr(signal, name))
    assert process.wait(timeout=10) == -getattr(signal, name)
    while any(map(_is_running, map(int, pids.read_text().split()))):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_signal_while_the_compiler_starts_ends_it_too(tmp_path):
    """The signal comes before the caller of Popen has the process."""
    pids, hanging = tmp_path / "pids", tmp_path / "cc"
    hanging.write_text(f"#!/bin/sh\necho $$ >> {pids}\nexec sleep 1000\n")
    hanging.chmod(0o755)
    program = """
import os, signal, subprocess

class Early(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        os.kill(os.getpid(), signal.SIGTERM)

subprocess.Popen = Early
from pygpt.devices import open_numpy
open_numpy()
"""
    environment = {**os.environ, "PYGPT_CC": str(hanging), "PYGPT_CACHE": str(tmp_path)}
    assert subprocess.run([sys.executable, "-c", program], env=environment, timeout=30).returncode == -signal.SIGTERM
    time.sleep(1)  # in which a compiler that goes on would have noted its number
    assert not any(map(_is_running, map(int, pids.read_text().split() if pids.exists() else [])))


def test_an_orphaned_compiler_stops_at_its_cpu_time_limit(tmp_path, monkeypatch):
    """The CPU time limit is set within the compiler's own process."""
    printing = tmp_path / "cc"
    printing.write_text("#!/bin/sh\nulimit -t\n")
    printing.chmod(0o755)
    monkeypatch.setattr(compile, "TIME_LIMIT", 7.0)
    assert compile._run([str(printing)], tmp_path, 10).strip() == "14"


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_step_of_micro_is_one_call(compiled):
    run = Run(Experiment.preset("micro"), load_text("words"), NumpyDevice(library=compiled.library))
    run.training_step()
    assert len(run.training_step.plan[0]) == 1


def test_large_products_are_left_to_numpy(compiled):
    library = simd.Library(Path(compiled.library._library._name), largest_product=1000)
    assert library.takes("matmul", {"M": 10, "N": 10, "K": 10}) and not library.takes(
        "matmul", {"M": 10, "N": 10, "K": 11}
    )
    assert library.takes("gelu", {}) and not library.takes("no_such_kernel", {})


def test_without_a_compiler_the_twins_run(tmp_path, monkeypatch):
    monkeypatch.setenv("PYGPT_CC", "")
    assert compile_natively(tmp_path) is None
    assert NumpyDevice(library=None).name.startswith("NumPy") and "SIMD" not in NumpyDevice(library=None).name


@pytest.mark.parametrize(
    ("compiler", "reason"),
    [
        (f"{sys.executable} -c 1/0", "ZeroDivisionError"),
        ("no-such-compiler -O3", "no-such-compiler"),
        ("cc 'unfinished", "No closing quotation"),
        ("/etc", "/etc"),
        ("true", "No such file or directory"),  # succeeds, and writes nothing
    ],
)
def test_a_chosen_compiler_that_does_not_work_is_an_error(tmp_path, monkeypatch, compiler, reason):
    monkeypatch.setenv("PYGPT_CC", compiler)
    with pytest.raises(DeviceError, match="the C compiler in PYGPT_CC, .*does not work") as error:
        compile_natively(tmp_path)
    assert reason in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: bytes(len(data)), lambda data: b"x"]
)
def test_a_damaged_library_is_compiled_again(tmp_path, damage, compiled):
    """The compiler is slow, so here it copies the library that another test has compiled."""
    whole = Path(compiled.library._library._name)
    copying = tmp_path / "cc"
    copying.write_text(f'#!/bin/sh\nwhile [ $# -gt 1 ]; do [ "$1" = -o ] && cp {whole} "$2"; shift; done\n')
    copying.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYGPT_CC", str(copying))
        first = compile_natively(tmp_path)
        assert first.read_bytes() == whole.read_bytes()
        first.write_bytes(damage(whole.read_bytes()))
        again = compile_natively(tmp_path)
    assert again.read_bytes() == whole.read_bytes() and len([*again.parent.iterdir()]) == 1
    assert simd.Library(again).has("gelu")


def test_a_library_that_cannot_be_loaded_is_not_used(tmp_path, monkeypatch):
    """The folder of the cache can forbid running programs."""
    (tmp_path / "native.so").write_bytes(b"not a library")
    monkeypatch.setattr(compile, "compile_natively", lambda cache, report: tmp_path / "native.so")
    simd._native.cache_clear()
    try:
        assert simd.load() is None
        assert "native.so cannot be loaded" in simd.reason_without()
    finally:
        simd._native.cache_clear()


@pytest.mark.slow
def test_each_installed_compiler_accepts_the_files(tmp_path, monkeypatch):
    """Tests each compiler alone: otherwise the next one would hide its failure."""
    compilers = [name for name in ("clang", "gcc") if shutil.which(name)]
    compilers += [shlex.join(ZIG)] if importlib.util.find_spec("ziglang") else []
    assert compilers or unavailable("there is no C compiler here")
    for compiler in compilers:
        monkeypatch.setenv("PYGPT_CC", compiler)
        assert compile_natively(tmp_path / str(len(compiler))), compiler


def test_a_library_is_compiled_once(tmp_path):
    first = compile_natively(tmp_path) or unavailable("there is no C compiler here")
    modified = first.stat().st_mtime_ns
    assert compile_natively(tmp_path) == first and first.stat().st_mtime_ns == modified
