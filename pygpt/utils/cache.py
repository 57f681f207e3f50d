"""The cache folder: files that save work in later runs on this machine and can be deleted at any time."""

import contextlib
import os
from pathlib import Path

from pygpt.utils.files import write_atomically


def cache_folder() -> Path:
    """The folder in the environment variable PYGPT_CACHE, or by default the user's cache folder."""
    folder = os.environ.get("PYGPT_CACHE")
    if folder:
        return Path(os.path.expanduser(folder))
    import platformdirs

    return Path(platformdirs.user_cache_dir("pygpt"))


class Cache:
    """Small texts by name, in the cache folder."""

    async def recall(self, name: str) -> str:
        """The text stored under a name, or "" if there is none."""
        with contextlib.suppress(OSError, ValueError):
            return (cache_folder() / name).read_text(encoding="utf-8")
        return ""

    async def remember(self, name: str, text: str) -> None:
        """Store a text under a name, if the folder can be written."""
        with contextlib.suppress(OSError):
            write_atomically(cache_folder() / name, text.encode())
