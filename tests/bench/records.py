"""Benchmark records: one JSON file per part and size, so that parts can run and be repeated separately."""

import datetime
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
from pathlib import Path

from tests.bench.work import FOLDER, ROOT


def machine() -> dict:
    """Describe the machine, without host or user names."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = platform.system()
    release = Path("/etc/os-release")
    if release.is_file():
        system = re.search(r'^PRETTY_NAME="?([^"\n]+)', release.read_text(), re.MULTILINE).group(1)
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        model = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        processor = model.group(1).strip() if model else processor
    versions = {"Python": platform.python_version()}
    for package in ("numpy", "wgpu"):
        versions[package] = importlib.metadata.version(package)
    return {"processor": processor, "cores": cores, "system": system, "versions": versions}


def commit() -> str:
    """The current commit, with a star if tracked files differ from it; empty outside a repository."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run([*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True)
    return head.stdout.strip() + ("*" if changed.stdout.strip() else "")


def save(part: str, name: str, values: dict) -> None:
    """Write a record; it replaces the last one of the same part and name."""
    folder = FOLDER / "records"
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "part": part,
        "name": name,
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "machine": machine(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        **values,
    }
    path = folder / f"{part}-{name}.json"
    partial = path.with_suffix(".half")
    partial.write_text(json.dumps(record, indent=1) + "\n")
    partial.replace(path)


def read() -> dict[tuple[str, str], dict]:
    """Read all records, by part and name."""
    records = [json.loads(path.read_text()) for path in sorted((FOLDER / "records").glob("*.json"))]
    return {(record["part"], record["name"]): record for record in records}


def median(values: list[float]) -> float:
    """The median, or NaN for an empty list."""
    return statistics.median(values) if values else float("nan")


def add_round(results: dict[str, dict], name: str, answer: dict) -> None:
    """Add one round's answer to a contender's results: extend lists, and collect single numbers in lists."""
    result = results.setdefault(name, {})
    if "error" in answer:
        result.setdefault("error", answer["error"])
        return
    result.setdefault("ms", []).extend(answer["ms_per_step"])
    result.setdefault("loss", answer["loss"])
    for key, answer_key in (
        ("first_ms", "first_step_ms"),
        ("tokens", "sample_tok_s"),
        ("host_ms", "host_ms"),
        ("device_bytes", "device_bytes"),
        ("launches", "launches"),
        ("estimate_bytes", "estimate_bytes"),
    ):
        if answer.get(answer_key) is not None:
            result.setdefault(key, []).append(answer[answer_key])
    if answer.get("peak_bytes") is not None:
        # A process allocates its memory in the first round and reuses it later, so only the largest value counts.
        result["peak_bytes"] = [max(answer["peak_bytes"], *result.get("peak_bytes", [0]))]


def compare_losses(results: dict[str, dict], reference: str) -> None:
    """Store how far each contender's first losses are from the reference's, to show that all did the same work."""
    expected = results.get(reference, {}).get("loss", [])
    for result in results.values():
        losses = result.pop("loss", None)
        if losses and expected:
            result["loss_difference"] = max(abs(a - b) for a, b in zip(losses[:10], expected[:10]))


def show(part: str, name: str, results: dict[str, dict]) -> None:
    """Print the table of one size."""
    print(
        f"\n{part}, {name}\n{'':<22}{'ms per step':>12}{'lowest':>11}{'first, ms':>12}{'tokens/s':>11}{'peak MB':>10}"
        f"{'host ms':>9}{'launches':>10}{'loss diff':>10}"
    )
    for contender, result in results.items():
        if "ms" not in result:
            print(f"{contender:<22}{result.get('error', 'not measured')[:100]:>12}")
            continue
        tokens, peak, host, launches = (
            median(result[key]) if key in result else None for key in ("tokens", "peak_bytes", "host_ms", "launches")
        )
        print(
            f"{contender:<22}{median(result['ms']):>12.3f}{min(result['ms']):>11.3f}{result['first_ms'][0]:>12.0f}"
            f"{'' if tokens is None else f'{tokens:,.0f}':>11}{'' if peak is None else f'{peak / 1e6:,.0f}':>10}"
            f"{'' if host is None else f'{host:.2f}':>9}{'' if launches is None else f'{launches:.0f}':>10}"
            f"{result.get('loss_difference', float('nan')):>10.1e}",
            flush=True,
        )
