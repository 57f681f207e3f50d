"""The worker of the lab: PyScript starts this file, the page sends it commands, and it sends events back.

This file contains only what needs a browser: the connection to the page, the site's files, and the store that outlives
the tab. pygpt/session declares the messages and carries out the commands; it runs without a browser.
"""

import json

from event_loop import coalesce_wake_ups
from fetching import fetch_bytes
from pyodide.ffi import to_js
from pyscript import sync

coalesce_wake_ups()


def emit(event, data: bytes | None = None) -> None:
    """Send an Event to the page, with optional bytes beside it, without waiting for the page to read it."""
    from pygpt.session.events import encode

    if data is None:
        sync.event(encode(event.to_dict()))
    else:
        sync.event(encode(event.to_dict()), to_js(data))


class Site:
    """The folder that the page was loaded from, and its contents."""

    automatic_choices = ("auto",)  # the choices with which a session selects the device that suits the model

    def __init__(self, root: str, contents: dict):
        self.root, self.contents = root, contents

    @property
    def texts(self) -> list[str]:
        """The names of the texts that are available here."""
        from pygpt.data import DATASETS

        served = self.contents["data"]
        return [
            name for name, dataset in DATASETS.items() if name in served or (dataset.make and dataset.available_in_tab)
        ]

    @property
    def numpy(self) -> bool:
        """Whether the NumPy device can be opened here."""
        return self.contents["numpy"] is not None

    async def load_text(self, name: str):
        """A built-in text, generated here or fetched from the site.

        Raises: DataError if it cannot be fetched, or differs from the expected text.
        """
        from pygpt.data import load_text, open_dataset_bytes
        from pygpt.errors import DataError
        from pygpt.session.messages import Loading

        entry = self.contents["data"].get(name)
        if entry is None:
            return load_text(name)
        emit(Loading(f"Fetching {name}", None, "text"))
        try:
            return open_dataset_bytes(name, await fetch_bytes(self.root + entry["file"]))
        except OSError as error:
            raise DataError(f"the text {name} did not arrive: {error}; try again, or choose another text") from None

    async def open_device(self, choice: str):
        """Open a device of the tab, loading NumPy if needed and available. Raises: DeviceError if that fails."""
        from pygpt.devices import open_device_in_tab

        return await open_device_in_tab(choice, self.load_numpy if self.numpy else None)

    async def device_for(self, gpu, experiment):
        """The device that suits an experiment: the open GPU, or NumPy for a small model."""
        from pygpt.analysis.device_choice import choose

        async def open_cpu(why):
            device = await self.open_device("numpy")
            device.why = why
            return device

        return await choose(gpu, open_cpu, experiment) if self.numpy else gpu

    async def load_numpy(self) -> None:
        """Make NumPy importable. Raises: DeviceError if it cannot be loaded."""
        import numpy_wheel

        from pygpt.session.messages import Loading

        emit(Loading("Fetching NumPy", None, "device"))
        await numpy_wheel.ensure_numpy(self.root)


session = None


async def begin(root: str) -> None:
    """Create the session. `root` is the URL of the folder that the page was loaded from."""
    global session
    # Imported here, so that the page is running and can show an error if the import fails.
    import opfs_files

    from pygpt.runs.run_store import RunStore
    from pygpt.session.session import Session

    site = Site(root, json.loads(await fetch_bytes(root + "site.json")))
    session = Session(emit, site, RunStore(opfs_files, checkpoints=True))


async def command(message: str, data=None) -> None:
    """Handle a command from the page; an error is sent back as an event."""
    await session.handle(json.loads(message), data.to_bytes() if data is not None else None)


__export__ = ["begin", "command"]
