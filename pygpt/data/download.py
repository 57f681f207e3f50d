"""Fetches a file once and keeps it; never imported in a tab."""

from __future__ import annotations

import contextlib
import http.client
import os
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from pygpt.data.registry import RemoteFile
from pygpt.errors import DataError
from pygpt.utils.cache import cache_folder
from pygpt.utils.files import write_atomically

_TIMEOUT = 20  # seconds of silence


def file_bytes(remote: RemoteFile) -> bytes:
    """The bytes of a file: from the folder PYGPT_DATA, from the cache, or from its URL.

    The cache is the folder PYGPT_CACHE, or else the user's cache folder.

    Raises:
        DataError: the file in PYGPT_DATA or the downloaded one is not the one expected, or the URL cannot be reached.
    """
    supplied = os.environ.get("PYGPT_DATA")
    if supplied:
        path = Path(supplied) / remote.file
        with contextlib.suppress(FileNotFoundError):
            data = _read(path)
            remote.check(data, f"{path} (PYGPT_DATA)")
            return data
    kept = cache_folder() / remote.file
    # A file in the cache that was cut short or changed is not an error: it is fetched again.
    with contextlib.suppress(OSError, DataError):
        data = kept.read_bytes()
        remote.check(data, str(kept))
        return data
    data = _download(remote)
    remote.check(data, f"what came from {remote.url}")
    # A folder that cannot be written costs a download next time, nothing more.
    with contextlib.suppress(OSError):
        write_atomically(kept, data)
    return data


def fetch(files: Iterable[RemoteFile]) -> list[Path]:
    """Fetch files unless they are here; returns where they are, in PYGPT_DATA or in the cache.

    Raises:
        DataError: one cannot be fetched, or the cache cannot be written.
    """
    places = []
    for remote in files:
        file_bytes(remote)
        supplied = Path(os.environ.get("PYGPT_DATA") or ".") / remote.file
        place = supplied if os.environ.get("PYGPT_DATA") and supplied.is_file() else cache_folder() / remote.file
        if not place.is_file():
            raise DataError(
                f"{remote.title} was fetched, and the cache {cache_folder()} cannot be written: let PYGPT_CACHE "
                "name a folder that can"
            )
        places.append(place)
    return places


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(
            f"cannot read {path} (PYGPT_DATA): {error.strerror or error}. Make it readable, or unset PYGPT_DATA"
        ) from None


def _download(remote: RemoteFile) -> bytes:
    try:
        with urllib.request.urlopen(remote.url, timeout=_TIMEOUT) as response:
            return response.read()
    except (OSError, http.client.HTTPException) as error:
        raise DataError(
            f"{remote.title} could not be fetched from {remote.url} "
            f"({getattr(error, 'reason', None) or error or type(error).__name__}). The data sets tales and "
            f"python need no network; or set PYGPT_DATA to a folder that has {remote.file}"
        ) from None
