"""The folders of runs on a disk, for a RunStore: one folder holds them all."""

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from pygpt.errors import CheckpointError, PygptError
from pygpt.runs.layout import ABOUT_FILE, EXPERIMENT_FILE, METRICS_FILE, MODEL_FILE, TOKENIZER_FILE
from pygpt.runs.run_folder import writing
from pygpt.utils.cache import Cache
from pygpt.utils.files import append, open_regular, write_atomically
from pygpt.utils.folder_lock import lock_folder


class DiskFiles(Cache):
    """The folders in `root`. Small texts are in the cache folder."""

    private = False  # a user can have other folders there
    appends_at_once = True  # a line of a log is written when it comes

    def __init__(self, root: Path):
        self.root = root
        self.held: dict[str, contextlib.ExitStack] = {}  # the locks of the folders claimed here

    async def names(self) -> set[str]:
        """The names of all folders."""
        with contextlib.suppress(OSError):
            return {path.name for path in self.root.iterdir() if path.is_dir()}
        return set()

    async def claim(self, folder: str) -> bool:
        """Create a folder if needed, and lock it. Returns False if another session holds it.

        Raises: CheckpointError if it cannot be created.
        """
        path = self.root / folder
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
            try:
                self.held[folder] = lock_folder(path, "")
            except PygptError:
                return False
            except OSError:
                with contextlib.suppress(OSError):
                    path.rmdir()  # unless a run is in it
                raise
        return True

    async def release(self, folder: str) -> None:
        """End a claim."""
        if held := self.held.pop(folder, None):
            held.close()

    async def claimed(self) -> set[str]:
        """The folders that other sessions hold: none is known, because a server has one session."""
        return set()

    async def read(self, folder: str, file: str, start: int = 0, end: int | None = None) -> bytes:
        """The content of a file, or the bytes from `start` to `end`.

        Raises: FileNotFoundError, or CheckpointError if it cannot be read.
        """
        try:
            with open_regular(self.root / folder / file) as opened:
                opened.seek(start)
                return opened.read() if end is None else opened.read(end - start)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise CheckpointError(f"{self.root / folder / file} cannot be read ({error.strerror})") from None

    async def read_all(self, file: str) -> dict[str, bytes]:
        """The content of the file of this name in each folder that has one."""
        found = {}
        for folder in await self.names():
            with contextlib.suppress(FileNotFoundError, CheckpointError):
                found[folder] = await self.read(folder, file)
        return found

    async def write(self, folder: str, file: str, data: bytes) -> None:
        """Replace a file. Raises: CheckpointError if it cannot be written; the old one is then intact."""
        path = self.root / folder / file
        with writing(path):
            write_atomically(path, data)

    async def append(self, folder: str, file: str, data: bytes) -> None:
        """Add to a file. Raises: CheckpointError if it cannot be written; nothing is then added."""
        path = self.root / folder / file
        with writing(path):
            append(path, data)

    async def read_beside(self, file: str) -> str:
        """The text of a file beside the folders, or "" if there is none."""
        with contextlib.suppress(OSError, ValueError):
            return (self.root / file).read_text(encoding="utf-8")
        return ""

    async def write_beside(self, file: str, text: str) -> None:
        """Replace a file beside the folders, if the disk has room."""
        with contextlib.suppress(OSError):
            write_atomically(self.root / file, text.encode())

    async def remove(self, folder: str) -> None:
        """Remove a folder with all its files."""
        await asyncio.to_thread(shutil.rmtree, self.root / folder, ignore_errors=True)

    async def sizes(self, folder: str, inside: str) -> dict[str, int]:
        """The names and the bytes of the files in a folder `inside` a folder; {} if there is none."""
        with contextlib.suppress(OSError):
            return {path.name: path.stat().st_size for path in (self.root / folder / inside).iterdir()}
        return {}

    async def remove_file(self, folder: str, file: str) -> None:
        """Remove a file, if it is there and the system allows that."""
        with contextlib.suppress(OSError):
            (self.root / folder / file).unlink(missing_ok=True)

    async def take_over(self, create: Callable[[str], Awaitable[str]]) -> None:
        """Make a run of what earlier versions kept in the folder above, under the name that `create` returns."""
        old = self.root.parent
        if not (old / MODEL_FILE).is_file():
            return
        folder = await create("run")
        with writing(self.root / folder):
            # The checkpoint last: until it is moved, the next start takes the run over.
            for file in (EXPERIMENT_FILE, METRICS_FILE, TOKENIZER_FILE, ABOUT_FILE, MODEL_FILE):
                with contextlib.suppress(FileNotFoundError):
                    (old / file).replace(self.root / folder / file)
        await self.release(folder)

    async def wait_for_closing_tabs(self, attempt: int) -> bool:
        """Return False: no other session uses the folders, so there is nothing to wait for."""
        return False


class OneFolder(DiskFiles):
    """The folder of one run, which the caller has locked."""

    def __init__(self, folder: Path):
        super().__init__(folder.parent)
        self.name = folder.name

    async def names(self) -> set[str]:
        """The name of the folder."""
        return {self.name}

    async def claim(self, folder: str) -> bool:
        """Return True: the caller holds the lock."""
        return True

    async def take_over(self, create: Callable[[str], Awaitable[str]]) -> None:
        """Do nothing: the folder above is not that of an earlier version."""
