"""The memory that this process can use."""

import contextlib
import os
import sys
from pathlib import Path


def usable_memory() -> int | None:
    """Three quarters of the machine's memory, or of what a container allows; 2 GiB in a 32-bit tab; None if unknown."""
    if sys.platform == "emscripten":
        return 2 * 2**30
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
    with contextlib.suppress(ValueError, OSError):  # no limit ("max"), or no container
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total * 3 // 4
