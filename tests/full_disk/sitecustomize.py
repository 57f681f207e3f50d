"""A disk that refuses some writes, beneath Python's file functions: for tests in one process and in several.

Python imports this file in every process whose PYTHONPATH has its folder, a server's workers too; PYGPT_TEST_DISK is
then the folder whose writes are counted.
"""

import builtins
import errno
import io
import os
from pathlib import Path

_real = {name: getattr(os, name) for name in ("open", "fsync", "replace", "rename", "mkdir")}
_real_open = io.open


class Disk:
    """Counts every write below a folder, from 1, and refuses those from `first` to `last`.

    A write is whatever needs room: a new file or folder, content, a rename, a flush. What is refused in the middle of
    a file leaves half of the content there, as a real disk does. The numbers are kept in files beside the folder, so
    that all processes share them.
    """

    def __init__(self, folder: Path):
        self.folder = Path(os.path.realpath(folder))
        self._refused = self.folder.with_name(f"{self.folder.name}-refused")
        self._counted = self.folder.with_name(f"{self.folder.name}-counted")

    def refuse(self, first: int, last: int = 1 << 30) -> None:
        """Refuse the writes from `first` to `last`, counted from now; by default until `free`."""
        self._counted.write_bytes(b"")
        self._refused.write_text(f"{first} {last}")

    def free(self) -> int:
        """Refuse nothing any more. Returns the number of writes since `refuse`."""
        count = self._counted.stat().st_size
        self._refused.unlink()
        return count

    def check(self, path) -> None:
        """Count a write. Raises: OSError if it is refused."""
        if isinstance(path, int):
            path = os.readlink(f"/proc/self/fd/{path}")
        full = os.path.realpath(path)
        if not full.startswith(f"{self.folder}{os.sep}") and full != str(self.folder):
            return
        try:
            file = _real["open"](self._refused, os.O_RDONLY)
        except FileNotFoundError:
            return
        first, last = map(int, os.read(file, 100).split())
        os.close(file)
        file = _real["open"](self._counted, os.O_WRONLY | os.O_APPEND)
        os.write(file, b".")
        number = os.fstat(file).st_size
        os.close(file)
        if first <= number <= last:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    def install(self) -> None:
        """Put the disk beneath this process, until `remove`."""

        def opened(file, mode="r", *arguments, **options):
            if isinstance(file, int) or not set(mode) & set("wxa+"):
                return _real_open(file, mode, *arguments, **options)
            if not os.path.exists(file) or "w" in mode:
                self.check(file)
            return _File(_real_open(file, mode, *arguments, **options), file, self)

        def opened_by_number(path, flags, *arguments, **options):
            if flags & os.O_CREAT and not os.path.exists(path):
                self.check(path)
            return _real["open"](path, flags, *arguments, **options)

        def made(path, *arguments, **options):
            if not os.path.isdir(path):
                self.check(path)
            _real["mkdir"](path, *arguments, **options)

        def checked(name):
            def call(path, *arguments, **options):
                self.check(path)
                return _real[name](path, *arguments, **options)

            return call

        builtins.open = io.open = opened
        os.open, os.mkdir = opened_by_number, made
        os.fsync, os.replace, os.rename = checked("fsync"), checked("replace"), checked("rename")

    def remove(self) -> None:
        """Take the disk away from beneath this process."""
        builtins.open = io.open = _real_open
        for name, function in _real.items():
            setattr(os, name, function)


class _File:
    """A file that is open for writing."""

    def __init__(self, file, path, disk):
        self._file, self._path, self._disk = file, path, disk

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, data):
        try:
            self._disk.check(self._path)
        except OSError:
            self._file.write(data[: len(data) // 2])
            raise
        return self._file.write(data)

    def writelines(self, pieces):
        for piece in pieces:
            self.write(piece)


if "PYGPT_TEST_DISK" in os.environ:
    Disk(Path(os.environ["PYGPT_TEST_DISK"])).install()
