"""What runs in a process of its own: the lab's session, with this machine's files and devices."""

import asyncio
import contextlib
import json
import signal
import time
from pathlib import Path

import pygpt
from pygpt.analysis.device_choice import choose
from pygpt.data import DATASETS, is_task, load_text
from pygpt.devices import open_device, open_numpy
from pygpt.errors import CheckpointError, DataError
from pygpt.server.worker_process import Incoming, write
from pygpt.session.messages import encode
from pygpt.session.session import Session
from pygpt.utils.cache import Cache
from pygpt.utils.files import write_whole

MACHINE = "machine"  # the page's word for the device of the machine behind it


def is_built_in(name: str) -> bool:
    """Whether a name is that of a text we make or fetch ourselves, and no path."""
    return name in DATASETS or is_task(name)


class Site:
    """This machine, as a session sees it: the texts it has by name, and its devices.

    `choice` is the device of `pygpt serve --device`.
    """

    contents = {"version": pygpt.__version__, MACHINE: True}
    numpy = True
    texts = list(DATASETS)

    def __init__(self, choice: str):
        self.choice = choice
        # Where a session may choose the device that suits the model.
        self.automatic = (MACHINE, "auto") if choice == "auto" else ()

    async def load_text(self, name: str):
        """A built-in text or a task; never a file, whatever its name. Raises DataError."""
        if not is_built_in(name):
            raise DataError(f"there is no built-in text {name!r}; there are {', '.join(DATASETS)}")
        return load_text(name)

    async def open_device(self, choice: str):
        """Open the device that `pygpt serve` was told to use, or one by name. Raises DeviceError."""
        return open_device(self.choice if choice == MACHINE else choice)

    async def fitting_device(self, gpu, experiment):
        """The device that suits an experiment: a real GPU that is open, or NumPy for a small one."""

        async def open_cpu(why):
            return open_numpy(why)

        return await choose(gpu, open_cpu, experiment)


class Store(Cache):
    """The safety copy of a run: a file, and what it is of in another beside it. There is one session here, and one copy."""

    def __init__(self, folder: str):
        self.run = Path(folder) / "model.safetensors"
        self.about = Path(folder) / "about.json"

    async def begin(self, copy: str = "") -> None:
        """What comes from now on takes the place of what was kept."""

    async def keep(self, data: bytes, about: dict) -> bool:
        """Put a copy in place of the last one. Raises CheckpointError where there is no room; the last one is whole."""
        try:
            write_whole(self.run, data)
            write_whole(self.about, json.dumps(about | {"time": time.time()}).encode())
        except OSError as error:
            raise CheckpointError(
                f"{self.run} cannot be written ({error.strerror}); the copy before it is whole"
            ) from None
        return True

    async def find(self) -> list[dict]:
        """What the copy is of, its name as `copy`, and `seconds_ago`; or nothing if there is none."""
        try:
            about = json.loads(self.about.read_text(encoding="utf-8"))
            known = about | {"copy": self.run.name, "seconds_ago": max(0, time.time() - about["time"])}
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return [known] if self.run.is_file() else []

    async def parting(self, looked: int) -> bool:
        """Nobody else has the copy."""
        return False

    async def take(self, copy: str) -> bytes:
        """The copy. Raises CheckpointError if there is none."""
        try:
            return self.run.read_bytes()
        except OSError as error:
            raise CheckpointError(f"there is no safety copy to open: {error.strerror}") from None

    async def forget(self, copy: str) -> None:
        """Remove the copy, if there is one."""
        self.about.unlink(missing_ok=True)
        self.run.unlink(missing_ok=True)


def run_session(connection, folder: str, choice: str) -> None:
    """Obey the lab's commands until the line is closed; the safety copy lies in `folder`."""
    # Ctrl+C in a terminal reaches every process; it is the server that decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_obey(connection, folder, choice))


async def _obey(connection, folder, choice):
    def tell(event, data=None):
        # Without a server there is nobody to tell; the loop below ends us.
        with contextlib.suppress(OSError):
            write(connection, encode(event), data)

    session, under_way = Session(tell, Site(choice), Store(folder)), set()

    async def obey(command, data):
        kind = str(command.get("type"))
        try:
            await session.obey(command, data)
        except Exception as error:
            tell({"type": "error", "message": f"{type(error).__name__}: {error}", "field": "", "during": kind})
            raise

    incoming = Incoming(connection)
    while (item := await incoming.queue.get()) is not None:
        # Side by side, as in the tab: a Pause must be heard while a sample is written.
        task = asyncio.ensure_future(obey(*item))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
