"""The store in which a session saves its run, as a folder. In the tab, lab/worker/opfs_store.py takes its place.

The session uses `begin`, `is_current`, `resume`, `log` and `keep` for the current run, `find`, `read_copy`,
`delete_copy` and `wait_for_closing_tabs` for the safety copies of earlier runs, `recall` and `remember` for small
texts.
"""

import json
import time
from pathlib import Path

from pygpt.errors import CheckpointError
from pygpt.runs.run_folder import RunFolder, logged_steps
from pygpt.utils.cache import Cache
from pygpt.utils.files import write_atomically


class FolderStore(Cache):
    """A run folder with an about.json that describes its model. It serves one session and holds one copy."""

    def __init__(self, folder: str):
        self.run_folder = RunFolder(Path(folder))
        self.about = Path(folder) / "about.json"
        self.begun = False  # whether the folder belongs to the current run

    async def begin(self, run, copy: str = "") -> None:
        """Start to save a run, in place of the previous one; the log is kept only if the run continues `copy`.

        Raises: CheckpointError if it cannot be written.
        """
        self.run_folder.begin(run.experiment, run.tokenizer, logged_steps(run) if copy else 0)
        self.begun = True

    async def resume(self, run) -> None:
        """Record that the run goes on from its step, perhaps to more steps; the log of later steps is dropped.

        Raises: CheckpointError if it cannot be written.
        """
        self.run_folder.begin(run.experiment, run.tokenizer, logged_steps(run))

    async def log(self, metrics, every: int) -> None:
        """Add the metrics of every `every`-th step to the log. Raises: CheckpointError if it cannot be written."""
        self.run_folder.log(metrics, every)

    async def keep(self, data: bytes, about: dict) -> None:
        """Replace the copy. Raises: CheckpointError if it cannot; the previous copy is then intact."""
        self.run_folder.save(data)
        self.run_folder.log((), 1)  # the lines that the disk has refused
        try:
            write_atomically(self.about, json.dumps(about | {"time": time.time()}).encode())
        except OSError as error:
            raise CheckpointError(f"{self.about} cannot be written ({error.strerror})") from None

    async def find(self) -> list[dict]:
        """The description of the copy, with its name as `copy` and its age as `seconds_ago`; [] if there is none."""
        try:
            about = json.loads(self.about.read_text(encoding="utf-8"))
            description = about | {
                "copy": self.run_folder.model.name,
                "seconds_ago": max(0, time.time() - about["time"]),
            }
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return [description] if self.run_folder.model.is_file() else []

    async def wait_for_closing_tabs(self, attempt: int) -> bool:
        """Return False: no other session uses the copy, so there is nothing to wait for."""
        return False

    def is_current(self, copy: str) -> bool:
        """Whether the current run is kept in this copy."""
        return self.begun and copy == self.run_folder.model.name

    async def read_copy(self, copy: str) -> bytes:
        """The bytes of the copy. Raises: CheckpointError if there is none, or the only one has another name."""
        self._check_name(copy)
        try:
            return self.run_folder.model.read_bytes()
        except OSError as error:
            raise CheckpointError(f"there is no safety copy to open: {error.strerror}") from None

    async def delete_copy(self, copy: str) -> None:
        """Remove the copy, if there is one. Raises: CheckpointError for another name than that of the only copy."""
        self._check_name(copy)
        self.about.unlink(missing_ok=True)
        self.run_folder.model.unlink(missing_ok=True)

    def _check_name(self, copy):
        if copy != self.run_folder.model.name:
            raise CheckpointError(f"there is no safety copy {copy[:80]!r}; choose one of those that `found` lists")
