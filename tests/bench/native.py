"""Natively: ours on NumPy and on WebGPU against PyTorch and JAX, each in a process of its own, in rounds."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from pygpt.analysis.bench import SIZES
from tests.bench import records
from tests.bench.work import FOLDER, ROOT, hand_over

PEERS = ROOT / "tests" / "bench" / "peers"
CONTENDERS = ("ours numpy", "ours webgpu", "torch eager", "torch compiled", "jax")
# name -> (size, batch, options of a round): few steps where they take long.
CASES = {
    "bigram": ("bigram", 0, {"steps": 1500, "max_ms": 500, "sample_tokens": 2000}),
    "micro": ("micro", 0, {"steps": 1500, "max_ms": 500, "sample_tokens": 2000}),
    "baby": ("baby", 0, {"steps": 150, "max_ms": 800, "sample_tokens": 1000}),
    "small": ("small", 0, {"steps": 30, "max_ms": 1500, "sample_tokens": 500}),
    "nano-2": ("nano", 2, {"steps": 5, "max_ms": 1500, "warmup": 1, "min_steps": 1, "sample_tokens": 64}),
    "nano-8": ("nano", 8, {"steps": 4, "max_ms": 3000, "warmup": 1, "min_steps": 1}),
}
SLOW_STEP = 4000  # milliseconds: who takes longer does one round
# (m, k, n) of the GPT's own products, rows x inner x columns, with what is transposed: forward, dX and dW.
SQUARES = [(side, side, side) for side in (512, 1024, 2048)]
SHAPES = {
    f"{name} {rows} x {width}": [
        ("nn", rows, width, 4 * width),
        ("nt", rows, 4 * width, width),
        ("tn", width, rows, 4 * width),
    ]
    for name, rows, width in (("small", 768, 128), ("nano", 2048, 384))
}


class Contender:
    """A process that answers requests in JSON, a line each."""

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

    def ask(self, do: str, **wanted) -> dict:
        """Ask, and wait for the answer; a process that died is an answer with an error."""
        try:
            self.process.stdin.write(json.dumps({"do": do, **wanted}) + "\n")
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
    """The interpreter with PyTorch and JAX: PYGPT_BENCH_PYTHON, or a virtual environment made here the first time."""
    if named := os.environ.get("PYGPT_BENCH_PYTHON"):
        return named
    wanted = PEERS.parent / "requirements.txt"
    folder = FOLDER / "venv"
    python, stamp = folder / "bin" / "python", folder / "installed"
    if not (stamp.is_file() and stamp.read_text() == wanted.read_text()):
        print("installing tests/bench/requirements.txt", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(wanted)], check=True)
        stamp.write_text(wanted.read_text())
    return str(python)


def open_contender(name: str, threads: int) -> Contender:
    """Start one of CONTENDERS."""
    who, _, how = name.partition(" ")
    if who == "ours":
        return Contender([sys.executable, "-m", "tests.bench.ours", how], threads)
    return Contender([peers_python(), f"{who}_peer.py", how], threads, PEERS)


@contextlib.contextmanager
def opened(names, threads: int):
    """The contenders that can be started, by name; who cannot is told."""
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
    """Training and sampling, size by size."""
    for name, (size, batch, wanted) in CASES.items():
        if not options.wants_size(name, size):
            continue
        work = str(hand_over(size, batch))
        results, versions = {}, {}
        with opened(options.contenders(CONTENDERS), options.threads) as running:
            for _ in range(options.rounds):
                for contender, process in running.items():
                    held = results.get(contender, {})
                    if records.middle(held.get("ms", [])) > SLOW_STEP or "error" in held:
                        continue
                    records.merged(results, contender, process.ask("train", work=work, **wanted))
                    versions[contender] = process.name
        records.compare_losses(results, "ours numpy")
        records.show("native", name, results)
        if options.complete:
            records.keep(
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
    """Matrix products: squares, and the GPT's own shapes as they come forward and on the way back."""
    wanted = {f"{m}": [("nn", m, k, n)] for m, k, n in SQUARES} | SHAPES
    results, versions = {}, {}
    names = [name for name in options.contenders(CONTENDERS) if name != "torch compiled"]
    with opened(names, options.threads) as running:
        for shape, products in wanted.items():
            for how, m, k, n in products:
                key = f"{shape} {how}"
                print(f"{key:<22}", end="", flush=True)
                for contender, process in running.items():
                    versions[contender] = process.name
                    product = {"m": m, "k": k, "n": n, "transpose_x": how == "tn", "transpose_w": how == "nt"}
                    first = process.ask("multiply", reps=1, **product)
                    reps = max(1, min(50, int(300 / first["ms"]))) if "ms" in first else 0
                    answers = (
                        [process.ask("multiply", reps=reps, **product) for _ in range(options.rounds)] if reps else []
                    )
                    rates = [answer["gflops"] for answer in answers if "gflops" in answer]
                    results.setdefault(contender, {})[key] = rates
                    print(f"{contender:>14} {records.middle(rates):>7.1f}", end="", flush=True)
                print(" GFLOP/s")
    if options.complete:
        records.keep("matmul", "native", {"results": results, "versions": versions, "threads": options.threads})
