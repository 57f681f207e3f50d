"""Formats numbers of bytes with units."""

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def format_bytes(nbytes: int) -> str:
    """A number of bytes with a decimal unit: "3.2 MB", "120 GB"."""
    size, unit = float(nbytes), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 or size >= 100 else f"{size:.1f} {_UNITS[unit]}"
