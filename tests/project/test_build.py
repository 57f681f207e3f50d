"""What build.py makes: the layout the page relies on, and nothing from anywhere else."""

import json
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.conftest import unavailable

ROOT = Path(__file__).resolve().parents[2]


def build(out: Path, *options: str) -> subprocess.CompletedProcess:
    """Run build.py as a person would."""
    return subprocess.run(
        [sys.executable, str(ROOT / "build.py"), "--out", str(out), *options], capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """A site built for this file's tests."""
    out = tmp_path_factory.mktemp("build") / "dist"
    done = build(out)
    if "npm was not found" in done.stderr:
        unavailable(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_layout(dist):
    site = json.loads((dist / "site.json").read_text())
    expected = [
        "lab.json",
        site["wheel"],
        "devices/browser.js",
        "worker/numpy_wheel.py",
        "pyscript/core.js",
        "pyscript/core.css",
        "uplot/uPlot.esm.js",
        "uplot/uPlot.min.css",
        "pyodide/pyodide.mjs",
        "pyodide/pyodide.asm.mjs",
        "pyodide/pyodide.asm.wasm",
        "pyodide/pyodide-lock.json",
        "pyodide/python_stdlib.zip",
        "index.html",
        "worker/lab.py",
        *(entry["file"] for entry in site["data"].values()),
        *([f"wheels/{site['numpy']}"] if site["numpy"] else []),
        *(f"shaders/{path.name}" for path in (ROOT / "shaders").glob("*.wgsl")),
    ]
    assert [name for name in expected if not (dist / name).is_file()] == []
    assert "data/python.txt" in expected  # the one data set that needs no network
    for entry in site["data"].values():
        assert (dist / entry["file"]).stat().st_size == entry["bytes"]


def test_what_is_for_building_only_stays_behind(dist):
    names = [path.name for path in dist.rglob("*")]
    assert not {"precompile_stdlib.mjs", "vendor.d.ts", "__pycache__"} & set(names)


def test_configuration_is_relative_and_complete(dist):
    text = (dist / "lab.json").read_text()
    assert not re.search(r"https?:|\"/|//", text)  # any sub-path, no other host
    config = json.loads(text)
    for name in [config["interpreter"], *config["files"], *config["js_modules"]["worker"]]:
        assert (dist / name).is_file(), name
    assert not any("numpy-" in name for name in config["files"]), "NumPy is loaded by the NumPy device alone"


def test_standard_library_is_bytecode(dist):
    names = zipfile.ZipFile(dist / "pyodide" / "python_stdlib.zip").namelist()
    assert "asyncio/__init__.pyc" in names and len([name for name in names if name.endswith(".pyc")]) > 500
    assert not [name for name in names if name.endswith(".py")]


def test_wheel_has_sources_and_shaders(dist):
    site = json.loads((dist / "site.json").read_text())
    wheel = zipfile.ZipFile(dist / site["wheel"])
    names = set(wheel.namelist())
    assert wheel.read("pygpt/errors.py") == (ROOT / "pygpt" / "errors.py").read_bytes()
    assert {f"pygpt/shaders/{path.name}" for path in (ROOT / "shaders").glob("*.wgsl")} <= names
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "pygpt").rglob("*.py")}
    assert sources <= names, "a package is missing in pyproject.toml"


def test_a_second_build_is_quick_and_touches_only_what_changed(dist):
    def touched() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in dist.rglob("*") if path.is_file()}

    (dist / "left-over.txt").write_text("from an earlier build")
    before = touched()
    start = time.perf_counter()
    done = build(dist)
    print(f"\nsecond build: {time.perf_counter() - start:.1f} s")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unchanged" in done.stdout
    after = touched()
    assert before.keys() - after.keys() == {"left-over.txt"}
    assert {name for name in after if after[name] != before[name]} <= {"site.json"}  # it tells the time


def test_a_folder_with_other_things_is_not_emptied(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    done = build(tmp_path)
    assert done.returncode == 1
    assert "not an earlier build" in done.stderr
    assert (tmp_path / "thesis.txt").exists()


def test_without_npm_the_error_says_what_to_do(tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import build\n"
        "build.importlib.util.find_spec = lambda name: None\n"
        "sys.exit(build.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--out", str(tmp_path / "dist")],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    assert done.returncode == 1
    assert "Install Node.js" in done.stderr
