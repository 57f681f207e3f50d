"""Downloads a file once and caches it. Never imported in a tab."""

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

_TIMEOUT = 20  # seconds without data


def file_bytes(remote: RemoteFile) -> bytes:
    """Return the bytes of a file from the folder PYGPT_DATA, from the cache, or from its URL.

    The cache is the folder PYGPT_CACHE or, if that is not set, the user's cache folder.

    Raises:
        DataError: the file in PYGPT_DATA or the download is not the expected file, or the URL cannot be reached.
    """
    supplied = os.environ.get("PYGPT_DATA")
    if supplied:
        path = Path(supplied) / remote.file
        with contextlib.suppress(FileNotFoundError):
            data = _read(path)
            remote.check(data, f"{path} (PYGPT_DATA)")
            return data
    cached = cache_folder() / remote.file
    # A damaged file in the cache is not an error: it is downloaded again.
    with contextlib.suppress(OSError, DataError):
        data = cached.read_bytes()
        remote.check(data, str(cached))
        return data
    data = _download(remote)
    remote.check(data, f"the download from {remote.url}")
    # Without a writable cache, the next call downloads the file again.
    with contextlib.suppress(OSError):
        write_atomically(cached, data)
    return data


def fetch(files: Iterable[RemoteFile]) -> list[Path]:
    """Download files that are missing locally, and return the paths of all, in PYGPT_DATA or in the cache.

    Raises:
        DataError: a file cannot be downloaded, or the cache cannot be written.
    """
    paths = []
    for remote in files:
        file_bytes(remote)
        supplied = Path(os.environ.get("PYGPT_DATA") or ".") / remote.file
        path = supplied if os.environ.get("PYGPT_DATA") and supplied.is_file() else cache_folder() / remote.file
        if not path.is_file():
            raise DataError(
                f"{remote.title} was downloaded, but the cache {cache_folder()} cannot be written: set "
                "PYGPT_CACHE to a writable folder"
            )
        paths.append(path)
    return paths


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
            f"({getattr(error, 'reason', None) or str(error) or type(error).__name__}). The data sets tales and "
            f"python need no network; or set PYGPT_DATA to a folder that has {remote.file}"
        ) from None
