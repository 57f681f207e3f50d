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

from pygpt.errors import CheckpointError
from pygpt.runs.run_folder import open_run
from tests.bench.pause import ENDLESS, STEP, train
from tests.bench.site import open_site

KILLS = 20
LONGEST = 30.0  # seconds of training before a kill, at most


def measure(options) -> None:
    """Print the seconds of training lost for each kill, and the maximum."""
    moments = random.Random(0)
    _summarize([_lost(moments.uniform(0.5, LONGEST)) for _ in range(KILLS)])


def measure_tab(options) -> None:
    """The same for the lab's tab: its process is crashed, and the next tab says which step is kept."""
    moments = random.Random(0)
    with open_site() as (server, browser):
        _summarize([_lost_in_tab(server, browser, moments.uniform(0.5, LONGEST)) for _ in range(KILLS)])


def _summarize(lost):
    print(f"{len(lost)} kills: at most {max(lost):.1f} s of training lost, {sum(lost) / len(lost):.1f} s on average")


def _lost_in_tab(server, browser, after: float) -> float:
    from playwright.sync_api import Error, TimeoutError

    context = browser.new_context()
    page = context.new_page()
    train(page, f"{server.url}{ENDLESS}", "numpy")
    began, seen = time.perf_counter(), [(0.0, 0)]  # (seconds, step on the page)
    while time.perf_counter() - began < after:
        seen.append((time.perf_counter() - began, page.evaluate(STEP)))
        page.wait_for_timeout(50)
    with contextlib.suppress(Error):  # the page is gone
        page.goto("chrome://crash")
    again = context.new_page()
    again.goto(server.url)
    with contextlib.suppress(TimeoutError):
        again.wait_for_selector("#found:not([hidden])", timeout=40_000)
    offered = re.search(r"step ([\d,]+) of", again.text_content("#found") or "")
    kept = int(offered[1].replace(",", "")) if offered else 0
    context.close()
    return _report(after, seen, seen[-1][1], kept)


def _lost(after: float) -> float:
    """Train the preset baby natively, kill it `after` seconds after its first step, and return the seconds lost."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = ["train", "baby", "--device", "numpy", "--steps", "1000000", "--log-every", "1", "--out", str(out)]
        with subprocess.Popen([sys.executable, "-m", "pygpt", *command], stdout=subprocess.DEVNULL) as process:
            seen = [(0.0, 0)]  # (seconds, last step in the log)
            began = 0.0
            while not began or time.perf_counter() - began < after:
                time.sleep(0.02)
                assert process.poll() is None, "training ended by itself"
                step = _last_step(out / "metrics.jsonl")
                if step and not began:
                    began = time.perf_counter()
                if step > seen[-1][1]:
                    seen.append((time.perf_counter() - began, step))
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        trained = _last_step(out / "metrics.jsonl")
        try:
            kept = open_run(out).step
        except CheckpointError:
            kept = 0  # killed before the first checkpoint
        return _report(after, seen, trained, kept)


def _report(after, seen, trained, kept) -> float:
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
