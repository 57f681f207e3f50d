"""The texts that can be had by name, and how a name or a path becomes a text."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

from pygpt.data.registry import Dataset, check_sha256
from pygpt.data.sources.python import python_sources_origin, python_sources_text
from pygpt.data.sources.tales import tales
from pygpt.data.sources.tasks import PREFIX, TASKS, is_task, task_text
from pygpt.data.sources.words import words
from pygpt.data.text import Text, decode_text, make_text, text_from_bytes
from pygpt.errors import DataError

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "tales",
            "Little tales",
            "Short stories of a hedgehog, a duck and their neighbours, written by pygpt itself from a seed.",
            "stream",
            None,
            None,
            1_000_000,
        ),
        Dataset(
            "words",
            "Words",
            "The 1,550 different words of the little tales, one on each line: to invent more of them.",
            "documents",
            None,
            None,
            9_971,
        ),
        Dataset(
            "python",
            "Python's own source",
            "About a megabyte of the standard library, as it came with this Python.",
            "stream",
            None,
            None,
            1_150_000,
        ),
        Dataset(
            "shakespeare",
            "Tiny Shakespeare",
            "Forty thousand lines of Shakespeare's plays, as gathered by Andrej Karpathy for char-rnn.",
            "stream",
            "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            1_115_394,
            "tinyshakespeare.txt",
        ),
        Dataset(
            "names",
            "Names",
            "The 32,033 most common first names of the United States, one on each line, from Karpathy's makemore.",
            "documents",
            "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt",
            "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
            228_145,
            "names.txt",
        ),
    )
}


def load_text(source: str) -> Text:
    """Load a text: a data set or a task by its name, or a file by its path.

    Raises:
        DataError: there is no such data set, task or file, the file cannot be read or is not a text in UTF-8, the text
            cannot be downloaded or is not the one expected, or, in a tab, it is one the page must supply.
    """
    if is_task(source):
        return task_text(source)
    dataset = DATASETS.get(source)
    if dataset is None:
        return _load_file(source)
    if dataset.name == "tales":
        return make_text("tales", tales(0, dataset.size), "little tales, written by pygpt with seed 0", built_in=True)
    if dataset.name == "words":
        return make_text(
            "words", words(tales(0, DATASETS["tales"].size)), "the words of the little tales", built_in=True
        )
    if sys.platform == "emscripten":
        # A tab's own standard library is precompiled, and other sites do not let a page read their files.
        raise DataError(
            f"in a tab, the page supplies the text {dataset.name}: fetch data/{dataset.name}.txt from "
            f"the site and pass its bytes to open_dataset_bytes({dataset.name!r}, data)"
        )
    if dataset.url is None:
        return _python_text(python_sources_text())
    # Imported here, because a tab has no use for it.
    from pygpt.data.download import dataset_bytes

    return open_dataset_bytes(dataset.name, dataset_bytes(dataset))


def open_dataset_bytes(name: str, data: bytes) -> Text:
    """Make the text of a data set from the bytes of its file, which are checked against its sha256.

    Raises:
        DataError: there is no such data set, or the bytes are not its file.
    """
    dataset = DATASETS.get(name)
    if dataset is None:
        raise DataError(f"there is no data set {name!r}: the names are {', '.join(DATASETS)}")
    check_sha256(dataset, data, f"the text {name}")
    text = decode_text(name, data)
    if name == "python":
        return _python_text(text)
    origin = f"{dataset.title}, {dataset.url}" if dataset.url else dataset.title
    return make_text(name, text, origin, built_in=True)


def _python_text(text: str) -> Text:
    return make_text("python", text, python_sources_origin(text), built_in=True)


def _open_folder(path: Path):
    # Imported here, because a tab has no use for it.
    from pygpt.data.shards import DESCRIPTION, is_prepared, open_shards

    if not is_prepared(path):
        raise DataError(
            f"cannot read {path}: it is a folder, and it has no {DESCRIPTION}. Give the path of a text file, or of "
            "a folder that `pygpt prepare` wrote"
        )
    return open_shards(path)


def _load_file(source: str) -> Text:
    path = Path(source)
    if path.is_dir():
        return _open_folder(path)
    try:
        data = path.read_bytes()
    except (FileNotFoundError, ValueError):  # ValueError: a zero byte in the path
        names = {**{name: name for name in DATASETS}, **{name: PREFIX + name for name in TASKS}}
        near = difflib.get_close_matches(source.lower(), names, n=1)
        meant = f" Did you mean {names[near[0]]}?" if near else ""
        raise DataError(
            f"there is no data set and no file named {source!r}.{meant} The data sets are "
            f"{', '.join(DATASETS)}, the tasks {PREFIX}{f', {PREFIX}'.join(TASKS)}; anything else is the path of a text file"
        ) from None
    except OSError as error:
        raise DataError(
            f"cannot read {source}: {error.strerror or error}. Give the name of a data set ({', '.join(DATASETS)}) "
            "or the path of a text file you may read"
        ) from None
    return text_from_bytes(path.name, data)
