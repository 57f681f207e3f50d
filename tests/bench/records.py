"""What was measured, kept as JSON beside the table: one file a part and size, so that parts may run apart and be repeated."""

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
    """What the figures belong to, without names of hosts or people."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = platform.system()
    with_name = Path("/etc/os-release")
    if with_name.is_file():
        system = re.search(r'^PRETTY_NAME="?([^"\n]+)', with_name.read_text(), re.MULTILINE).group(1)
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        named = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        processor = named.group(1).strip() if named else processor
    versions = {"Python": platform.python_version()}
    for package in ("numpy", "wgpu"):
        versions[package] = importlib.metadata.version(package)
    return {"processor": processor, "cores": cores, "system": system, "versions": versions}


def commit() -> str:
    """The commit that was measured, with a star if files differ from it; empty outside a repository."""
    git = ["git", "-C", str(ROOT)]
    named = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run([*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True)
    return named.stdout.strip() + ("*" if changed.stdout.strip() else "")


def keep(part: str, name: str, found: dict) -> None:
    """Write a record in place of the last one of that part and name."""
    folder = FOLDER / "records"
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "part": part,
        "name": name,
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "machine": machine(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        **found,
    }
    path = folder / f"{part}-{name}.json"
    half = path.with_suffix(".half")
    half.write_text(json.dumps(record, indent=1) + "\n")
    half.replace(path)


def read() -> dict[tuple[str, str], dict]:
    """Every record by part and name."""
    records = [json.loads(path.read_text()) for path in sorted((FOLDER / "records").glob("*.json"))]
    return {(record["part"], record["name"]): record for record in records}


def middle(values: list[float]) -> float:
    """The median, or NaN of nothing."""
    return statistics.median(values) if values else float("nan")


def merged(results: dict[str, dict], name: str, answer: dict) -> None:
    """Add a round's answer to a contender's results: lists grow, what is one number becomes a list of them."""
    held = results.setdefault(name, {})
    if "error" in answer:
        held.setdefault("error", answer["error"])
        return
    held.setdefault("ms", []).extend(answer["ms_per_step"])
    held.setdefault("loss", answer["loss"])
    for ours, theirs in (
        ("first_ms", "first_step_ms"),
        ("tokens", "sample_tok_s"),
        ("host_ms", "host_ms"),
        ("device_bytes", "device_bytes"),
        ("launches", "launches"),
        ("estimate_bytes", "estimate_bytes"),
    ):
        if answer.get(theirs) is not None:
            held.setdefault(ours, []).append(answer[theirs])
    if answer.get("peak_bytes") is not None:
        # A process's memory grows in its first round; the later ones find it there.
        held["peak_bytes"] = [max(answer["peak_bytes"], *held.get("peak_bytes", [0]))]


def compare_losses(results: dict[str, dict], reference: str) -> None:
    """Note how far each contender's first losses are from the reference's: it shows that the work was the same."""
    expected = results.get(reference, {}).get("loss", [])
    for held in results.values():
        losses = held.pop("loss", None)
        if losses and expected:
            held["loss_difference"] = max(abs(a - b) for a, b in zip(losses[:10], expected[:10]))


def show(part: str, name: str, results: dict[str, dict]) -> None:
    """Print one size's table."""
    print(
        f"\n{part}, {name}\n{'':<22}{'ms a step':>12}{'lowest':>11}{'first, ms':>12}{'tokens/s':>11}{'peak MB':>10}"
        f"{'host ms':>9}{'launches':>10}{'loss off':>10}"
    )
    for contender, held in results.items():
        if "ms" not in held:
            print(f"{contender:<22}{held.get('error', 'not measured')[:100]:>12}")
            continue
        tokens, peak, host, launches = (
            middle(held[key]) if key in held else None for key in ("tokens", "peak_bytes", "host_ms", "launches")
        )
        print(
            f"{contender:<22}{middle(held['ms']):>12.3f}{min(held['ms']):>11.3f}{held['first_ms'][0]:>12.0f}"
            f"{'' if tokens is None else f'{tokens:,.0f}':>11}{'' if peak is None else f'{peak / 1e6:,.0f}':>10}"
            f"{'' if host is None else f'{host:.2f}':>9}{'' if launches is None else f'{launches:.0f}':>10}"
            f"{held.get('loss_difference', float('nan')):>10.1e}",
            flush=True,
        )
