"""Formats numbers of bytes and of seconds with units."""

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def format_bytes(nbytes: int) -> str:
    """A number of bytes with a decimal unit: "3.2 MB", "120 GB"."""
    size, unit = float(nbytes), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 or size >= 100 else f"{size:.1f} {_UNITS[unit]}"


def format_seconds(seconds: float) -> str:
    """A duration in round figures: "40 s", "4 min", "1.5 h", "3 days"."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{round(seconds / 86_400)} days"
