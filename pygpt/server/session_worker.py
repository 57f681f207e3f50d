"""What runs in a process of its own: the lab's session, with this machine's files and devices."""

import asyncio
import contextlib
import signal

from pygpt.analysis.device_choice import choose
from pygpt.data import DATASETS, is_task, load_text
from pygpt.devices import open_device, open_numpy
from pygpt.errors import DataError
from pygpt.runs.run_store import FolderStore
from pygpt.server.worker_process import Incoming, write
from pygpt.session.messages import Error, encode
from pygpt.session.session import Session
from pygpt.version import __version__

MACHINE = "machine"  # the page's word for the device of the machine behind it


def is_built_in(name: str) -> bool:
    """Whether a name is that of a text we make or fetch ourselves, and no path."""
    return name in DATASETS or is_task(name)


class Site:
    """This machine, as a session sees it: the texts it has by name, and its devices.

    `choice` is the device of `pygpt serve --device`.
    """

    contents = {"version": __version__, MACHINE: True}
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


def run_session(connection, folder: str, choice: str) -> None:
    """Handle the lab's commands until the line is closed; the safety copy lies in `folder`."""
    # Ctrl+C in a terminal reaches every process; it is the server that decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_handle(connection, folder, choice))


async def _handle(connection, folder, choice):
    def send(message: dict, data=None):
        # Without a server there is nobody to send to; the loop below ends us.
        with contextlib.suppress(OSError):
            write(connection, encode(message), data)

    session = Session(lambda event, data=None: send(event.to_dict(), data), Site(choice), FolderStore(folder))
    under_way = set()

    async def handle(command, data):
        kind = str(command.get("type"))
        try:
            await session.handle(command, data)
        except Exception as error:
            send(Error(f"{type(error).__name__}: {error}", "", kind).to_dict())
            raise

    incoming = Incoming(connection)
    while (item := await incoming.queue.get()) is not None:
        # Side by side, as in the tab: a Pause must be heard while a sample is written.
        task = asyncio.ensure_future(handle(*item))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
