"""The server's models: a run folder for each in lm/, with job.json, the state of its training."""

import contextlib
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from pygpt.config.experiment import Experiment
from pygpt.config.fields import coerce
from pygpt.errors import CheckpointError, ExperimentError, RequestError
from pygpt.runs.run_folder import RunFolder, map_run
from pygpt.runs.safetensors import read_safetensors
from pygpt.server.names import MAX_NAME_LENGTH, NAME, check_name, choices, make_folder, writing
from pygpt.utils.files import open_regular, remove_unfinished, write_atomically

JOB_FILE = "job.json"
LARGEST_JOB = 1_000_000  # bytes; job.json takes two thousand
DELETED = ".deleted-"  # begins the name of a model's folder while it is deleted
ENDED = ("trained", "stopped", "interrupted", "failed")
LIVE = ("waiting", "training")
# The fields of job.json. A field of another type, which this server did not write, is as good as missing.
_FIELDS: dict[str, Any] = {
    "experiment": dict,
    "dataset": str,
    "asked": float,
    "state": str,
    "step": int,
    "steps": int,
    "run_id": str,
    "parameters": int,
    "vocabulary": int,
    "kept": int,
    "device": str,
    "loss": float,
    "val_loss": float,
    "accuracy": float,
    "error": str,
}


class ModelFolder(RunFolder):
    """One model's run folder, with job.json. `unwritten` holds the records that the disk has refused, by name."""

    def __init__(self, folder: Path, unwritten: dict[str, dict]):
        super().__init__(folder)
        self.name, self.job, self.unwritten = folder.name, folder / JOB_FILE, unwritten

    @property
    def exists(self) -> bool:
        """Whether there is a model: a folder whose creation was cut short has neither of its files."""
        return self.job.is_file() or self.model.is_file() or self.name in self.unwritten

    def file(self, state: str) -> Path:
        """The model's file; `state` is that of its training. Raises: RequestError (409) if there is none."""
        if self.model.is_file():
            return self.model
        if self.model.exists():
            reason = f"the {self.model.name} of {self.name!r} is a folder or a device; expected a file"
        elif state in LIVE:
            raise RequestError(
                409, f"{self.name!r} has not been trained far enough to be saved; try again later", "name"
            )
        elif state == "trained":
            reason = f"the {self.model.name} of {self.name!r} is missing"
        else:
            raise RequestError(
                409,
                f"the training of {self.name!r} ended before the model was saved; resume it "
                f"(POST /lm/{self.name}/resume), or delete the model (DELETE /lm/{self.name})",
                "name",
            )
        raise RequestError(
            409,
            f"{reason}: put the file back, or delete the model (DELETE /lm/{self.name}) and train it anew",
            "name",
        )

    def check_file(self) -> None:
        """Read the header of the model's file, and its size. Raises: CheckpointError if it is damaged or cut short."""
        try:
            read_safetensors(map_run(self.model))
        except CheckpointError as error:
            raise CheckpointError(str(error).replace(str(self.model), f"the file of {self.name!r}")) from None

    def read_job(self) -> dict:
        """The record in job.json; {} without one, and a failed training if it cannot be understood."""
        if self.name in self.unwritten:
            return dict(self.unwritten[self.name])
        if not self.job.exists():
            return {}
        try:
            with open_regular(self.job) as file:
                content = json.loads(file.read(LARGEST_JOB))
            given = {name: content[name] for name in _FIELDS if name in content}
        except (OSError, ValueError, RecursionError, TypeError):
            given = {}
        record = {}
        for name, value in given.items():
            with contextlib.suppress(ExperimentError):
                if name == "experiment":
                    Experiment.from_dict(value)
                record[name] = coerce(name, _FIELDS[name], value)
        if record.get("state") not in ENDED + LIVE:
            way_on = (
                f"the model can still be used, and POST /lm/{self.name}/resume continues it and repairs the file"
                if self.model.is_file()
                else f"delete the model (DELETE /lm/{self.name}) and train it anew"
            )
            record |= {"state": "failed", "error": f"{JOB_FILE} is damaged; {way_on}"}
        return record

    def write_job(self, record: dict) -> None:
        """Write job.json. Raises: RequestError if the disk refuses."""
        with writing(self.job):
            write_atomically(self.job, json.dumps(record, indent=2).encode())
        self.unwritten.pop(self.name, None)

    def keep_job(self, record: dict) -> None:
        """Write job.json, or remember the record until the disk takes it again (`Models.write_again`)."""
        try:
            self.write_job(record)
        except RequestError as error:
            if self.name not in self.unwritten:
                logging.getLogger("uvicorn.error").error("%s; it is tried again", error)
            self.unwritten[self.name] = dict(record)


class Models:
    """The folders of the models."""

    def __init__(self, folder: Path):
        self.folder = make_folder(folder)
        self.unwritten: dict[str, dict] = {}

    def clean(self) -> None:
        """Remove what a killed server left unfinished. Only for the process that holds the folder's lock."""
        for path in self.folder.iterdir():
            if path.name.startswith(DELETED):
                shutil.rmtree(path, ignore_errors=True)
            elif path.is_dir():
                with contextlib.suppress(OSError):
                    remove_unfinished(path)

    def list(self) -> list[ModelFolder]:
        """All models, sorted by name."""
        folders = [
            ModelFolder(path, self.unwritten)
            for path in sorted(self.folder.iterdir())
            if NAME.fullmatch(path.name) and path.is_dir()
        ]
        return [folder for folder in folders if folder.exists]

    def get(self, name: str) -> ModelFolder:
        """A model's folder. Raises: RequestError (404) if there is no such model."""
        models = {model.name: model for model in self.list()}
        if name not in models:
            known = f"choose from {choices(models)}" if models else "there are no models yet"
            raise RequestError(404, f"there is no model {name[:MAX_NAME_LENGTH]!r}; {known}", "name")
        return models[name]

    def add(self, name: str, record: dict) -> ModelFolder:
        """Create a model's folder with its job.json, or neither. Raises: RequestError, also for the name."""
        check_name(name, "model", [model.name for model in self.list()], self._instead)
        folder = ModelFolder(self.folder / name, self.unwritten)
        try:
            make_folder(folder.folder)
            folder.write_job(record)
        except RequestError:
            with contextlib.suppress(OSError):
                folder.folder.rmdir()
            raise
        return folder

    def _instead(self, name):
        state = ModelFolder(self.folder / name, self.unwritten).read_job().get("state", "trained")
        if state in LIVE:
            return f"or stop it (POST /lm/{name}/stop) and delete it first (DELETE /lm/{name})"
        resume = f"resume its training (POST /lm/{name}/resume), " if state != "trained" else ""
        return f"{resume}or delete it first (DELETE /lm/{name})"

    def take_out(self, name: str) -> Path:
        """Delete a model at once, and return the folder in which its files still are. Raises: RequestError."""
        folder = self.get(name).folder
        gone = folder.with_name(f"{DELETED}{name}-{os.urandom(4).hex()}")
        with writing(folder):
            folder.rename(gone)
        self.unwritten.pop(name, None)
        return gone

    def write_again(self) -> None:
        """Try again to write the records that the disk has refused."""
        for name, record in list(self.unwritten.items()):
            ModelFolder(self.folder / name, self.unwritten).keep_job(record)
