"""The table that `pygpt train --profile` prints: the time of a training step by kernel."""

from rich.console import Console
from rich.table import Table

from pygpt.analysis.profile import Profile
from pygpt.runs.run_folder import RunFolder


def print_profile(found: Profile, folder: RunFolder, console: Console) -> None:
    """Print the table and write the trace to the run's folder."""
    table = Table(box=None, pad_edge=False)
    for title in ("kernel", "calls", "ms/step", "share", "GFLOP/s", "GB/s", "% of peak"):
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
        f"\nA step takes {1000 * found.seconds:,.2f} ms for {len(found.launches)} launches on {found.device} "
        f"(mean of {found.steps} steps):"
    )
    console.print(table)
    console.print(
        f"Measured peak: {found.peak.flops / 1e9:,.1f} GFLOP/s in a matrix product, "
        f"{found.peak.bytes / 1e9:,.1f} GB/s in an addition of arrays in memory."
    )
    if any(row.of_peak > 1 for row in found.rows()):
        console.print("Above 100 %, a kernel's operands were still in a cache, which is faster than memory.")
    folder.save_profile(found.trace())
    console.print(f"The trace is in {folder.profile}; open it at https://ui.perfetto.dev.\n")
