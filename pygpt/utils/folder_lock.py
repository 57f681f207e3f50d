"""Keeps two processes from writing in one folder. A tab has no locks."""

import contextlib
import os
import sys
from pathlib import Path

from pygpt.errors import PygptError

LOCK_FILE = ".lock"
_LOCKED_BYTE = 1 << 30  # beyond the content, because Windows lets nobody read a byte that is locked


def lock_folder(folder: Path, instead: str) -> contextlib.ExitStack:
    """Lock a folder until the result is closed, or the process ends in any way.

    The lock belongs to the operating system, so the file that a dead process leaves behind locks nothing. A file system
    without locks locks nothing either. `instead` ends the error: "choose another folder".
    Raises: PygptError if another process, or another part of this one, holds the lock; OSError if the file cannot be
    created.
    """
    path = folder / LOCK_FILE
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    held = contextlib.ExitStack()
    held.callback(os.close, file)
    try:
        _lock(file)
    except (BlockingIOError, PermissionError):
        held.close()
        raise PygptError(
            f"the folder {folder} is in use by another pygpt{_holder(path)}: wait until it has ended, or {instead}"
        ) from None
    except (ImportError, OSError):  # Python in a tab has no fcntl
        return held
    with contextlib.suppress(OSError):  # a full disk: the lock holds without the number
        os.truncate(file, 0)
        os.write(file, str(os.getpid()).encode())
    return held


def _lock(file: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(path: Path) -> str:
    with contextlib.suppress(OSError, ValueError):
        return f" (process {int(path.read_bytes())})"
    return ""
