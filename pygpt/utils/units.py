"""Numbers with units, for people."""

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def format_bytes(nbytes: int) -> str:
    """3.2 MB, 120 GB."""
    size, unit = float(nbytes), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 or size >= 100 else f"{size:.1f} {_UNITS[unit]}"
