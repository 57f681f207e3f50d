"""Writing files so that a crash leaves the old content or the new, never a mixture."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file under a temporary name, flush it to the disk, then rename it; the folder is created if need be.

    `content` is the bytes, or pieces of them, so that a large file need never be in memory whole.
    Raises: OSError if it cannot be written; the file that was there before is then untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process is part of the name: two of them may fill one cache at the same time.
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
    if os.name == "posix":  # elsewhere a folder cannot be opened, and its entries are written with the file
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
