"""The safety copy of a run, in the browser's private file system (OPFS), for when the tab closes or the power fails.

Small texts are kept there too. A copy is written to a new file which then takes the old one's place, so that there is a whole one at any moment.
"""

import contextlib
import json
import time

import js
from pyodide.ffi import JsException, to_js

RUN, ABOUT = "run.safetensors", "run.json"


async def keep(data: bytes, about: dict) -> bool:
    """Put a copy in place of the last one. False where the browser has no room or no such store: training goes on."""
    try:
        root = await js.navigator.storage.getDirectory()
        await _write(root, RUN, data)
        await _write(root, ABOUT, json.dumps(about | {"size": len(data), "time": time.time()}).encode())
    except (JsException, AttributeError):
        # A private window without a store, a full disk, or another tab of the lab writing at this moment.
        return False
    return True


async def find() -> dict | None:
    """What the copy is of (what `keep` was told, and `seconds_ago`), or None if there is none."""
    try:
        root = await js.navigator.storage.getDirectory()
        about = json.loads(await _read(root, ABOUT))
        size = (await (await root.getFileHandle(RUN)).getFile()).size
    except (JsException, AttributeError, ValueError):
        return None
    # The two files are replaced one after the other; a tab that closed in between leaves an odd pair.
    return about | {"seconds_ago": max(0, time.time() - about["time"])} if size == about["size"] else None


async def take() -> bytes:
    """The copy. Raises JsException if there is none."""
    return await _read(await js.navigator.storage.getDirectory(), RUN)


async def forget() -> None:
    """Remove the copy, if there is one."""
    # No such file, or a browser without the store: there is nothing to remove.
    with contextlib.suppress(JsException, AttributeError):
        root = await js.navigator.storage.getDirectory()
        await root.removeEntry(ABOUT)
        await root.removeEntry(RUN)


async def recall(name: str) -> str:
    """The small text that was remembered under a name, or "" if there is none."""
    try:
        return (await _read(await js.navigator.storage.getDirectory(), name)).decode()
    except (JsException, AttributeError, ValueError):
        return ""


async def remember(name: str, text: str) -> None:
    """Keep a small text under a name for later visits, where the browser has such a store."""
    with contextlib.suppress(JsException, AttributeError):
        await _write(await js.navigator.storage.getDirectory(), name, text.encode())


async def _read(root, name: str) -> bytes:
    file = await (await root.getFileHandle(name)).getFile()
    return (await file.arrayBuffer()).to_bytes()


async def _write(root, name: str, data: bytes) -> None:
    handle = await root.getFileHandle(f"{name}.new", create=True)
    access = await handle.createSyncAccessHandle()
    try:
        access.truncate(0)
        access.write(to_js(data))
        access.flush()
    finally:
        access.close()
    await handle.move(name)
