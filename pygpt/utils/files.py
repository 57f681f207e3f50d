"""Writes files so that neither a crash nor a full disk leaves a mixture of old and new content.

Every file of a run, the cache and the server is written by these functions, so a test can refuse each write in turn.
"""

import contextlib
import errno
import io
import os
import re
import stat
from collections.abc import Container, Iterable
from pathlib import Path

LONGEST_NAME = 100  # bytes that `file_name` keeps; most file systems take 255, and a number or an ending can follow
# What a name may not have on some system, or would confuse a terminal: separators, wildcards and what cannot be shown.
_UNSAFE = re.compile(r'[/\\:*?"<>|]+')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # names that Windows reserves
_UNFINISHED = re.compile(r"(?P<name>.+)\.\d+(-[0-9a-f]{8})?\.new")  # earlier versions wrote the process ID alone


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file under a temporary name, flush it to the disk, then rename it; the folder is created if needed.

    `content` is bytes, or an iterable of them, so that a large file need not fit in memory.
    Raises: OSError if it cannot be written; an existing file is then unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two processes, or two threads of one, can write one file at the same time.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.new")
    try:
        with unfinished.open("xb") as file:
            file.writelines([content] if isinstance(content, (bytes, bytearray, memoryview)) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    # The new content is in place. If its name cannot be flushed, only a power failure could bring the old one back.
    # Windows cannot open a folder, and flushes its entries with the file.
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def append(path: Path, content: bytes) -> None:
    """Add to a file, all of `content` or, after an error, nothing. Raises: OSError."""
    with path.open("ab", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        try:
            written = 0
            while written < len(content):
                written += file.write(content[written:])
        except BaseException:
            file.truncate(size)
            raise


def file_name(name: str) -> str:
    """A name from a file or a person as one component of a path, on every system: neither absolute, hidden, nor "..".

    What does not fit becomes "-". It is "" if nothing is left, as of "..".
    """
    shown = "".join(character if character.isprintable() else "-" for character in name)
    cut = _UNSAFE.sub("-", shown).encode()[:LONGEST_NAME].decode(errors="ignore")
    safe = cut.strip(" .-")
    return f"{safe}-" if _DEVICES.fullmatch(safe) else safe


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for reading. Raises: OSError, also for a folder, and for a pipe or a device, which may never end."""
    # Opening a pipe waits for its writer, unless told not to.
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0)))
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is not a file with content, but a pipe or a device")
    return file


def remove_unfinished(folder: Path, names: Container[str] | None = None) -> None:
    """Remove what killed processes left of `write_atomically`. Only for the process that holds the folder's lock.

    In a folder where a user can have files of their own, `names` are the files that are written here.
    """
    for path in folder.iterdir():
        unfinished = _UNFINISHED.fullmatch(path.name)
        if unfinished and (names is None or unfinished["name"] in names):
            with contextlib.suppress(OSError):
                path.unlink()
