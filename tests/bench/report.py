"""docs/performance.md, written from what was kept in build/bench/records, and from notes.md as it stands."""

from pathlib import Path

from tests.bench import records
from tests.bench.bars import judged
from tests.bench.records import middle
from tests.bench.work import FOLDER, ROOT

PAGE = ROOT / "docs" / "performance.md"
NOTES = Path(__file__).with_name("notes.md")
PARTS = {
    "native": "Natively, every contender in a process of its own with {threads} thread(s)",
    "tab": "In the tab, without cross-origin isolation: as the lab is hosted, nobody has threads",
    "isolated": "In the tab, the peers' pages cross-origin isolated: their WebAssembly has threads, ours has one",
}
SIZES = ("bigram", "micro", "baby", "small", "nano-2", "nano", "nano-8")


def write(options) -> None:
    """Write the page. Raises SystemExit if nothing was measured yet."""
    found = records.read()
    if not found:
        raise SystemExit(f"nothing was measured yet: {FOLDER / 'records'} is empty")
    lines = [
        "# Performance",
        "",
        "Written by `python -m tests.bench report` from one machine's measurements; `make bench` repeats them. Figures are",
        "medians, spreads lowest to highest. What is compared was measured in rounds, one contender after the other, on the",
        "same first weights and batches, float32, Adam, the loss read after every step; a ratio below 1 means that ours is",
        "faster. *Loss off* is how far the first ten losses are from ours on NumPy.",
        "",
    ]
    lines += [*_machine(found), "", "## What was aimed at", "", *_bars(found)]
    for part, title in PARTS.items():
        cases = {name: found[part, name] for name in SIZES if (part, name) in found}
        if cases:
            threads = next(iter(cases.values())).get("threads", 1)
            lines += ["", f"## {title.format(threads=threads)}"]
            for name, record in cases.items():
                lines += ["", *_case(name, record)]
    lines += [*_products(found), *_boot(found), "", NOTES.read_text().strip(), ""]
    PAGE.write_text("\n".join(lines))
    print(f"{PAGE.relative_to(ROOT)} written")


def _machine(found):
    """The machine, the days, the commits and the versions of all that was measured."""
    kept = list(found.values())
    machines = {"{processor}, {cores} cores, {system}".format(**record["machine"]) for record in kept}
    versions = {f"{name} {version}" for record in kept for name, version in record["machine"]["versions"].items()}
    versions |= {version for record in kept for version in record.get("versions", {}).values()}
    versions = {version.replace(", ", " ") for version in versions}
    versions |= {f"Chromium {record['Chromium']}" for record in kept if "Chromium" in record}
    dates = sorted({record["date"] for record in kept})
    commits = sorted({record["commit"] for record in kept if record["commit"]})
    loads = [record["load"] for record in kept if record.get("load") is not None]
    shared = f" The load was {min(loads):.1f} to {max(loads):.1f}, this work's own 1 to 2 of it." if loads else ""
    return [
        f"- **Machine**: {'; '.join(sorted(machines))}; no GPU: WebGPU is played by the processor (lavapipe, SwiftShader).{shared}",
        f"- **Measured**: {' to '.join(dict.fromkeys((dates[0], dates[-1])))}, at {', '.join(commits)}.",
        f"- **Versions**: {', '.join(sorted(versions, key=str.lower))}.",
    ]


def _bars(found):
    yield "| what | aim | measured | |"
    yield "|---|---|---|---|"
    for what, aim, measured, met in judged(found):
        verdict = {True: "met", False: "**not met**", None: "not measured"}[met]
        yield f"| {what} | {aim} | {measured} | {verdict} |"


def _case(name, record):
    """One size: a row a contender."""
    results = record["results"]
    yield f"**{name}**, batch {record['batch']}"
    yield ""
    columns = (
        "ms a step",
        "spread",
        "ours numpy / it",
        "ours webgpu / it",
        "first step, ms",
        "sampling, tokens/s",
        "peak, MB",
        "host, ms",
        "launches",
        "loss off",
    )
    yield f"| | {' | '.join(columns)} |"
    yield "|---|" + "---|" * len(columns)
    ours = {device: middle(results.get(f"ours {device}", {}).get("ms", [])) for device in ("numpy", "webgpu")}
    for contender, held in results.items():
        if "ms" not in held:
            yield f"| {contender} | {held.get('error', 'not measured')} " + "| " * 9 + "|"
            continue
        mine = middle(held["ms"])
        ratios = [
            "" if contender.startswith("ours") or device != device else f"{device / mine:.2g}"
            for device in ours.values()
        ]
        cells = [
            contender,
            number(mine),
            f"{number(min(held['ms']))} – {number(max(held['ms']))}",
            *ratios,
            number(held["first_ms"][0]),
            *(
                number(middle(held[key]) / scale) if held.get(key) else ""
                for key, scale in (("tokens", 1), ("peak_bytes", 1e6), ("host_ms", 1), ("launches", 1))
            ),
            f"{held['loss_difference']:.0e}" if "loss_difference" in held else "",
        ]
        yield f"| {' | '.join(cells)} |"


def _products(found):
    for part, title in (("native", "natively"), ("tab", "in the tab"), ("isolated", "in the tab, isolated")):
        record = found.get(("matmul", part))
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
            yield f"| {shape} | {' | '.join(number(middle(held.get(shape, []))) for held in results.values())} |"


def _boot(found):
    record = found.get(("boot", "tab"))
    if record:
        yield from (
            "",
            "## Boot",
            "",
            f"From navigation to a ready Python: {middle(record['cold']):.2f} s in a fresh profile, "
            f"{middle(record['warm']):.2f} s with a warm cache, from a server on the same machine.",
        )


def number(value: float) -> str:
    """Three figures that matter."""
    if value != value:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
