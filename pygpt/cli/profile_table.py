"""Where a training step's time goes, as a table; `pygpt train --profile` prints it."""

from rich.console import Console
from rich.table import Table

from pygpt.analysis.profile import Profile
from pygpt.runs.run_folder import RunFolder


def print_profile(found: Profile, folder: RunFolder, console: Console) -> None:
    """Print the table, and write the trace into the run's folder."""
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
        f"\nA step of {len(found.launches)} launches, {1000 * found.seconds:,.2f} ms (mean of {found.steps}), on "
        f"{found.device}:"
    )
    console.print(table)
    console.print(
        f"The peak, measured just now: {found.peak.flops / 1e9:,.1f} GFLOP/s in a matrix product, "
        f"{found.peak.bytes / 1e9:,.1f} GB/s in an addition."
    )
    folder.keep_profile(found.trace())
    console.print(f"The trace is {folder.profile}; open it at https://ui.perfetto.dev.\n")
