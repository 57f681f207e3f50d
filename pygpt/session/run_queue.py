"""The queue of a session: the runs of sweeps, which train one after the other.

It outlives the page: it is kept beside the runs, and after a reload the visitor continues it. A run that has begun is
found again by what its about.json says, and goes on from its last checkpoint.
"""

import asyncio
import contextlib
import json
import os

from pygpt.config.experiment import Experiment
from pygpt.config.sweep import Sweep, expand
from pygpt.data import Text, text_from_bytes
from pygpt.errors import CheckpointError, DataError, ExperimentError, PygptError, sentence_of
from pygpt.runs.layout import QUEUE_FILE
from pygpt.runs.run_store import RunStore
from pygpt.session.capabilities import requested_experiment
from pygpt.session.error_fields import field_of
from pygpt.session.events import Emit
from pygpt.session.message_records import QueuedRun
from pygpt.session.messages import Error, Paused, Stopped
from pygpt.session.preparing import CalledOff
from pygpt.session.queue_host import QueueHost
from pygpt.session.sweep_messages import Queue, SweepPlanned
from pygpt.session.training import Training
from pygpt.utils.json_text import json_text

MOST_QUEUED = 500  # runs
LONGEST_KEPT = 5_000_000  # characters of a text of the visitor's own that is kept with the queue
LOST_TEXT = "it is no longer here; choose that text again, and continue the queue"


class RunQueue:
    """Carries out the commands about the queue. `paused` means that no run of it begins until it is continued."""

    def __init__(self, emit: Emit, store: RunStore, training: Training, host: QueueHost):
        self.emit, self.store, self.training, self.host = emit, store, training, host
        self.items: list[QueuedRun] = []
        self.experiments: dict[str, dict] = {}  # the settings of the items, by their ids
        self.texts: dict[str, Text] = {}  # by SHA-256
        self.paused = False
        self.current = ""  # the id of the item that is training
        self.run_id = self._last = ""  # the run that was training last, and its item
        self.task: asyncio.Task | None = None

    async def load(self) -> None:
        """Read the queue of an earlier visit; it is paused."""
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
            saved = json.loads(await self._read() or "{}")
            items = [QueuedRun(**item) for item in saved.get("items", [])]
            self.experiments = {item.id: saved["experiments"][item.id] for item in items}
            self.texts = {sha: text_from_bytes(name, text.encode()) for sha, (name, text) in saved["texts"].items()}
            self.items, self.paused = items, bool(items)
        if self.items:
            self._send()

    async def plan_sweep(self, experiment: dict, values: dict[str, str]) -> None:
        """Send the names of a sweep's runs, and how long they take. Raises: ExperimentError naming the field."""
        sweep = self._expanded(experiment, values)
        self.emit(SweepPlanned([run.name for run in sweep.runs], await self.host.seconds_of(sweep)))

    async def queue_sweep(self, experiment: dict, values: dict[str, str]) -> None:
        """Add the runs of a sweep at the end, on the chosen text. Raises: ExperimentError, DataError without a text."""
        sweep, text = self._expanded(experiment, values), self.host.chosen_text()
        if text is None:
            raise DataError("there is no text to train on yet; choose one, or paste your own")
        if len(self.items) + len(sweep.runs) > MOST_QUEUED:
            raise ExperimentError(
                "", f"the queue would have {len(self.items) + len(sweep.runs)} runs, and it has at most {MOST_QUEUED}"
            )
        sweep_id = os.urandom(6).hex()
        for run in sweep.runs:
            item = QueuedRun(
                id=os.urandom(6).hex(),
                name=run.name,
                sweep=sweep_id,
                sweep_name=sweep.name,
                text=text.name,
                text_sha256=text.sha256,
                built_in=text.built_in,
                steps=run.experiment.train.steps,
            )
            self.items.append(item)
            self.experiments[item.id] = run.experiment.to_dict()
        self.texts[text.sha256] = text
        await self._changed()
        self._go_on()

    def _expanded(self, experiment: dict, values: dict[str, str]) -> Sweep:
        return expand(requested_experiment(experiment), values)

    async def move_queued(self, id: str, places: int) -> None:
        """Move a run that waits: down, or up for a negative number."""
        index = self._index(id)
        first = 1 if self.items[0].id == self.current else 0  # the run that trains stays the first
        if id != self.current:
            item = self.items.pop(index)
            self.items.insert(max(first, min(index + places, len(self.items))), item)
            await self._changed()

    async def drop_queued(self, id: str) -> None:
        """Take a run out of the queue. If it is training it stops, is kept, and the next one begins."""
        del self.items[self._index(id)]
        await self._changed()
        if id == self.current:
            await self.training.halt(Stopped)

    async def clear_queue(self) -> None:
        """Take out all runs that wait. One that is training goes on."""
        self.items = [item for item in self.items if item.id == self.current]
        await self._changed()

    async def pause_queue(self) -> None:
        """Pause the run that is training, and begin no other."""
        self.paused = True
        if self.current:
            await self.training.halt(Paused)
        await self._changed()

    async def continue_queue(self) -> None:
        """Go on with the first run."""
        self.paused = False
        await self._changed()
        self._go_on()

    async def hold(self) -> None:
        """The visitor is about to use the device for another run: the queue waits until it is continued."""
        if self.items and not self.paused:
            self.paused = True
            await self._changed()

    async def follow(self) -> None:
        """If the visitor has resumed the paused run of the queue, the queue goes on with it."""
        if self.items and self.training.active and self.training.run and self.training.run.id == self.run_id:
            await self.continue_queue()

    def _index(self, id: str) -> int:
        for index, item in enumerate(self.items):
            if item.id == id:
                return index
        raise CheckpointError("this run is no longer in the queue")

    def _go_on(self) -> None:
        if self.task is None or self.task.done():
            self.task = asyncio.ensure_future(self._work())

    async def _work(self) -> None:
        while self.items and not self.paused:
            if self.training.active and not self._is_training(self.items[0]):
                await self._wait()  # for the visitor's own run
                if self.training.halting is Paused:
                    await self.hold()
                continue
            item = self.items[0]
            try:
                self.current = item.id
                self._send()
                done = await self._train(item)
            except PygptError as error:
                self.current = ""
                if not isinstance(error, CalledOff):
                    self.emit(Error(f"the queue is paused: {sentence_of(error)}", field_of(error), "continue_queue"))
                await self.hold()
                return
            self.current = ""
            if done:
                self.items = [each for each in self.items if each.id != item.id]
            elif not self.paused:
                self.paused = True
            await self._changed()

    def _is_training(self, item: QueuedRun) -> bool:
        run = self.training.run
        return self.training.active and run is not None and run.id == self.run_id and item.id == self._last

    async def _train(self, item: QueuedRun) -> bool:
        """Train an item to its end, or go on with it. Returns whether it is done."""
        if not self._is_training(item):
            found = [run for run in await self.store.find() if run.get("queued") == item.id and "deleted" not in run]
            if found and found[0].get("state"):
                return True  # it had ended when the page was closed
            if found and found[0]["open"] == "elsewhere":
                raise CheckpointError(f"{item.name} is training in another tab; continue the queue there")
            if found:
                await self.host.resume_kept(found[0]["copy"])
            else:
                about = {"name": item.name, "sweep": item.sweep, "sweep_name": item.sweep_name, "queued": item.id}
                draft, text = Experiment.from_dict(self.experiments[item.id]), await self._text(item)
                if item not in self.items:  # dropped while its text was on its way
                    return True
                await self.host.begin_queued(draft, text, about)
            assert self.training.run is not None  # as it has begun
            self.run_id, self._last = self.training.run.id, item.id
            if self.paused or item not in self.items:  # paused or dropped while it was prepared
                await self.training.halt(Paused if self.paused else Stopped)
        await self._wait()
        run = self.training.run
        if self.paused or run is None or self.training.halting is Paused:
            return False
        if self.training.failure:
            return self.training.failure == "diverged"
        return True  # it has finished, or the visitor has stopped it

    async def _wait(self) -> None:
        if (task := self.training.task) is not None and not task.done():
            await asyncio.wait([task])

    async def _text(self, item: QueuedRun) -> Text:
        chosen = self.host.chosen_text()
        known = self.texts.get(item.text_sha256)
        if known is None and chosen is not None and chosen.sha256 == item.text_sha256:
            known = chosen
        if known is None and not item.built_in:
            raise DataError(f"{item.name} trains on {item.text}, and {LOST_TEXT}")
        return known or await self.host.load_text(item.text)

    async def _changed(self) -> None:
        """Keep the queue, and send it."""
        used = {item.text_sha256 for item in self.items}
        self.experiments = {item.id: self.experiments[item.id] for item in self.items}
        self.texts = {sha: text for sha, text in self.texts.items() if sha in used}
        own = {
            sha: (text.name, text.text)
            for sha, text in self.texts.items()
            if not text.built_in and len(text.text) <= LONGEST_KEPT
        }
        self._send()
        items = [vars(item) for item in self.items]
        await self.store.files.write_beside(
            QUEUE_FILE, json_text({"items": items, "experiments": self.experiments, "texts": own})
        )

    async def _read(self) -> str:
        return "" if self.store.only else str(await self.store.files.read_beside(QUEUE_FILE))

    def _send(self) -> None:
        self.emit(Queue([*self.items], self.paused, self.current))
