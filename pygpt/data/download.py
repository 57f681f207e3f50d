"""Fetches a data set's file once and keeps it; never imported in a tab."""

from __future__ import annotations

import contextlib
import http.client
import os
import urllib.request
from pathlib import Path

from pygpt.data.loading import DATASETS
from pygpt.data.registry import Dataset, check_sha256
from pygpt.errors import DataError
from pygpt.tokenizers.registry import GPT2_FOLDER
from pygpt.utils.cache import cache_folder
from pygpt.utils.files import write_whole

_TIMEOUT = 20  # seconds of silence
_GPT2 = "https://huggingface.co/openai-community/gpt2/resolve/main/"

# GPT-2's tokenizer; the bytes are those OpenAI published as encoder.json and vocab.bpe.
TOKENIZER_FILES = tuple(
    Dataset(
        name,
        f"GPT-2's {name}",
        "A file of GPT-2's tokenizer.",
        "stream",
        _GPT2 + name,
        sha256,
        size,
        f"{GPT2_FOLDER}/{name}",
    )
    for name, sha256, size in (
        ("vocab.json", "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783", 1_042_301),
        ("merges.txt", "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5", 456_318),
    )
)


def dataset_bytes(dataset: Dataset) -> bytes:
    """Give the bytes of a data set's file: from the folder PYGPT_DATA, from the cache, or from its URL.

    The cache is the folder PYGPT_CACHE, or else the user's cache folder.

    Raises:
        DataError: the file in PYGPT_DATA or the downloaded one is not the one expected, or the URL cannot be reached.
    """
    supplied = os.environ.get("PYGPT_DATA")
    if supplied:
        path = Path(supplied) / dataset.file
        with contextlib.suppress(FileNotFoundError):
            data = _read(path)
            check_sha256(dataset, data, f"{path} (PYGPT_DATA)")
            return data
    kept = cache_folder() / dataset.file
    # A file in the cache that was cut short or changed is not an error: it is fetched again.
    with contextlib.suppress(OSError, DataError):
        data = kept.read_bytes()
        check_sha256(dataset, data, str(kept))
        return data
    data = _download(dataset)
    check_sha256(dataset, data, f"what came from {dataset.url}")
    # A folder that cannot be written costs a download next time, nothing more.
    with contextlib.suppress(OSError):
        write_whole(kept, data)
    return data


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(
            f"cannot read {path} (PYGPT_DATA): {error.strerror or error}. Make it readable, or unset PYGPT_DATA"
        ) from None


def _download(dataset: Dataset) -> bytes:
    try:
        with urllib.request.urlopen(dataset.url, timeout=_TIMEOUT) as response:
            return response.read()
    except (OSError, http.client.HTTPException) as error:
        raise DataError(
            f"{dataset.title} could not be fetched from {dataset.url} "
            f"({getattr(error, 'reason', None) or error or type(error).__name__}). The data sets tales and "
            f"python need no network; or set PYGPT_DATA to a folder that has {dataset.file}"
        ) from None


def fetch(name: str) -> list[Path]:
    """Fetch a data set, or GPT-2's tokenizer, unless it is here; returns the files, in PYGPT_DATA or in the cache.

    Raises:
        DataError: there is nothing of that name to fetch, it cannot be fetched, or the cache cannot be written.
    """
    known = {dataset.name: [dataset] for dataset in DATASETS.values() if dataset.url} | {
        GPT2_FOLDER: [*TOKENIZER_FILES]
    }
    if name not in known:
        own = " It is made here, and needs no fetching." if name in DATASETS else ""
        raise DataError(f"there is nothing named {name!r} to download.{own} There are {', '.join(known)}")
    places = []
    for dataset in known[name]:
        dataset_bytes(dataset)
        supplied = Path(os.environ.get("PYGPT_DATA") or ".") / dataset.file
        place = supplied if os.environ.get("PYGPT_DATA") and supplied.is_file() else cache_folder() / dataset.file
        if not place.is_file():
            raise DataError(
                f"{dataset.title} was fetched, and the cache {cache_folder()} cannot be written: let PYGPT_CACHE "
                "name a folder that can"
            )
        places.append(place)
    return places
