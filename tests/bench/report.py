"""Write docs/performance.md from the records in build/bench/records and from notes.md."""

import math
from pathlib import Path

from tests.bench import records
from tests.bench.records import median
from tests.bench.targets import targets
from tests.bench.work import FOLDER, ROOT

PAGE = ROOT / "docs" / "performance.md"
NOTES = Path(__file__).with_name("notes.md")
PARTS = {
    "native": "Native, each contender in a separate process with {threads} thread(s)",
    "tab": "In the tab, without cross-origin isolation, as the lab is hosted: every contender has one thread",
    "isolated": "In the tab, the peers' pages cross-origin isolated: their WebAssembly has threads, ours has one",
}
SIZES = ("bigram", "micro", "baby", "small", "nano-2", "nano", "nano-8")


def write(options) -> None:
    """Write the page. Raises: SystemExit if there are no records."""
    saved = records.read()
    if not saved:
        raise SystemExit(f"no measurements: {FOLDER / 'records'} is empty; run `python -m tests.bench` first")
    lines = [
        "# Performance",
        "",
        "Written by `python -m tests.bench report` from one machine's measurements; `make bench` repeats them. Figures",
        "are medians; spreads are lowest to highest. The contenders take turns in rounds and use the same initial",
        "weights and batches, float32 and Adam, and read the loss after every step. A ratio below 1 means that ours is",
        "faster. *Loss diff* is the largest difference between the first ten losses and ours on NumPy.",
        "",
    ]
    lines += [*_machine(saved), "", "## Targets", "", *_targets(saved)]
    for part, title in PARTS.items():
        cases = {name: saved[part, name] for name in SIZES if (part, name) in saved}
        if cases:
            threads = next(iter(cases.values())).get("threads", 1)
            lines += ["", f"## {title.format(threads=threads)}"]
            for name, record in cases.items():
                lines += ["", *_case(name, record)]
    lines += [*_products(saved), *_boot(saved), "", NOTES.read_text().strip(), ""]
    PAGE.write_text("\n".join(lines))
    print(f"{PAGE.relative_to(ROOT)} written")


def _machine(saved):
    """The machines, dates, commits and versions of all records."""
    entries = list(saved.values())
    machines = {"{processor}, {cores} cores, {system}".format(**record["machine"]) for record in entries}
    versions = {f"{name} {version}" for record in entries for name, version in record["machine"]["versions"].items()}
    versions |= {version for record in entries for version in record.get("versions", {}).values()}
    versions = {version.replace(", ", " ") for version in versions}
    versions |= {f"Chromium {record['Chromium']}" for record in entries if "Chromium" in record}
    dates = sorted({record["date"] for record in entries})
    commits = sorted({record["commit"] for record in entries if record["commit"]})
    loads = [record["load"] for record in entries if record.get("load") is not None]
    load = (
        f" The load was {min(loads):.1f} to {max(loads):.1f}, of which this benchmark caused 1 to 2." if loads else ""
    )
    return [
        f"- **Machine**: {'; '.join(sorted(machines))}; no GPU: WebGPU uses software adapters (lavapipe, SwiftShader)."
        f"{load}",
        f"- **Measured**: {' to '.join(dict.fromkeys((dates[0], dates[-1])))}, at {', '.join(commits)}.",
        f"- **Versions**: {', '.join(sorted(versions, key=str.lower))}.",
    ]


def _targets(saved):
    yield "| what | target | measured | |"
    yield "|---|---|---|---|"
    for what, limit, measured, met in targets(saved):
        verdict = {True: "met", False: "**not met**", None: "not measured"}[met]
        yield f"| {what} | {limit} | {measured} | {verdict} |"


def _case(name, record):
    """The table of one size, one row per contender."""
    results = record["results"]
    yield f"**{name}**, batch {record['batch']}"
    yield ""
    columns = (
        "ms per step",
        "spread",
        "ours numpy / peer",
        "ours webgpu / peer",
        "first step, ms",
        "sampling, tokens/s",
        "peak, MB",
        "host, ms",
        "launches",
        "loss diff",
    )
    yield f"| | {' | '.join(columns)} |"
    yield "|---|" + "---|" * len(columns)
    ours = {device: median(results.get(f"ours {device}", {}).get("ms", [])) for device in ("numpy", "webgpu")}
    for contender, result in results.items():
        if "ms" not in result:
            yield f"| {contender} | {result.get('error', 'not measured')} " + "| " * 9 + "|"
            continue
        time = median(result["ms"])
        ratios = [
            "" if contender.startswith("ours") or math.isnan(our_time) else f"{our_time / time:.2g}"
            for our_time in ours.values()
        ]
        cells = [
            contender,
            number(time),
            f"{number(min(result['ms']))} – {number(max(result['ms']))}",
            *ratios,
            number(result["first_ms"][0]),
            *(
                number(median(result[key]) / scale) if result.get(key) else ""
                for key, scale in (("tokens", 1), ("peak_bytes", 1e6), ("host_ms", 1), ("launches", 1))
            ),
            f"{result['loss_difference']:.0e}" if "loss_difference" in result else "",
        ]
        yield f"| {' | '.join(cells)} |"


def _products(saved):
    for part, title in (("native", "natively"), ("tab", "in the tab"), ("isolated", "in the tab, isolated")):
        record = saved.get(("matmul", part))
        if not record:
            continue
        results = record["results"]
        yield from (
            "",
            f"## Matrix products {title}, GFLOP/s",
            "",
            f"| | {' | '.join(results)} |",
            "|---|" + "---|" * len(results),
        )
        for shape in next(iter(results.values())):
            yield f"| {shape} | {' | '.join(number(median(result.get(shape, []))) for result in results.values())} |"


def _boot(saved):
    record = saved.get(("boot", "tab"))
    if record:
        yield from (
            "",
            "## Boot",
            "",
            f"From navigation to a ready Python: {median(record['cold']):.2f} s in a fresh profile, "
            f"{median(record['warm']):.2f} s with a warm cache, from a server on the same machine.",
        )


def number(value: float) -> str:
    """Format a number to three significant digits; NaN is empty."""
    if math.isnan(value):
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
