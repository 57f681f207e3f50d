"""The process of a native peer: it reads one JSON request per line, does the work, and writes one JSON answer per line.

    {"do": "train", "work": "small-12.json", "steps": 20, "warmup": 2, "min_steps": 3, "max_ms": 5000,
     "sample_tokens": 32}
    {"do": "multiply", "m": 512, "k": 512, "n": 512, "transpose_x": false, "transpose_w": false, "reps": 10}

The figures are those of lab/bench.js; `peak_bytes` is the growth of the process after its libraries and the work are
loaded. This file imports NumPy but not pygpt, which a peer's interpreter does not have.
"""

import json
import math
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np

THREADS = int(os.environ.get("PYGPT_BENCH_THREADS", "1"))


def pin() -> None:
    """Restrict this process to as many cores as it may use threads: libraries size their thread pools by the cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])


def load(path: str) -> dict:
    """Read the work of tests/bench/work.py: sizes, `weights` by name, and `pairs` of inputs and targets (B, T)."""
    work = json.loads(Path(path).read_text())
    data = (Path(path).parent / work["bytes"]).read_bytes()
    work["weights"] = {
        name: np.frombuffer(data, np.float32, math.prod(entry["shape"]), entry["offset"]).reshape(entry["shape"])
        for name, entry in work["tensors"].items()
    }
    shape = (work["batches"], 2, work["batch"], work["block"])
    work["pairs"] = np.frombuffer(data, np.int32, math.prod(shape), work["weight_bytes"]).reshape(shape)
    return work


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def train(start, work: str, steps=100, warmup=2, min_steps=3, max_ms=5000.0, sample_tokens=0) -> dict:
    """Time the steps of `start(work)`, a model with `step(inputs, targets) -> loss` and `scores(window) -> logits`."""
    loaded = load(work)
    before = _resident()
    losses, ms_per_step = [], []
    opened = time.perf_counter()
    model = start(loaded)

    def step():
        inputs, targets = loaded["pairs"][len(losses) % loaded["batches"]]
        losses.append(float(model.step(inputs, targets)))

    step()
    first = 1000 * (time.perf_counter() - opened)
    for _ in range(warmup):
        step()
    started, done, group = time.perf_counter(), 0, 1
    while done < steps and not (1000 * (time.perf_counter() - started) > max_ms and done >= min_steps):
        group = min(group, steps - done)
        group_started = time.perf_counter()
        for _ in range(group):
            step()
        ms = 1000 * (time.perf_counter() - group_started)
        done += group
        if ms >= 5 or not ms_per_step:
            ms_per_step.append(ms / group)
        if ms < 5 and done + 2 * group <= steps:
            group, ms_per_step = 2 * group, []
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {
        "ms_per_step": ms_per_step,
        "first_step_ms": first,
        "loss": losses,
        "peak_bytes": peak,
        "sample_tok_s": sampling(model, loaded["block"], sample_tokens, max_ms) if sample_tokens else None,
    }


def sampling(model, block: int, count: int, max_ms: float) -> float:
    """Tokens per second at temperature 0.8; the host draws each token, as is usual with these libraries."""
    rng, text = np.random.default_rng(1), [0]

    def next_token():
        scores = np.asarray(model.scores(text[-block:]), np.float64) / 0.8
        weights = np.exp(scores - scores.max())
        text.append(int(rng.choice(len(weights), p=weights / weights.sum())))

    for _ in range(4):
        next_token()
    started = time.perf_counter()
    done = 0
    while done < count and 1000 * (time.perf_counter() - started) < max_ms:
        next_token()
        done += 1
    return done / (time.perf_counter() - started)


def multiply(make, m, k, n, reps, transpose_x=False, transpose_w=False) -> dict:
    """Time the function returned by `make(x, w, transpose_x, transpose_w)`: it multiplies and waits for the product."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((k, m) if transpose_x else (m, k), np.float32)
    w = rng.standard_normal((n, k) if transpose_w else (k, n), np.float32)
    product = make(x, w, transpose_x, transpose_w)
    product()
    started = time.perf_counter()
    for _ in range(reps):
        product()
    ms = 1000 * (time.perf_counter() - started) / reps
    return {"ms": ms, "gflops": 2 * m * k * n / ms / 1e6}


def serve(name: str, start, make) -> None:
    """Answer requests until standard input ends; the first line of output is this peer's name."""
    print(json.dumps({"name": name}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        do = {"train": train, "multiply": multiply}[request.pop("do")]
        try:
            answer = do(start if do is train else make, **request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), flush=True)
