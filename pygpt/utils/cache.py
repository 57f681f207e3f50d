"""What is worth remembering between two runs on this machine, and no loss if it is gone: files in the cache folder."""

import contextlib
import os
from pathlib import Path

from pygpt.utils.files import write_atomically


def cache_folder() -> Path:
    """The folder PYGPT_CACHE, or else the user's cache folder."""
    chosen = os.environ.get("PYGPT_CACHE")
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("pygpt"))


class Cache:
    """Small texts by name, in the folder that data sets are kept in."""

    async def recall(self, name: str) -> str:
        """The text that was remembered under a name, or "" if there is none."""
        with contextlib.suppress(OSError, ValueError):
            return (cache_folder() / name).read_text(encoding="utf-8")
        return ""

    async def remember(self, name: str, text: str) -> None:
        """Keep a text under a name, where the folder can be written."""
        with contextlib.suppress(OSError):
            write_atomically(cache_folder() / name, text.encode())
