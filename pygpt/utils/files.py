"""Writes files atomically: a crash leaves the old content or the new, never a mixture."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file under a temporary name, flush it to the disk, then rename it; the folder is created if needed.

    `content` is bytes, or an iterable of them, so that a large file need not fit in memory.
    Raises: OSError if it cannot be written; an existing file is then unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name contains the process ID, because two processes can fill one cache at the same time.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with unfinished.open("wb") as file:
            file.writelines([content] if isinstance(content, (bytes, bytearray, memoryview)) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # elsewhere a folder cannot be opened, and its entries are flushed with the file
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
