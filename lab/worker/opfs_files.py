"""The folders of runs in the browser's private file system (OPFS), for a RunStore, and small texts beside them.

The folders are in `runs`. A tab that writes a folder holds a lock with its name, so two tabs never write the same run.
A write goes to a new file that then replaces the old one, so that a complete file exists at any moment. Earlier
versions kept a run as run-<id>.safetensors and run-<id>.json; `take_over` makes folders of them.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import Awaitable, Callable

import js
from pyodide.code import run_js
from pyodide.ffi import JsException, create_once_callable, to_js

from pygpt.errors import CheckpointError
from pygpt.runs.layout import ABOUT_FILE, MODEL_FILE
from pygpt.utils.files import file_name
from pygpt.utils.units import format_bytes

ROOT, LOCK = "runs", "run:"
EARLIER = re.compile(r"run(-[A-Za-z0-9-]+)?")  # the names of earlier versions' copies, and of their tabs' locks
DATA, ABOUT = ".safetensors", ".json"  # the files of an earlier version's copy
READ_ATTEMPTS = 3
PIECE = 1 << 24  # bytes written at once
# Seconds to wait before each check whether the tab that this one replaces has closed: Chromium ends a busy worker after
# two seconds, or later on a busy machine.
CLOSING_WAITS = (2.5, 2.5, 5.0, 10.0)

private = True  # only this module puts files there
appends_at_once = False  # opening a file takes milliseconds: lines of a log are written with the checkpoint
_held: dict[str, object] = {}  # the folders claimed here, with the functions that release their locks


async def names() -> set[str]:
    """The names of all folders."""
    with contextlib.suppress(JsException, AttributeError):
        return set((await _list(await _runs())).to_py())
    return set()


async def claim(folder: str) -> bool:
    """Create a folder if needed, and lock it until `release` or the end of the tab.

    Returns False if another tab holds it. Raises: CheckpointError if it cannot be created.
    """
    granted, release_lock = await _lock(LOCK + folder)
    if granted:
        _held[folder] = release_lock
        with _refusals():
            await _folder(folder)
    return granted


async def release(folder: str) -> None:
    """End a claim."""
    if release_lock := _held.pop(folder, None):
        release_lock()


async def claimed() -> set[str]:
    """The folders that other tabs hold."""
    return {name.removeprefix(LOCK) for name in await _locks() if name.startswith(LOCK)} - set(_held)


async def read(folder: str, file: str, start: int = 0, end: int | None = None) -> bytes:
    """The content of a file, or the bytes from `start` to `end`. Raises: FileNotFoundError."""
    # A folder that is held here is replaced by no other tab: what is missing there is missing.
    for attempt in range(1 if folder in _held else READ_ATTEMPTS):
        try:
            return await _read(*await _place(folder, file, _existing), start, end)
        except AttributeError:
            break
        except JsException:  # it is not there, or another tab is replacing it
            await asyncio.sleep(0.01 * attempt)
    raise FileNotFoundError(f"{folder}/{file}")


async def read_all(file: str) -> dict[str, bytes]:
    """The content of the text file of this name in each folder that has one."""
    with contextlib.suppress(JsException, AttributeError):
        return {folder: text.encode() for folder, text in (await _read_all(await _runs(), file)).to_py()}
    return {}


async def write(folder: str, file: str, data: bytes) -> None:
    """Replace a file. Raises: CheckpointError if the browser has no room or no OPFS; the old one is then intact."""
    with _refusals(len(data)):
        await _write(*await _place(folder, file, _create), data)


async def append(folder: str, file: str, data: bytes) -> None:
    """Add to a file. Raises: CheckpointError if the browser has no room; nothing is then added."""
    with _refusals(len(data)):
        await _fill(await _folder(folder), file, data, keep=True)


async def remove(folder: str) -> None:
    """Remove a folder with all its files."""
    with contextlib.suppress(JsException, AttributeError):  # another tab removed it first
        await _remove(await _runs(), folder)


async def sizes(folder: str, inside: str) -> dict[str, int]:
    """The names and the bytes of the files in a folder `inside` a folder; {} if there is none."""
    with contextlib.suppress(JsException, AttributeError):
        return dict((await _sizes(await _existing(await _existing(await _runs(), folder), inside))).to_py())
    return {}


async def remove_file(folder: str, file: str) -> None:
    """Remove a file, if it is there."""
    with contextlib.suppress(JsException, AttributeError):
        place, name = await _place(folder, file, _existing)
        await _remove(place, name)


async def take_over(create: Callable[[str], Awaitable[str]]) -> None:
    """Make folders of the copies that earlier versions kept, except those that another tab writes.

    `create` returns the name of a new folder that is claimed.
    """
    try:
        root = await js.navigator.storage.getDirectory()
        copies = {name.removesuffix(DATA) for name in (await _list(root)).to_py() if name.endswith(DATA)}
    except (JsException, AttributeError):
        return
    for copy in sorted({name for name in copies if EARLIER.fullmatch(name)} - await _locks()):
        with contextlib.suppress(JsException, ValueError, CheckpointError):
            about = json.loads(await _read(root, copy + ABOUT))
            name, _, text = str(about.get("name", "run")).partition(" on ")
            folder = await create(file_name(name).lower().replace(" ", "-") or "run")
            described = about | {"name": folder.replace("-", " "), "text": text}
            await write(folder, ABOUT_FILE, json.dumps(described).encode())
            # The checkpoint after the description: until it is moved, the next visit takes the run over.
            await _move(root, copy + DATA, await _folder(folder), MODEL_FILE)
            await root.removeEntry(copy + ABOUT)
            await release(folder)


async def wait_for_closing_tabs(attempt: int) -> bool:
    """Wait for other tabs of the lab to close. Returns False if there is none, or after len(CLOSING_WAITS) attempts."""
    if attempt >= len(CLOSING_WAITS) or not await claimed():
        return False
    await asyncio.sleep(CLOSING_WAITS[attempt])
    return True


async def recall(name: str) -> str:
    """The small text stored under a name, or "" if there is none."""
    try:
        return (await _read(await js.navigator.storage.getDirectory(), name)).decode()
    except (JsException, AttributeError, ValueError):
        return ""


async def remember(name: str, text: str) -> None:
    """Store a small text under a name for later visits, if the browser has OPFS."""
    with contextlib.suppress(JsException, AttributeError):
        await _write(await js.navigator.storage.getDirectory(), name, text.encode())


read_beside, write_beside = recall, remember  # a file beside the folders of the runs


@contextlib.contextmanager
def _refusals(size: int = 0):
    """Turn what a browser refuses into a CheckpointError. `size` is that of the file."""
    room = f"{format_bytes(size)} of files of this site" if size else "more files of this site"
    full = f"this browser has no room for {room}; delete runs that you no longer need"
    try:
        yield
    except AttributeError:
        raise CheckpointError("this browser, or this private window, keeps no files of this site") from None
    except JsException as error:
        # A thrown error, unlike a rejection, has no usable name (Pyodide 314); only its text identifies it.
        if "QuotaExceededError" in f"{error.name} {error}":
            raise CheckpointError(full) from None
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"this browser does not let this site keep files ({reason})") from None


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


async def _locks() -> set[str]:
    """The names of all locks of this site, in every tab."""
    try:
        return {lock.name for lock in (await js.navigator.locks.query()).held}
    except (AttributeError, JsException):  # no locks in this browser, or none for this page
        return set()


# Pyodide 314 cannot raise the QuotaExceededError of a promise: whoever awaits it would wait for ever. So these reject
# with a plain Error.
_existing, _create, _open_for_writing, _move, _list, _read_all, _remove, _sizes = run_js("""
  const plain = (work) => async (...args) => {
    try { return await work(...args); } catch (error) { throw new Error(`${error.name}: ${error.message}`); }
  };
  [
    async (root, name) => root.getDirectoryHandle(name),
    async (root, name) => root.getDirectoryHandle(name, { create: true }),
    // A writer of a file's new content, or with `keep` of what is added to it: all of it is there after close, nothing
    // after abort. Not by createSyncAccessHandle where there is another way: Chromium 156 counts what that adds to a
    // file only until the browser ends, but subtracts it when the file goes, so a site's storage wraps around to 4 GB.
    async (folder, name, keep) => {
      const file = await folder.getFileHandle(name, { create: true });
      if (file.createWritable) {
        const stream = await file.createWritable({ keepExistingData: keep });
        if (keep) await stream.seek((await file.getFile()).size);
        const does = (name) => plain((...args) => stream[name](...args));
        return { write: does("write"), close: does("close"), abort: does("abort") };
      }
      const access = await file.createSyncAccessHandle(); // Safari before 26
      const before = keep ? access.getSize() : 0;
      let at = before;
      return {
        write: plain(async (piece) => {
          const complete = access.write(piece, { at }) === piece.length;
          if (!complete) throw new DOMException("the disk is full", "QuotaExceededError");
          at += piece.length;
        }),
        close: plain(async () => { access.truncate(at); access.flush(); access.close(); }),
        abort: plain(async () => { access.truncate(before); access.close(); }),
      };
    },
    async (folder, name, target, newName) => (await folder.getFileHandle(name)).move(target, newName),
    async (folder) => { const names = []; for await (const name of folder.keys()) names.push(name); return names; },
    // All at once: one after the other, 200 runs would take a second.
    async (root, file) => {
      const found = [], reading = [];
      for await (const [name, folder] of root.entries()) {
        if (folder.kind !== "directory") continue;
        const read = () => folder.getFileHandle(file).then((handle) => handle.getFile()).then((blob) => blob.text());
        const again = () => new Promise((done) => setTimeout(done, 20)).then(read);  // another tab is replacing it
        reading.push(read().catch(again).then((content) => found.push([name, content]), () => {}));
      }
      await Promise.all(reading);
      return found;
    },
    async (root, name) => root.removeEntry(name, { recursive: true }),
    async (folder) => {
      const sizes = [];
      for await (const [name, file] of folder.entries()) sizes.push([name, (await file.getFile()).size]);
      return sizes;
    },
  ].map(plain);
""")


async def _runs():
    return await _create(await js.navigator.storage.getDirectory(), ROOT)


async def _folder(folder: str):
    return await _create(await _runs(), folder)


async def _place(folder: str, file: str, enter):
    """The folder that a file is in, which can be inside another one, and its name there."""
    *inside, name = file.split("/")
    place = await enter(await _runs(), folder)
    for part in inside:
        place = await enter(place, part)
    return place, name


async def _read(folder, name: str, start: int = 0, end: int | None = None) -> bytes:
    file = await (await folder.getFileHandle(name)).getFile()
    return (await file.slice(start, file.size if end is None else end).arrayBuffer()).to_bytes()


async def _write(folder, name: str, data: bytes) -> None:
    await _fill(folder, f"{name}.new", data)
    await _move(folder, f"{name}.new", folder, name)


async def _fill(folder, name: str, data: bytes, keep: bool = False) -> None:
    """Give a file its content, or with `keep` add to it."""
    writer = await _open_for_writing(folder, name, keep)
    try:
        # In pieces: the whole file would be in memory once more, as JavaScript's.
        for start in range(0, len(data), PIECE):
            await writer.write(to_js(memoryview(data)[start : start + PIECE]))
        await writer.close()
    except BaseException:
        with contextlib.suppress(JsException):
            await writer.abort()
        if not keep:
            with contextlib.suppress(JsException):
                await _remove(folder, name)
        raise
