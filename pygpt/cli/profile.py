"""`pygpt train --profile`: a table of where a step's time goes, and a trace of it beside the run."""

import asyncio

from rich.console import Console
from rich.table import Table

from pygpt.analysis.profile import profile
from pygpt.runs.run_folder import RunFolder
from pygpt.training.run import Run


def show_profile(run: Run, events, folder: RunFolder, console: Console) -> None:
    """Profile the next steps of a run, whose events come from `events`; print the table and write the trace."""
    found = asyncio.run(profile(run, events))
    if found is None:
        return
    table = Table(box=None, pad_edge=False)
    for title in ("kernel", "calls", "ms a step", "share", "GFLOP/s", "GB/s", "of the peak"):
        table.add_column(title, justify="left" if title == "kernel" else "right")
    for row in found.rows():
        seconds = max(row.seconds, 1e-9)
        table.add_row(
            row.kernel,
            f"{row.calls}",
            f"{1000 * row.seconds:,.3f}",
            f"{100 * row.share:.1f} %",
            f"{row.flops / seconds / 1e9:,.1f}",
            f"{row.bytes / seconds / 1e9:,.1f}",
            f"{100 * row.of_peak:.0f} %",
        )
    console.print(
        f"\nA step of {len(found.launches)} launches, {1000 * found.seconds:,.2f} ms (the mean of {found.steps}), on "
        f"{found.device}:"
    )
    console.print(table)
    console.print(
        f"The peak, measured now: {found.peak.flops / 1e9:,.1f} GFLOP/s in a product, "
        f"{found.peak.bytes / 1e9:,.1f} GB/s in an addition."
    )
    folder.keep_profile(found.trace())
    console.print(f"The trace is {folder.profile}; https://ui.perfetto.dev shows it.\n")
