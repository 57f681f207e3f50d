"""What every native peer's process does: it takes one request a line, does the work, and answers in a line of JSON.

    {"do": "train", "work": "small-12.json", "steps": 20, "warmup": 2, "min_steps": 3, "max_ms": 5000, "sample_tokens": 32}
    {"do": "multiply", "m": 512, "k": 512, "n": 512, "transpose_x": false, "transpose_w": false, "reps": 10}

The figures are those of lab/bench.js; `peak_bytes` is how much the process grew beyond what its libraries take. This file
needs NumPy and nothing of ours, because a peer's interpreter has only the peer.
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
    """Leave this process as many cores as it may have threads: libraries make their pools after what they see."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])


def load(path: str) -> dict:
    """The work that tests/bench/work.py wrote: sizes, `weights` by name, and `pairs` of inputs and targets (B, T)."""
    work = json.loads(Path(path).read_text())
    data = (Path(path).parent / work["bytes"]).read_bytes()
    work["weights"] = {
        name: np.frombuffer(data, np.float32, math.prod(about["shape"]), about["offset"]).reshape(about["shape"])
        for name, about in work["tensors"].items()
    }
    shape = (work["batches"], 2, work["batch"], work["block"])
    work["pairs"] = np.frombuffer(data, np.int32, math.prod(shape), work["weight_bytes"]).reshape(shape)
    return work


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def train(start, work: str, steps=100, warmup=2, min_steps=3, max_ms=5000.0, sample_tokens=0) -> dict:
    """Time steps of the model that `start(work)` makes; it has `step(inputs, targets) -> loss` and `scores(window) -> logits`."""
    given = load(work)
    before = _resident()
    losses, found = [], []
    began = time.perf_counter()
    model = start(given)

    def step():
        inputs, targets = given["pairs"][len(losses) % given["batches"]]
        losses.append(float(model.step(inputs, targets)))

    step()
    first = 1000 * (time.perf_counter() - began)
    for _ in range(warmup):
        step()
    started, done, at_once = time.perf_counter(), 0, 1
    while done < steps and not (1000 * (time.perf_counter() - started) > max_ms and done >= min_steps):
        at_once = min(at_once, steps - done)
        begun = time.perf_counter()
        for _ in range(at_once):
            step()
        took = 1000 * (time.perf_counter() - begun)
        done += at_once
        if took >= 5 or not found:
            found.append(took / at_once)
        if took < 5 and done + 2 * at_once <= steps:
            at_once, found = 2 * at_once, []
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {
        "ms_per_step": found,
        "first_step_ms": first,
        "loss": losses,
        "peak_bytes": peak,
        "sample_tok_s": sampling(model, given["block"], sample_tokens, max_ms) if sample_tokens else None,
    }


def sampling(model, block: int, count: int, max_ms: float) -> float:
    """Tokens a second at temperature 0.8, the host drawing each from the logits, as these libraries' users do it."""
    chance, text = np.random.default_rng(1), [0]

    def next_token():
        scores = np.asarray(model.scores(text[-block:]), np.float64) / 0.8
        weights = np.exp(scores - scores.max())
        text.append(int(chance.choice(len(weights), p=weights / weights.sum())))

    for _ in range(4):
        next_token()
    began = time.perf_counter()
    done = 0
    while done < count and 1000 * (time.perf_counter() - began) < max_ms:
        next_token()
        done += 1
    return done / (time.perf_counter() - began)


def multiply(make, m, k, n, reps, transpose_x=False, transpose_w=False) -> dict:
    """Time `make(x, w, transpose_x, transpose_w)`, which gives a function that multiplies and waits for the product."""
    chance = np.random.default_rng(1)
    x = chance.standard_normal((k, m) if transpose_x else (m, k), np.float32)
    w = chance.standard_normal((n, k) if transpose_w else (k, n), np.float32)
    product = make(x, w, transpose_x, transpose_w)
    product()
    began = time.perf_counter()
    for _ in range(reps):
        product()
    took = 1000 * (time.perf_counter() - began) / reps
    return {"ms": took, "gflops": 2 * m * k * n / took / 1e6}


def serve(name: str, start, make) -> None:
    """Answer requests until standard input ends; the first line says who this is."""
    print(json.dumps({"name": name}), flush=True)
    for line in sys.stdin:
        wanted = json.loads(line)
        do = {"train": train, "multiply": multiply}[wanted.pop("do")]
        try:
            answer = do(start if do is train else make, **wanted)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), flush=True)
