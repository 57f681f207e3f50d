"""Kill training at random moments, and measure how many seconds of it are lost.

What is lost is the time between the last step in the checkpoint and the last step that was trained, by the log or by
the page.
"""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pygpt.data import load_text
from pygpt.errors import CheckpointError
from pygpt.runs.run_folder import open_run
from tests.bench.pause import ENDLESS, STEP, train
from tests.bench.site import open_site
from tests.serving import Serving

KILLS = 20
LONGEST = 30.0  # seconds of training before a kill, at most
SERVED = {
    "dataset": "text",
    "n_layer": 3,
    "n_embed": 48,
    "n_head": 3,
    "block_size": 64,
    "batch_size": 16,
    "max_iters": 1_000_000,
    "eval_interval": 1_000_000,
}


def measure(options) -> None:
    """Print the seconds of training lost for each kill of a native run, and the maximum."""
    _repeat(_lost)


def measure_server(options) -> None:
    """The same for `pygpt serve`: the server and the process that trains are killed."""
    text = load_text("tales").text
    _repeat(lambda after: _lost_by_server(text, after))


def measure_tab(options) -> None:
    """The same for the lab's tab: its process is crashed, and the next tab says which step is kept."""
    with open_site() as (server, browser):
        _repeat(lambda after: _lost_in_tab(server, browser, after))


def _repeat(lost_after) -> None:
    moments = random.Random(0)
    lost = [lost_after(moments.uniform(0.5, LONGEST)) for _ in range(KILLS)]
    print(f"{len(lost)} kills: at most {max(lost):.1f} s of training lost, {sum(lost) / len(lost):.1f} s on average")


def _lost(after: float) -> float:
    """Train the preset baby natively, kill it `after` seconds after its first step, and return the seconds lost."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = ["train", "baby", "--device", "numpy", "--steps", "1000000", "--log-every", "1", "--out", str(out)]
        with subprocess.Popen([sys.executable, "-m", "pygpt", *command], stdout=subprocess.DEVNULL) as process:
            seen = _watch(lambda: _last_step(out / "metrics.jsonl"), after)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        return _report(after, seen, _kept(out))


def _lost_by_server(text: str, after: float) -> float:
    with tempfile.TemporaryDirectory() as folder, Serving(folder) as serving:
        serving.json("POST", "/ds/upload", 201, files={"file": ("text.txt", text.encode())}, data={"name": "text"})
        serving.json("POST", "/lm/long/train", 202, json=SERVED)
        seen = _watch(lambda: serving.json("GET", "/lm/long")["step"], after)
        workers = serving.workers()
        serving.end(signal.SIGKILL)
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        return _report(after, seen, _kept(Path(folder) / "lm" / "long"))


def _lost_in_tab(server, browser, after: float) -> float:
    from playwright.sync_api import Error, TimeoutError

    context = browser.new_context()
    page = context.new_page()
    train(page, f"{server.url}{ENDLESS}", "numpy")
    seen = _watch(lambda: page.evaluate(STEP), after)
    with contextlib.suppress(Error):  # the page is gone
        page.goto("chrome://crash")
    again = context.new_page()
    again.goto(server.url)
    with contextlib.suppress(TimeoutError):
        again.wait_for_selector("#found:not([hidden])", timeout=40_000)
    offered = re.search(r"step ([\d,]+) of", again.text_content("#found") or "")
    context.close()
    return _report(after, seen, int(offered[1].replace(",", "")) if offered else 0)


def _watch(last_step, after: float) -> list[tuple[float, int]]:
    """(seconds since the first step, last step) until `after` seconds have passed."""
    deadline = time.perf_counter() + 60
    while not last_step():
        assert time.perf_counter() < deadline, "there was no step in a minute"
        time.sleep(0.02)
    began, seen = time.perf_counter(), [(0.0, 0)]
    while time.perf_counter() - began < after:
        seen.append((time.perf_counter() - began, last_step()))
        time.sleep(0.02)
    return seen


def _kept(folder: Path) -> int:
    """The step of the last checkpoint, or 0 if the run was killed before the first."""
    try:
        return open_run(folder).step
    except CheckpointError:
        return 0


def _report(after, seen, kept) -> float:
    trained = seen[-1][1]
    reached = max(seconds for seconds, step in seen if step <= kept)
    print(
        f"killed after {after:5.1f} s at step {trained:6,}: step {kept:6,} kept, {after - reached:4.1f} s lost",
        flush=True,
    )
    return after - reached


def _last_step(log: Path) -> int:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().splitlines()
    except OSError:
        return 0
    for line in reversed(lines):
        try:
            return json.loads(line)["step"]
        except ValueError:
            continue  # cut short
    return 0
