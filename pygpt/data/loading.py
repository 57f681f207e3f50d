"""Loads a text or the shards of `pygpt prepare`, by name or path. Downloads and tokenizers are elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pygpt.data.registry import DATASETS, Dataset
from pygpt.data.sources.tasks import PREFIX, TASKS, is_task, task_text
from pygpt.data.text import Text, decode_text, make_text, text_from_bytes
from pygpt.errors import DataError
from pygpt.utils.files import open_regular
from pygpt.utils.suggest import did_you_mean

if TYPE_CHECKING:
    from pygpt.data.shards import Shards


# Bytes of memory for each byte of a text: its bytes, characters and tokens, some of them twice. Training took 9 for
# each byte of 20 MB of ASCII as a stream, and 17 for each byte of 10 MB as documents of seven characters.
MEMORY_FOR_TEXT = 20


def load_text(source: str) -> Text | Shards:
    """Load a text: a data set or a task by name, or a file or a folder of shards by path.

    Raises:
        DataError: there is no such data set, task or file, the file cannot be read or is not UTF-8 text, the text
            cannot be downloaded or is not the expected one, or, in a tab, the page must supply it.
    """
    if is_task(source):
        return task_text(source)
    dataset = DATASETS.get(source)
    if dataset is None:
        return _load_path(source)
    if sys.platform == "emscripten" and not (dataset.make and dataset.available_in_tab):
        # Other sites do not let a page read their files.
        raise DataError(
            f"in a tab, the page supplies the text {dataset.name}: fetch data/{dataset.name}.txt from "
            f"the site and pass its bytes to open_dataset_bytes({dataset.name!r}, data)"
        )
    if dataset.make:
        return _text_of(dataset, dataset.make())
    assert dataset.remote is not None  # a data set without `make` has a file
    # Imported here because a tab never uses it.
    from pygpt.data.download import file_bytes

    return open_dataset_bytes(dataset.name, file_bytes(dataset.remote))


def is_built_in(name: str) -> bool:
    """Whether a name is that of a data set or a task, and not a path."""
    return name in DATASETS or is_task(name)


def open_dataset_bytes(name: str, data: bytes) -> Text:
    """Make the text of a data set from the bytes of its file; the SHA-256 is checked if the registry has one.

    Raises:
        DataError: there is no such data set, or the bytes are not its file.
    """
    dataset = DATASETS.get(name)
    if dataset is None:
        raise DataError(
            f"there is no data set {name!r}{did_you_mean(name, DATASETS)}: the names are {', '.join(DATASETS)}"
        )
    if dataset.remote:
        dataset.remote.check(data, f"the text {name}")
    return _text_of(dataset, decode_text(name, data))


def _text_of(dataset: Dataset, text: str) -> Text:
    origin = dataset.origin(text) if callable(dataset.origin) else dataset.origin
    return make_text(dataset.name, text, origin, built_in=True)


def _open_folder(path: Path) -> Shards:
    # Imported here because a tab never uses it.
    from pygpt.data.nanogpt_tokens import is_nanogpt, open_nanogpt
    from pygpt.data.shards import DESCRIPTION, is_prepared, open_shards

    if not is_prepared(path) and is_nanogpt(path):
        return open_nanogpt(path)
    if not is_prepared(path):
        raise DataError(
            f"cannot read {path}: it is a folder, and it has no {DESCRIPTION}. Give the path of a text file, or of "
            "a folder that `pygpt prepare` wrote, or that has nanoGPT's train.bin and val.bin"
        )
    return open_shards(path)


def _load_path(source: str) -> Text | Shards:
    path = Path(os.path.expanduser(source))
    if os.path.isdir(path):
        return _open_folder(path)
    try:
        with open_regular(path) as file:
            _check_size(source, os.fstat(file.fileno()).st_size)
            data = file.read()
    except (FileNotFoundError, ValueError):  # ValueError: a zero byte in the path
        tasks = [PREFIX + name for name in TASKS]
        raise DataError(
            f"there is no data set and no file named {source!r}{did_you_mean(source.lower(), [*DATASETS, *tasks])}. "
            f"The data sets are {', '.join(DATASETS)}, the tasks {', '.join(tasks)}; anything else is the path of a "
            "text file"
        ) from None
    except OSError as error:
        raise DataError(
            f"cannot read {source}: {error.strerror or error}. Give the name of a data set ({', '.join(DATASETS)}) "
            "or the path of a readable text file"
        ) from None
    return text_from_bytes(path.name, data)


def _check_size(source: str, size: int) -> None:
    # Imported here because a tab never uses them.
    from pygpt.utils.memory import usable_memory
    from pygpt.utils.units import format_bytes

    limit = usable_memory()
    if limit and MEMORY_FOR_TEXT * size > limit:
        raise DataError(
            f"{source} has {format_bytes(size)}, and to train on it takes about {format_bytes(MEMORY_FOR_TEXT * size)} "
            f"of memory, of which there are {format_bytes(limit)}: write it as shards with `pygpt prepare`, and train "
            "on those, which can be larger than memory"
        )
