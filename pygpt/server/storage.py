"""The server's folder: data sets in ds/ and models in lm/. Names are checked, so that they cannot be paths."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

from pygpt.data import DATASETS, is_task, load_text, task_text, text_from_bytes
from pygpt.errors import DataError, RequestError
from pygpt.runs.run_folder import MODEL_FILE, RunFolder
from pygpt.utils.files import write_atomically

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
MAX_NAME_LENGTH = 64
# Names that Windows reserves for devices, with any extension.
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def check_name(name: str, what: str) -> str:
    """Return the name if it is a valid file name on every system and not a path. Raises: RequestError otherwise."""
    if len(name) > MAX_NAME_LENGTH or not NAME.fullmatch(name) or DEVICES.fullmatch(name):
        raise RequestError(
            422,
            f"{name[:MAX_NAME_LENGTH]!r} cannot be the name of a {what}: use ASCII letters, digits, '-', '_' and "
            f"single dots inside, at most {MAX_NAME_LENGTH} characters, beginning with a letter or a digit",
            "name",
        )
    return name


def make_folder(folder: Path) -> Path:
    """Create the folder if it does not exist. Raises: RequestError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(
            500, f"the folder {folder} cannot be created ({error.strerror}); choose another with --folder"
        ) from None
    return folder


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


class DataSets:
    """The built-in texts and the uploaded ones."""

    def __init__(self, folder: Path):
        self.folder = make_folder(folder)
        # Characters and distinct characters of the texts that `get_counted` has read.
        self.character_counts: dict[str, tuple[int, int]] = {}

    def list(self) -> list[DataSet]:
        """All data sets, the built-in ones first."""
        built_in = [
            DataSet(
                text.name, text.title, True, text.layout, text.size, *self.character_counts.get(text.name, (None, None))
            )
            for text in DATASETS.values()
        ]
        return built_in + [self._uploaded(path) for path in sorted(self.folder.glob("*.json"))]

    def get(self, name: str) -> DataSet:
        """A data set, or a task. Raises: RequestError (404) for an unknown name, DataError for an invalid task."""
        datasets = {dataset.name: dataset for dataset in self.list()}
        if is_task(name):
            text = task_text(name).text  # raises DataError for an invalid name
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
                f"there is no data set {name[:MAX_NAME_LENGTH]!r}; choose from {', '.join(datasets)}, "
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
        """Store a text. Raises: RequestError for a name that is taken or invalid, DataError if it is not a text."""
        check_name(name, "data set")
        if name in DATASETS or self._metadata_path(name).exists():
            raise RequestError(
                409, f"there is already a data set {name!r}; choose another name, or delete that one first", "name"
            )
        text = text_from_bytes(name, data).text
        dataset = DataSet(name, title, False, layout, len(data), len(text), len(set(text)))
        write_atomically(self._text_path(name), data)
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
        self._metadata_path(name).unlink(missing_ok=True)
        self._text_path(name).unlink(missing_ok=True)

    def _text_path(self, name):
        return self.folder / f"{check_name(name, 'data set')}.txt"

    def _metadata_path(self, name):
        return self.folder / f"{check_name(name, 'data set')}.json"

    def _uploaded(self, path):
        try:
            return DataSet(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            # The server did not write this file: only its name is known.
            counts = self.character_counts.get(path.stem, (None, None))
            return DataSet(path.stem, path.stem, False, "stream", 0, *counts)


class ModelFolder(RunFolder):
    """One model's run folder, with job.json: the state of its training."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.name = folder.name
        self.job = folder / "job.json"

    def read_job(self) -> dict:
        """The content of job.json; {} if it is missing or invalid."""
        try:
            content = json.loads(self.job.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write_job(self, known: dict) -> None:
        """Write job.json."""
        write_atomically(self.job, json.dumps(known, indent=2).encode())


class Models:
    """The folders of the models."""

    def __init__(self, folder: Path):
        self.folder = make_folder(folder)

    def list(self) -> list[ModelFolder]:
        """All models, sorted by name."""
        return [
            ModelFolder(path)
            for path in sorted(self.folder.iterdir())
            if path.is_dir()
            and NAME.fullmatch(path.name)
            and ((path / "job.json").exists() or (path / MODEL_FILE).exists())
        ]

    def get(self, name: str) -> ModelFolder:
        """A model's folder. Raises: RequestError (404) if there is no such model."""
        models = {model.name: model for model in self.list()}
        if name not in models:
            choices = f"choose from {', '.join(models)}" if models else "there are no models yet"
            raise RequestError(404, f"there is no model {name[:MAX_NAME_LENGTH]!r}; {choices}", "name")
        return models[name]

    def add(self, name: str) -> ModelFolder:
        """Create a new model's folder. Raises: RequestError for a name that is taken or invalid."""
        folder = self.folder / check_name(name, "model")
        if folder.exists():
            raise RequestError(
                409,
                f"there is already a model {name!r}; choose another name, resume its training "
                f"(POST /lm/{name}/resume), or delete it first (DELETE /lm/{name})",
                "name",
            )
        return ModelFolder(make_folder(folder))

    def delete(self, name: str) -> None:
        """Delete a model and all its files. Raises: RequestError (404) if there is no such model."""
        shutil.rmtree(self.get(name).folder)
