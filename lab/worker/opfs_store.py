"""Safety copies of runs in the browser's private file system (OPFS), in case a tab closes or the power fails.

Each run has one copy, run-<unique id>.safetensors, described by a .json file beside it. (Earlier versions kept one
copy, called run.) The run's tab holds a lock of that name, so two tabs never write the same copy. Only copies whose tab
is closed are offered, or removed to make room. Small texts are stored here too. A write goes to a new file that then
replaces the old one, so that a complete file exists at any moment.
"""

import asyncio
import contextlib
import errno
import json
import re
import time
import uuid

import js
from pyodide.code import run_js
from pyodide.ffi import JsException, create_once_callable, to_js

from pygpt.errors import CheckpointError
from pygpt.utils.units import format_bytes

NAME, DATA, ABOUT = "run", ".safetensors", ".json"
COPY = re.compile(rf"{NAME}(-[A-Za-z0-9-]+)?")  # the names of copies
PIECE = 1 << 24  # bytes written at once
MAX_COPIES = 5  # number of copies from closed tabs to keep; older ones are removed
MAX_BYTES = 1 << 30  # limit on their total size; the newest stays whatever its size
# Seconds to wait before each check whether the tab that this one replaces has closed: Chromium ends a busy worker after
# two seconds, or later on a busy machine.
CLOSING_WAITS = (2.5, 2.5, 5.0, 10.0)

own_copy = ""  # the name of this tab's copy
release_lock = None  # releases its lock


async def begin(run, copy: str = "") -> None:
    """Choose where `keep` stores the run: the given copy unless another tab writes it, otherwise a new one."""
    global own_copy, release_lock
    if release_lock is not None:
        release_lock()
    for own_copy in filter(None, (copy, f"{NAME}-{uuid.uuid4()}")):
        granted, release_lock = await _lock(own_copy)
        if granted:
            return


async def resume(run) -> None:
    """Do nothing: a run's copy contains its experiment and its loss curve."""


def is_current(copy: str) -> bool:
    """Whether the current run is kept in this copy."""
    return copy == own_copy


async def log(metrics, every: int) -> None:
    """Do nothing: a run's copy contains its loss curve."""


async def keep(data: bytes, about: dict) -> None:
    """Replace the run's copy. Raises: CheckpointError if the browser has no room or no OPFS; the last one is intact."""
    try:
        root = await js.navigator.storage.getDirectory()
        others = await _closed_copies(root)
        while not await _write_own(root, data, about):
            # The free space is unknown (Chromium estimates 10 GB always). Remove none if all would not be enough.
            if not others or sum(other["bytes"] for other in others) < len(data):
                raise CheckpointError(f"this browser has no room for {format_bytes(len(data))} of files of this site")
            await _remove(root, others.pop()["copy"])
        total = 0
        for index, other in enumerate(others):
            total += other["bytes"]
            if index >= MAX_COPIES or (index and total > MAX_BYTES):
                await _remove(root, other["copy"])
    except AttributeError:
        raise CheckpointError("this browser, or this private window, keeps no files of this site") from None
    except JsException as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"this browser does not let this site keep files ({reason})") from None


async def find() -> list[dict]:
    """The copies whose tab is closed, newest first: `about` as passed to `keep`, the name `copy`, and `seconds_ago`."""
    try:
        root = await js.navigator.storage.getDirectory()
        return [about | {"seconds_ago": max(0, time.time() - about["time"])} for about in await _closed_copies(root)]
    except (JsException, AttributeError):
        return []


async def wait_for_closing_tabs(attempt: int) -> bool:
    """Wait for other tabs of the lab to close. Returns False if there is none, or after len(CLOSING_WAITS) attempts."""
    if attempt >= len(CLOSING_WAITS) or not await _open_elsewhere():
        return False
    await asyncio.sleep(CLOSING_WAITS[attempt])
    return True


async def read_copy(copy: str) -> bytes:
    """The bytes of a copy. Raises: CheckpointError if the copy was removed, or no copy can have this name."""
    _check_name(copy)
    try:
        return await _read(await js.navigator.storage.getDirectory(), copy + DATA)
    except JsException:
        raise CheckpointError("this copy is gone: it was removed here or in another tab of the lab") from None


async def delete_copy(copy: str) -> None:
    """Remove a copy if it exists and no other tab writes it. Raises: CheckpointError if no copy can have this name."""
    _check_name(copy)
    # Without OPFS there is nothing to remove.
    with contextlib.suppress(JsException, AttributeError):
        if copy not in await _open_elsewhere():
            await _remove(await js.navigator.storage.getDirectory(), copy)


def _is_copy(name: str) -> bool:
    return COPY.fullmatch(name) is not None


def _check_name(copy: str) -> None:
    # Other files, such as the small texts, are no copies.
    if not _is_copy(copy):
        raise CheckpointError(f"there is no safety copy {copy[:80]!r}; choose one of those that `found` lists")


async def recall(name: str) -> str:
    """The small text stored under a name, or "" if there is none."""
    try:
        return (await _read(await js.navigator.storage.getDirectory(), name)).decode()
    except (JsException, AttributeError, ValueError):
        return ""


async def remember(name: str, text: str) -> None:
    """Store a small text under a name for later visits, if the browser has OPFS."""
    with contextlib.suppress(JsException, AttributeError, OSError):
        await _write(await js.navigator.storage.getDirectory(), name, text.encode())


async def _lock(name: str):
    """Request a lock that ends with this tab. Returns whether it was granted, and a function that releases it.

    Without locks in this browser or page every request is granted: no other tab has the same new name.
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
    except (AttributeError, JsException):  # no locks in this browser, or none for this page
        return set()
    return {lock.name for lock in held} - {own_copy}


async def _closed_copies(root) -> list[dict]:
    """The descriptions of the copies whose tab is closed, newest first."""
    names = {entry.name.partition(".")[0] async for entry in root.values()}
    copies = []
    for copy in {name for name in names if _is_copy(name)} - await _open_elsewhere() - {own_copy}:
        try:
            about = json.loads(await _read(root, copy + ABOUT))
            size = (await (await root.getFileHandle(copy + DATA)).getFile()).size
        except (JsException, ValueError) as error:
            if getattr(error, "name", "") == "NotFoundError":  # the rest of a first copy that was not completed
                await _remove(root, copy)
        else:
            copies.append(about | {"copy": copy, "bytes": size})
    return sorted(copies, key=lambda about: -about["time"])


async def _remove(root, copy: str) -> None:
    for name in [entry.name async for entry in root.values() if entry.name.partition(".")[0] == copy]:
        with contextlib.suppress(JsException):  # another tab removed it first
            await root.removeEntry(name)


async def _write_own(root, data: bytes, about: dict) -> bool:
    """Write this tab's copy. Returns False if there is no room for it."""
    try:
        await _write(root, own_copy + DATA, data)
        await _write(root, own_copy + ABOUT, json.dumps(about | {"time": time.time()}).encode())
    except OSError:
        return False
    except JsException as error:
        # A thrown error, unlike a rejection, has no usable name (Pyodide 314); only its text identifies it.
        if "QuotaExceededError" not in f"{error.name} {error}":
            raise
        return False
    return True


async def _read(root, name: str) -> bytes:
    file = await (await root.getFileHandle(name)).getFile()
    return (await file.arrayBuffer()).to_bytes()


# Pyodide 314 cannot raise the QuotaExceededError of a promise: whoever awaits it would wait for ever. So these two
# reject with a plain Error.
_open_for_writing, _rename = run_js("""
  const plain = (error) => { throw new Error(`${error.name}: ${error.message}`); };
  const open = async (root, name) => (await root.getFileHandle(name, { create: true })).createSyncAccessHandle();
  const rename = async (root, name, to) => (await root.getFileHandle(name)).move(to);
  [(root, name) => open(root, name).catch(plain), (root, name, to) => rename(root, name, to).catch(plain)];
""")


async def _write(root, name: str, data: bytes) -> None:
    access = await _open_for_writing(root, f"{name}.new")
    try:
        access.truncate(0)
        # In pieces: the whole file would be in memory once more, as JavaScript's.
        pieces = (memoryview(data)[start : start + PIECE] for start in range(0, len(data), PIECE))
        complete = all(access.write(to_js(piece)) == len(piece) for piece in pieces)
        access.flush()
    finally:
        access.close()
    # On a full disk Chromium 156 throws nothing: write() returns 2**32 - 8.
    if not complete:
        await root.removeEntry(f"{name}.new")
        raise OSError(errno.ENOSPC, "the disk is full")
    await _rename(root, f"{name}.new", name)
