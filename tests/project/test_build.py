"""The output of build.py: the layout that the page relies on, without references to other hosts."""

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
    """Run build.py from the command line."""
    return subprocess.run(
        [sys.executable, str(ROOT / "build.py"), "--out", str(out), *options], capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """A site built for the tests in this file."""
    out = tmp_path_factory.mktemp("build") / "dist"
    process = build(out)
    if "npm was not found" in process.stderr:
        unavailable(process.stderr.strip())
    assert process.returncode == 0, process.stdout + process.stderr
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
        "qrcode/qrcode.js",
        "pyodide/pyodide.js",
        "pyodide/pyodide.asm.js",
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
    assert "data/python.txt" in expected  # the only data set that needs no network
    for entry in site["data"].values():
        assert (dist / entry["file"]).stat().st_size == entry["bytes"]


def test_build_tools_are_not_shipped(dist):
    names = [path.name for path in dist.rglob("*")]
    assert not {"precompile_stdlib.mjs", "vendor.d.ts", "__pycache__"} & set(names)


def test_no_file_needs_a_setting_of_the_server(dist):
    # Debian 12's nginx sends .mjs as application/octet-stream, and browsers refuse such modules.
    names = [path for path in dist.rglob("*") if path.suffix == ".mjs"]
    assert names == []
    loaders = (dist / "pyodide" / "pyodide.js", dist / "pyodide" / "pyodide.asm.js")
    assert all("pyodide.asm.js" in path.read_text() and ".asm.mjs" not in path.read_text() for path in loaders)


def test_the_python_of_every_page_wakes_the_same_event_loop(dist):
    """What the benchmark page measures is the speed of the lab. lab/worker/event_loop.py says why."""
    scripts = {page.name: re.findall(r'src="./(worker/\w+.py)"', page.read_text()) for page in dist.glob("*.html")}
    assert scripts == {"index.html": ["worker/lab.py"], "bench.html": ["worker/bench.py"]}
    for (script,) in scripts.values():
        assert re.search(r"^coalesce_wake_ups\(\)", (dist / script).read_text(), re.MULTILINE), script


def test_configuration_is_relative_and_complete(dist):
    text = (dist / "lab.json").read_text()
    assert not re.search(r"https?:|\"/|//", text)  # works under any path, uses no other host
    config = json.loads(text)
    for name in [config["interpreter"], *config["files"], *config["js_modules"]["worker"]]:
        assert (dist / name).is_file(), name
    assert not any("numpy-" in name for name in config["files"]), "only the NumPy device loads NumPy"


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
    assert sources <= names, "pyproject.toml does not list every package"


def test_a_second_build_rewrites_only_changed_files(dist):
    def times() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in dist.rglob("*") if path.is_file()}

    (dist / "left-over.txt").write_text("from an earlier build")
    before = times()
    start = time.perf_counter()
    process = build(dist)
    print(f"\nsecond build: {time.perf_counter() - start:.1f} s")
    assert process.returncode == 0, process.stdout + process.stderr
    assert "unchanged" in process.stdout
    after = times()
    assert before.keys() - after.keys() == {"left-over.txt"}
    assert {name for name in after if after[name] != before[name]} <= {"site.json"}  # it contains the build time


def test_a_folder_with_other_files_is_not_emptied(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    process = build(tmp_path)
    assert process.returncode == 1
    assert "not an earlier build" in process.stderr
    assert (tmp_path / "thesis.txt").exists()


def test_without_npm_the_error_explains_how_to_install_it(tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import build\n"
        "build.importlib.util.find_spec = lambda name: None\n"
        "sys.exit(build.main())"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, "--out", str(tmp_path / "dist")],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    assert process.returncode == 1
    assert "Install Node.js" in process.stderr
