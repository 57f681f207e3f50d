"""What the server keeps in its folder: data sets in ds/, models in lm/, one file or folder each, under names that are only names."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

from pygpt.data import DATASETS, is_task, load_text, text_from_bytes
from pygpt.errors import DataError, RequestError
from pygpt.runs.run_folder import MODEL_FILE, RunFolder
from pygpt.utils.files import write_atomically

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
LONGEST = 64
# What Windows takes for a device, whatever the ending.
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def check_name(name: str, what: str) -> str:
    """The name, if it is one that a file may have anywhere and that leads nowhere else. Raises RequestError."""
    if len(name) > LONGEST or not NAME.fullmatch(name) or DEVICES.fullmatch(name):
        raise RequestError(
            422,
            f"{name[:LONGEST]!r} cannot be the name of a {what}: a name has letters without accents, digits, "
            f"'-', '_' and single dots inside, {LONGEST} at most, and begins with a letter or a digit",
            "name",
        )
    return name


def make_folder(folder: Path) -> Path:
    """The folder, made if need be. Raises RequestError if it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(
            500, f"the folder {folder} cannot be made ({error.strerror}); choose another with --folder"
        ) from None
    return folder


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A text to train on, described. `layout` says whether it is one stream or a document a line."""

    name: str
    title: str
    built_in: bool
    layout: str
    bytes: int
    characters: int | None = None
    distinct: int | None = None


class DataSets:
    """The built-in texts, and those that were uploaded."""

    def __init__(self, folder: Path):
        self.folder = make_folder(folder)
        self.counted: dict[
            str, tuple[int, int]
        ] = {}  # characters and distinct ones, of built-in texts that were looked into

    def list(self) -> list[DataSet]:
        """All of them, the built-in ones first."""
        built_in = [
            DataSet(
                known.name, known.title, True, known.layout, known.size, *self.counted.get(known.name, (None, None))
            )
            for known in DATASETS.values()
        ]
        return built_in + [self._uploaded(path) for path in sorted(self.folder.glob("*.json"))]

    def get(self, name: str) -> DataSet:
        """One of them, or a task. Raises RequestError (404), DataError."""
        found = {known.name: known for known in self.list()}
        if is_task(name):
            text = load_text(name).text  # which also says what is wrong with the name
            return DataSet(
                name,
                f"{len(text.splitlines()):,} questions and their answers",
                True,
                "documents",
                len(text.encode()),
                len(text),
                len(set(text)),
            )
        if name not in found:
            raise RequestError(
                404,
                f"there is no data set {name[:LONGEST]!r}; there are {', '.join(found)}, and tasks such as task:addition",
                "dataset",
            )
        return found[name]

    def look_into(self, name: str) -> DataSet:
        """One of them with its characters counted, which may take a moment. Raises RequestError, DataError."""
        known = self.get(name)
        if known.characters is None:
            text = load_text(name).text
            self.counted[name] = (len(text), len(set(text)))
        return self.get(name)

    def add(self, name: str, data: bytes, layout: str, title: str) -> DataSet:
        """Keep a text. Raises RequestError for a name that is taken or none, DataError for what is no text."""
        check_name(name, "data set")
        if name in DATASETS or self._about(name).exists():
            raise RequestError(
                409, f"there is a data set {name!r} already; choose another name, or delete that one first", "name"
            )
        text = text_from_bytes(name, data).text
        known = DataSet(name, title, False, layout, len(data), len(text), len(set(text)))
        write_atomically(self._file(name), data)
        write_atomically(self._about(name), json.dumps(dataclasses.asdict(known)).encode())
        return known

    def read(self, name: str) -> bytes | None:
        """The bytes of an uploaded text, or None for a built-in one. Raises RequestError, DataError."""
        if self.get(name).built_in:
            return None
        try:
            return self._file(name).read_bytes()
        except OSError as error:
            raise DataError(f"the data set {name!r} cannot be read: {error.strerror}") from None

    def delete(self, name: str) -> None:
        """Remove an uploaded text. Raises RequestError."""
        if self.get(name).built_in:
            raise RequestError(409, f"{name!r} is built in and cannot be deleted", "name")
        self._about(name).unlink(missing_ok=True)
        self._file(name).unlink(missing_ok=True)

    def _file(self, name):
        return self.folder / f"{check_name(name, 'data set')}.txt"

    def _about(self, name):
        return self.folder / f"{check_name(name, 'data set')}.json"

    def _uploaded(self, path):
        try:
            return DataSet(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            # Somebody's own file among ours: what it holds is counted when it is looked into.
            return DataSet(path.stem, path.stem, False, "stream", 0)


class ModelFolder(RunFolder):
    """One model's run folder, and job.json: what is known of its training."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.name = folder.name
        self.job = folder / "job.json"

    def read_job(self) -> dict:
        """What is known of its training; {} where nothing is."""
        try:
            known = json.loads(self.job.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def write_job(self, known: dict) -> None:
        """Keep what is known of its training."""
        write_atomically(self.job, json.dumps(known, indent=2).encode())


class Models:
    """The folders of the models."""

    def __init__(self, folder: Path):
        self.folder = make_folder(folder)

    def list(self) -> list[ModelFolder]:
        """All of them, by name."""
        return [
            ModelFolder(path)
            for path in sorted(self.folder.iterdir())
            if path.is_dir()
            and NAME.fullmatch(path.name)
            and ((path / "job.json").exists() or (path / MODEL_FILE).exists())
        ]

    def get(self, name: str) -> ModelFolder:
        """One of them. Raises RequestError (404)."""
        found = {model.name: model for model in self.list()}
        if name not in found:
            known = f"; there are {', '.join(found)}" if found else "; there are none yet"
            raise RequestError(404, f"there is no model {name[:LONGEST]!r}{known}", "name")
        return found[name]

    def add(self, name: str) -> ModelFolder:
        """A folder for a new one. Raises RequestError for a name that is taken or none."""
        folder = self.folder / check_name(name, "model")
        if folder.exists():
            raise RequestError(
                409,
                f"there is a model {name!r} already; choose another name, go on with it "
                f"(POST /lm/{name}/resume), or delete it first (DELETE /lm/{name})",
                "name",
            )
        return ModelFolder(make_folder(folder))

    def delete(self, name: str) -> None:
        """Remove one with all its files. Raises RequestError (404)."""
        shutil.rmtree(self.get(name).folder)
