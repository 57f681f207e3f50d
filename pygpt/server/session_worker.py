"""The worker process that trains: the lab's session, with this machine's files and devices."""

import asyncio
import contextlib
import signal
import time
from pathlib import Path

from pygpt.analysis.device_choice import choose, open_native_cpu
from pygpt.data import DATASETS, is_built_in, load_text
from pygpt.devices import open_device
from pygpt.errors import DataError, PygptError
from pygpt.runs.disk_files import DiskFiles, OneFolder
from pygpt.runs.run_store import RunStore
from pygpt.server.names import make_folder, writing
from pygpt.server.worker_process import Incoming, write
from pygpt.session.events import encode
from pygpt.session.messages import Error
from pygpt.session.session import Session
from pygpt.utils.folder_lock import lock_folder
from pygpt.version import __version__

LOCK_SECONDS = 5.0  # seconds to wait for a folder that another process writes
SERVER = "machine"  # the page's name for the server's device


class Site:
    """This machine's built-in texts and devices, for a session.

    `choice` is the device of `pygpt serve --device`.
    """

    contents = {"version": __version__, SERVER: True}
    numpy = True
    texts = list(DATASETS)

    def __init__(self, choice: str):
        self.choice = choice
        # With these choices, the session selects the device that suits the model.
        self.automatic_choices = (SERVER, "auto") if choice == "auto" else ()

    async def load_text(self, name: str):
        """Load a built-in text or a task, never a file. Raises: DataError for any other name."""
        if not is_built_in(name):
            raise DataError(f"there is no built-in text {name!r}; choose from {', '.join(DATASETS)}")
        return load_text(name)

    async def open_device(self, choice: str):
        """Open the device of `pygpt serve --device`, or one by name. Raises: DeviceError if that fails."""
        return open_device(self.choice if choice == SERVER else choice)

    async def device_for(self, gpu, experiment):
        """The device that suits an experiment: a real GPU that is open, or NumPy for a small one."""
        return await choose(gpu, open_native_cpu, experiment)


def run_lab(connection, folder: str, choice: str) -> None:
    """Handle the lab's commands until the connection closes; its runs are in `folder`/runs."""
    _run(connection, folder, choice, RunStore(DiskFiles(Path(folder) / "runs"), checkpoints=True))


def run_model(connection, folder: str, choice: str) -> None:
    """Handle the commands of a job until the connection closes; its model is in `folder`."""
    path = Path(folder)
    _run(connection, folder, choice, RunStore(OneFolder(path), only=path.name))


def _run(connection, folder, choice, store):
    # Ctrl+C in a terminal signals every process, but the server decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_handle(connection, folder, choice, store))


async def _locked(folder):
    """Lock a folder. The worker of a server that was killed can hold it until its step is done."""
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return lock_folder(folder, "stop the other one")
        except PygptError:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(0.1)


async def _handle(connection, folder, choice, store):
    def send(message: dict, data=None):
        # If the server has closed the connection, the loop below ends this process.
        with contextlib.suppress(OSError):
            write(connection, encode(message), data)

    try:
        path = make_folder(Path(folder))
        with writing(path):
            held = await _locked(path)
    except PygptError as error:
        send(Error(str(error), "", "begin").to_dict())
        return
    session = Session(lambda event, data=None: send(event.to_dict(), data), Site(choice), store)
    tasks = set()

    incoming = Incoming(connection)
    while (item := await incoming.queue.get()) is not None:
        # Commands run concurrently, as in the tab: a Pause must take effect while a sample is generated.
        task = asyncio.ensure_future(session.handle(*item))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    held.close()
