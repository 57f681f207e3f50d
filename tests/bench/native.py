"""Compare pygpt on NumPy and WebGPU with PyTorch and JAX, natively: a separate process each, in rounds."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from pygpt.analysis.bench import SIZES
from tests.bench import records
from tests.bench.work import FOLDER, ROOT, write_work

PEERS = ROOT / "tests" / "bench" / "peers"
CONTENDERS = ("ours numpy", "ours webgpu", "torch eager", "torch compiled", "jax")
# name -> (size, batch size, options of a round): fewer steps where they are slow.
CASES = {
    "bigram": ("bigram", 0, {"steps": 1500, "max_ms": 500, "sample_tokens": 2000}),
    "micro": ("micro", 0, {"steps": 1500, "max_ms": 500, "sample_tokens": 2000}),
    "baby": ("baby", 0, {"steps": 150, "max_ms": 800, "sample_tokens": 1000}),
    "small": ("small", 0, {"steps": 30, "max_ms": 1500, "sample_tokens": 500}),
    "nano-2": ("nano", 2, {"steps": 5, "max_ms": 1500, "warmup": 1, "min_steps": 1, "sample_tokens": 64}),
    "nano-8": ("nano", 8, {"steps": 4, "max_ms": 3000, "warmup": 1, "min_steps": 1}),
}
SLOW_STEP = 4000  # milliseconds per step; a slower contender runs one round only
# The GPT's products as (transposition, m, k, n), rows x inner x columns: forward, dX and dW.
MATMUL_SIZES = [(side, side, side) for side in (512, 1024, 2048)]
SHAPES = {
    f"{name} {rows} x {width}": [
        ("nn", rows, width, 4 * width),
        ("nt", rows, 4 * width, width),
        ("tn", width, rows, 4 * width),
    ]
    for name, rows, width in (("small", 768, 128), ("nano", 2048, 384))
}


class Contender:
    """A process that answers JSON requests, one per line."""

    def __init__(self, command: list[str], threads: int, folder: Path = ROOT):
        environment = {
            **os.environ,
            "PYGPT_BENCH_THREADS": str(threads),
            "PYTHONWARNINGS": "ignore",
            **{
                name: str(threads)
                for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LP_NUM_THREADS")
            },
        }
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.name = self._answer()["name"]

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise EOFError(f"{' '.join(map(str, self.process.args))} ended with {self.process.wait()}")
        return json.loads(line)

    def request(self, do: str, **options) -> dict:
        """Send a request and wait for the answer; if the process has ended, the answer is an error."""
        try:
            self.process.stdin.write(json.dumps({"do": do, **options}) + "\n")
            self.process.stdin.flush()
            return self._answer()
        except (EOFError, BrokenPipeError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()


def peers_python() -> str:
    """The interpreter with PyTorch and JAX: PYGPT_BENCH_PYTHON, else a virtual environment made by the first call."""
    if interpreter := os.environ.get("PYGPT_BENCH_PYTHON"):
        return interpreter
    requirements = PEERS.parent / "requirements.txt"
    folder = FOLDER / "venv"
    python, stamp = folder / "bin" / "python", folder / "installed"
    if not (stamp.is_file() and stamp.read_text() == requirements.read_text()):
        print("installing tests/bench/requirements.txt", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)], check=True)
        stamp.write_text(requirements.read_text())
    return str(python)


def open_contender(name: str, threads: int) -> Contender:
    """Start one of CONTENDERS."""
    library, _, variant = name.partition(" ")
    if library == "ours":
        return Contender([sys.executable, "-m", "tests.bench.ours", variant], threads)
    return Contender([peers_python(), f"{library}_peer.py", variant], threads, PEERS)


@contextlib.contextmanager
def open_contenders(names, threads: int):
    """Start the contenders, by name; print the error of one that does not start and leave it out."""
    running = {}
    try:
        for name in names:
            try:
                running[name] = open_contender(name, threads)
            except (EOFError, OSError, subprocess.CalledProcessError) as error:
                print(f"{name}: {error}")
        yield running
    finally:
        for contender in running.values():
            contender.close()


def measure(options) -> None:
    """Measure training and sampling, one size after the other."""
    for name, (size, batch, round_options) in CASES.items():
        if not options.wants_size(name, size):
            continue
        work = str(write_work(size, batch))
        results, versions = {}, {}
        with open_contenders(options.contenders(CONTENDERS), options.threads) as running:
            for _ in range(options.rounds):
                for contender, process in running.items():
                    result = results.get(contender, {})
                    if records.median(result.get("ms", [])) > SLOW_STEP or "error" in result:
                        continue
                    records.add_round(results, contender, process.request("train", work=work, **round_options))
                    versions[contender] = process.name
        records.compare_losses(results, "ours numpy")
        records.show("native", name, results)
        if options.complete:
            records.save(
                "native",
                name,
                {
                    "results": results,
                    "versions": versions,
                    "threads": options.threads,
                    "rounds": options.rounds,
                    "batch": batch or SIZES[size][4],
                },
            )


def multiply(options) -> None:
    """Measure matrix products: squares, and the GPT's shapes in the forward and the backward pass."""
    shapes = {f"{m}": [("nn", m, k, n)] for m, k, n in MATMUL_SIZES} | SHAPES
    results, versions = {}, {}
    names = [name for name in options.contenders(CONTENDERS) if name != "torch compiled"]
    with open_contenders(names, options.threads) as running:
        for shape, products in shapes.items():
            for form, m, k, n in products:
                key = f"{shape} {form}"
                print(f"{key:<22}", end="", flush=True)
                for contender, process in running.items():
                    versions[contender] = process.name
                    product = {"m": m, "k": k, "n": n, "transpose_x": form == "tn", "transpose_w": form == "nt"}
                    first = process.request("multiply", reps=1, **product)
                    reps = max(1, min(50, int(300 / first["ms"]))) if "ms" in first else 0
                    answers = [
                        process.request("multiply", reps=reps, **product) for _ in range(options.rounds if reps else 0)
                    ]
                    rates = [answer["gflops"] for answer in answers if "gflops" in answer]
                    results.setdefault(contender, {})[key] = rates
                    print(f"{contender:>14} {records.median(rates):>7.1f}", end="", flush=True)
                print(" GFLOP/s")
    if options.complete:
        records.save("matmul", "native", {"results": results, "versions": versions, "threads": options.threads})
