"""The safety copies of runs, in the browser's private file system (OPFS), for when a tab closes or the power fails.

Each run has a copy under a name of its own, run-<what no other has>.safetensors with a .json beside it that says what it is.
(A copy of before there were several is called run alone.) Its tab holds a lock of that name: so no two tabs write one copy,
and only those are offered, and removed for want of room, whose tab is gone. Small texts are kept here too. What is written
goes to a new file which then takes the old one's place, so that there is a whole one at any moment.
"""

import asyncio
import contextlib
import errno
import json
import time
import uuid

import js
from pyodide.ffi import JsException, create_once_callable, to_js

from pygpt.errors import CheckpointError

NAME, DATA, ABOUT = "run", ".safetensors", ".json"
MOST = 5  # copies without a tab that stay, the newest of them
MOST_BYTES = 1 << 30  # and how much they take together; the newest stays whatever it takes
# Seconds after which to look again whether the tab that this one takes the place of is gone: Chromium ends a busy worker
# after two, and a busy machine later.
PARTING = (2.5, 2.5, 5.0, 10.0)

own = ""  # the name of this tab's copy
release = None  # gives its lock back


async def begin(run, copy: str = "") -> None:
    """Keep what comes from now on under a name of its own, or go on with a copy unless another tab does so already."""
    global own, release
    if release is not None:
        release()
    for own in filter(None, (copy, f"{NAME}-{uuid.uuid4()}")):
        granted, release = await _lock(own)
        if granted:
            return


async def log(metrics, every: int) -> None:
    """Nothing: the copy of a run carries its loss curve."""


async def keep(data: bytes, about: dict) -> bool:
    """Put a copy of the run in place of its last one. False where the browser has no room or no such store: training goes on."""
    try:
        root = await js.navigator.storage.getDirectory()
        others = await _closed(root)
        while not await _fits(root, data, about):
            # How much room there is nobody says (Chromium's estimate is always 10 GB): none goes where all would be too little.
            if not others or sum(other["bytes"] for other in others) < len(data):
                return False
            await _remove(root, others.pop()["copy"])
        taken = 0
        for index, other in enumerate(others):
            taken += other["bytes"]
            if index >= MOST or (index and taken > MOST_BYTES):
                await _remove(root, other["copy"])
    except (JsException, AttributeError):
        # A private window without a store.
        return False
    return True


async def find() -> list[dict]:
    """The copies whose tab is gone, newest first: what `keep` was told, `copy` to ask for it by, and `seconds_ago`."""
    try:
        root = await js.navigator.storage.getDirectory()
        return [about | {"seconds_ago": max(0, time.time() - about["time"])} for about in await _closed(root)]
    except (JsException, AttributeError):
        return []


async def parting(looked: int) -> bool:
    """Wait a while for other tabs of the lab to be gone. False if there is none, or after so many looks it must be there to stay."""
    if looked >= len(PARTING) or not await _open_elsewhere():
        return False
    await asyncio.sleep(PARTING[looked])
    return True


async def take(copy: str) -> bytes:
    """A copy. Raises: CheckpointError if it is not there any more."""
    try:
        return await _read(await js.navigator.storage.getDirectory(), copy + DATA)
    except JsException:
        raise CheckpointError("this copy is gone; another tab of the lab has removed it") from None


async def forget(copy: str) -> None:
    """Remove a copy, if it is there and no tab goes on with it."""
    # A browser without the store: there is nothing to remove.
    with contextlib.suppress(JsException, AttributeError):
        if copy not in await _open_elsewhere():
            await _remove(await js.navigator.storage.getDirectory(), copy)


async def recall(name: str) -> str:
    """The small text that was remembered under a name, or "" if there is none."""
    try:
        return (await _read(await js.navigator.storage.getDirectory(), name)).decode()
    except (JsException, AttributeError, ValueError):
        return ""


async def remember(name: str, text: str) -> None:
    """Keep a small text under a name for later visits, where the browser has such a store."""
    with contextlib.suppress(JsException, AttributeError, OSError):
        await _write(await js.navigator.storage.getDirectory(), name, text.encode())


async def _lock(name: str):
    """Ask for a lock that ends with this tab: (whether it was granted, a function that gives it back).

    Where there are no locks, or none for this page, everything is granted: a new name is one that no other tab has.
    """
    answer = asyncio.get_running_loop().create_future()

    def granted(lock):
        held = js.Promise.withResolvers()
        answer.set_result((bool(lock), held.resolve))
        return held.promise if lock else None

    def refused(error):
        if not answer.done():
            answer.set_result((True, None))

    try:
        js.navigator.locks.request(name, to_js({"ifAvailable": True}), create_once_callable(granted)).catch(refused)
    except AttributeError:
        refused(None)
    return await answer


async def _open_elsewhere() -> set[str]:
    """The names of the copies that other tabs write."""
    try:
        held = (await js.navigator.locks.query()).held
    except AttributeError:
        return set()
    return {lock.name for lock in held} - {own}


async def _closed(root) -> list[dict]:
    """What is known of the copies whose tab is gone, newest first."""
    names = {entry.name.partition(".")[0] async for entry in root.values()}
    found = []
    for copy in (
        {name for name in names if name == NAME or name.startswith(f"{NAME}-")} - await _open_elsewhere() - {own}
    ):
        try:
            about = json.loads(await _read(root, copy + ABOUT))
            size = (await (await root.getFileHandle(copy + DATA)).getFile()).size
        except (JsException, ValueError) as error:
            if getattr(error, "name", "") == "NotFoundError":  # the remains of a first copy that was not finished
                await _remove(root, copy)
        else:
            found.append(about | {"copy": copy, "bytes": size})
    return sorted(found, key=lambda about: -about["time"])


async def _remove(root, copy: str) -> None:
    for name in [entry.name async for entry in root.values() if entry.name.partition(".")[0] == copy]:
        with contextlib.suppress(JsException):  # another tab was faster
            await root.removeEntry(name)


async def _fits(root, data: bytes, about: dict) -> bool:
    """Write the own copy. False if there is no room for it."""
    try:
        await _write(root, own + DATA, data)
        await _write(root, own + ABOUT, json.dumps(about | {"time": time.time()}).encode())
    except OSError:
        return False
    except JsException as error:
        # Thrown rather than rejected with, it has no name of its own here (Pyodide 314), and only its text says what it is.
        if "QuotaExceededError" not in f"{error.name} {error}":
            raise
        return False
    return True


async def _read(root, name: str) -> bytes:
    file = await (await root.getFileHandle(name)).getFile()
    return (await file.arrayBuffer()).to_bytes()


async def _write(root, name: str, data: bytes) -> None:
    handle = await root.getFileHandle(f"{name}.new", create=True)
    access = await handle.createSyncAccessHandle()
    try:
        access.truncate(0)
        written = access.write(to_js(data))
        access.flush()
    finally:
        access.close()
    # On a full disk Chromium (156) throws nothing: it says that 2**32 - 8 bytes were written.
    if written != len(data):
        await root.removeEntry(handle.name)
        raise OSError(errno.ENOSPC, "the disk is full")
    await handle.move(name)
