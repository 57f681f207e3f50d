"""The memory that this process can use."""

import contextlib
import os
import sys
from pathlib import Path


def usable_memory() -> int | None:
    """Three quarters of the machine's memory, or of what a container allows; None if unknown. At most 2 GiB in a 32-bit
    tab."""
    if sys.platform == "emscripten":
        return min(2 * 2**30, tab_memory() or 2 * 2**30)
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
    with contextlib.suppress(ValueError, OSError):  # no limit ("max"), or no container
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total * 3 // 4


def tab_memory() -> int | None:
    """Bytes that the tab can use, on the GPU too; None if the browser does not say."""
    from js import navigator

    return browser_memory(str(navigator.userAgent), getattr(navigator, "deviceMemory", None))


def browser_memory(user_agent: str, gibibytes: float | None) -> int | None:
    """Bytes that a page can use in a browser with this user agent, which reports so much memory of the machine.

    iOS ends a page at about 1 GB, in every browser, and reports nothing. Browsers that report 8 GiB mean at least that.
    """
    if any(phone in user_agent for phone in ("iPhone", "iPad", "iPod")):
        return 2**30
    if gibibytes and gibibytes < 8:
        return int(gibibytes * 2**30) * 3 // 4
    return None
