"""The server's data sets: the built-in texts, and the uploaded ones in ds/."""

import dataclasses
import json
import os
import threading
from pathlib import Path

from pygpt.config.fields import coerce
from pygpt.data import DATASETS, is_task, load_text, task_text, text_from_bytes
from pygpt.errors import DataError, ExperimentError, RequestError
from pygpt.server.names import MAX_NAME_LENGTH, NAME, check_name, choices, make_folder, writing
from pygpt.utils.files import remove_unfinished, write_atomically

MAX_TITLE_LENGTH = 255


@dataclasses.dataclass(frozen=True)
class DataSet:
    """The description of a text to train on. `layout` is "stream", or "documents" for one document per line."""

    name: str
    title: str
    built_in: bool
    layout: str
    bytes: int
    characters: int | None = None
    distinct: int | None = None


_DESCRIBED = {
    "name": str,
    "title": str,
    "built_in": bool,
    "layout": str,
    "bytes": int,
    "characters": int,
    "distinct": int,
}


class DataSets:
    """The built-in texts and the uploaded ones."""

    def __init__(self, folder: Path):
        self.folder = make_folder(folder)
        self._adding = threading.Lock()
        # Characters and distinct characters of the texts that `get_counted` has read.
        self.character_counts: dict[str, tuple[int, int]] = {}

    def clean(self) -> None:
        """Remove what a killed server left unfinished. Only for the process that holds the folder's lock."""
        remove_unfinished(self.folder)

    def list(self) -> list[DataSet]:
        """All data sets, the built-in ones first."""
        built_in = [
            DataSet(
                text.name, text.title, True, text.layout, text.size, *self.character_counts.get(text.name, (None, None))
            )
            for text in DATASETS.values()
        ]
        uploaded = [
            path
            for path in sorted(self.folder.glob("*.json"))
            if NAME.fullmatch(path.stem) and path.with_suffix(".txt").is_file()
        ]
        return built_in + [self._uploaded(path) for path in uploaded]

    def get(self, name: str) -> DataSet:
        """A data set, or a task. Raises: RequestError (404) for an unknown name, (422) for an invalid task."""
        datasets = {dataset.name: dataset for dataset in self.list()}
        if is_task(name):
            try:
                text = task_text(name).text
            except DataError as error:
                raise RequestError(422, str(error), "dataset") from None
            return DataSet(
                name,
                f"{len(text.splitlines()):,} questions and their answers",
                True,
                "documents",
                len(text.encode()),
                len(text),
                len(set(text)),
            )
        if name not in datasets:
            raise RequestError(
                404,
                f"there is no data set {name[:MAX_NAME_LENGTH]!r}; choose from {choices(datasets)}, "
                f"or a task such as task:addition",
                "dataset",
            )
        return datasets[name]

    def get_counted(self, name: str) -> DataSet:
        """A data set with its characters counted, which can take a moment. Raises: as `get`, and DataError."""
        dataset = self.get(name)
        if dataset.characters is None:
            data = self.read(name)
            text = (load_text(name) if data is None else text_from_bytes(name, data)).text
            assert text is not None  # a data set is not shards
            self.character_counts[name] = (len(text), len(set(text)))
        return self.get(name)

    def add(self, name: str, data: bytes, layout: str, title: str) -> DataSet:
        """Store a text; without a name it has that of its file, `title`, if that is a name without its ending.

        Raises: RequestError for a name that is taken or invalid, DataError if it is not a text.
        """
        if not name:
            stem = title.rpartition(".")[0]
            name = stem if NAME.fullmatch(stem) else title
        self._check_name(name)
        text = text_from_bytes(name, data).text
        dataset = DataSet(name, title[:MAX_TITLE_LENGTH], False, layout, len(data), len(text), len(set(text)))
        with self._adding, writing(self.folder):  # of two uploads of one name, the second finds the first
            self._check_name(name)
            self._check_files(name, data)
            write_atomically(self._text_path(name), data)
            # A data set exists once this file does.
            write_atomically(self._metadata_path(name), json.dumps(dataclasses.asdict(dataset)).encode())
        return dataset

    def read(self, name: str) -> bytes | None:
        """The bytes of an uploaded text, or None for a built-in one. Raises: as `get`, and DataError if unreadable."""
        if self.get(name).built_in:
            return None
        try:
            return self._text_path(name).read_bytes()
        except OSError as error:
            raise DataError(f"the data set {name!r} cannot be read: {error.strerror}") from None

    def delete(self, name: str) -> None:
        """Delete an uploaded text. Raises: as `get`, and RequestError (409) for a built-in one."""
        if self.get(name).built_in:
            raise RequestError(409, f"{name!r} is built in and cannot be deleted", "name")
        with writing(self.folder):
            self._metadata_path(name).unlink(missing_ok=True)
            self._text_path(name).unlink(missing_ok=True)

    def _check_name(self, name):
        datasets = {dataset.name: dataset for dataset in self.list()}
        check_name(
            name,
            "data set",
            datasets,
            lambda other: "" if datasets[other].built_in else f"or delete it first (DELETE /ds/{other})",
        )

    def _check_files(self, name, data):
        """Refuse to replace a file of a user. An upload that a crash cut short can be sent again."""
        text, metadata = self._text_path(name), self._metadata_path(name)
        unfinished = text.is_file() and text.stat().st_size == len(data) and text.read_bytes() == data
        in_the_way = text if os.path.lexists(text) and not unfinished else metadata if metadata.is_dir() else None
        if in_the_way is not None:
            raise RequestError(
                409,
                f"the server's folder ds already has {in_the_way.name}, which is not a finished upload; choose another "
                f"name, or remove it there",
                "name",
            )

    def _text_path(self, name):
        return self.folder / f"{name}.txt"

    def _metadata_path(self, name):
        return self.folder / f"{name}.json"

    def _uploaded(self, path):
        counts = self.character_counts.get(path.stem, (None, None))
        size = self._text_path(path.stem).stat().st_size
        unknown = DataSet(path.stem, path.stem, False, "stream", size, *counts)
        try:
            content = json.loads(path.read_bytes())
            typed = {name: coerce(name, kind, content[name]) for name, kind in _DESCRIBED.items()}
        except (OSError, ValueError, TypeError, KeyError, RecursionError, ExperimentError):
            return unknown  # the server did not write this file: only its name is known
        layout = typed["layout"] if typed["layout"] in ("stream", "documents") else unknown.layout
        return dataclasses.replace(DataSet(**typed), name=path.stem, built_in=False, layout=layout)
