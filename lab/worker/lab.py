"""The worker's side of the lab: PyScript starts this file, the page sends it commands, it sends events back.

The messages are declared in pygpt/session/messages.py. Here is only what needs a browser: the line to the page, the site's files, and
the store that outlives the tab. What is done with a command is in pygpt/session, which knows no browser.
"""

import json

from pyodide.ffi import to_js
from pyodide.http import pyfetch
from pyscript import sync


def emit(event, data: bytes | None = None) -> None:
    """Send an Event to the page, with bytes beside it or without, and do not wait for it to be read."""
    from pygpt.session.messages import encode

    if data is None:
        sync.event(encode(event.to_dict()))
    else:
        sync.event(encode(event.to_dict()), to_js(data))


class Site:
    """The folder the page came from, and what it holds."""

    automatic = ("auto",)  # the choices that leave it to a session to take the device that suits the model

    def __init__(self, root: str, contents: dict):
        self.root, self.contents = root, contents

    @property
    def texts(self) -> list[str]:
        """The names of the texts that can be had here."""
        return [
            "tales",
            "words",
            *(name for name in ("python", "shakespeare", "names") if name in self.contents["data"]),
        ]

    @property
    def numpy(self) -> bool:
        """Whether the NumPy device can be opened here."""
        return self.contents["numpy"] is not None

    async def load_text(self, name: str):
        """A built-in text: made here, or fetched from the site.

        Raises: DataError if it cannot be fetched, or is not the text it should be.
        """
        from pygpt.data import load_text, open_dataset_bytes
        from pygpt.errors import DataError
        from pygpt.session.messages import Loading

        about = self.contents["data"].get(name)
        if about is None:
            return load_text(name)
        emit(Loading(f"Fetching {name}", None, "text"))
        try:
            response = await pyfetch(self.root + about["file"])
            response.raise_for_status()
            return open_dataset_bytes(name, await response.bytes())
        except OSError as error:
            raise DataError(
                f"the text {name} could not be fetched from this site ({error}); try again, or choose another text"
            ) from None

    async def open_device(self, choice: str):
        """Open a device of the tab, bringing NumPy in if it is wanted and there. Raises DeviceError."""
        from pygpt.devices import open_device_in_tab

        return await open_device_in_tab(choice, self.bring_numpy if self.numpy else None)

    async def fitting_device(self, gpu, experiment):
        """The device that suits an experiment: a real GPU that is open, or NumPy for a small one."""
        from pygpt.analysis.device_choice import choose

        async def open_cpu(why):
            device = await self.open_device("numpy")
            device.why = why
            return device

        return await choose(gpu, open_cpu, experiment) if self.numpy else gpu

    async def bring_numpy(self) -> None:
        """Make NumPy importable. Raises DeviceError."""
        import numpy_wheel

        from pygpt.session.messages import Loading

        emit(Loading("Fetching NumPy", None, "device"))
        await numpy_wheel.ensure_numpy(self.root)


session = None


async def command(message: str, data=None) -> None:
    """Called by the page for each command; what goes wrong becomes an event."""
    global session
    wanted = json.loads(message)
    if wanted["type"] == "begin":
        # The engine is imported here, not above: if that fails, the page is there to say so.
        import opfs_store

        from pygpt.session.session import Session

        response = await pyfetch(wanted["site"] + "site.json")
        site = Site(wanted["site"], await response.json())
        session = Session(emit, site, opfs_store)
    await session.handle(wanted, data.to_bytes() if data is not None else None)


__export__ = ["command"]
