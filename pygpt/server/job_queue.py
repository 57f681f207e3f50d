"""The job queue: trains one model at a time, and keeps each job's state across restarts."""

import asyncio
import logging
import time

from pygpt.config.experiment import Experiment
from pygpt.errors import PygptError, RequestError
from pygpt.server.event_log import EventLog, Subscribers, restore_log
from pygpt.server.models import ENDED, ModelFolder, Models
from pygpt.server.session_worker import SERVER, run_model
from pygpt.server.storage import DataSets
from pygpt.server.training_slot import TrainingSlot
from pygpt.server.worker_process import Worker

STOP_TIMEOUT = 20.0  # seconds a running job has to stop; its process is then ended
RETRY_SECONDS = 5.0  # seconds between two attempts to write what a full disk has refused


class Job:
    """One model's training: waiting, running or ended. `record` is the content of job.json."""

    def __init__(self, folder: ModelFolder, known: dict):
        self.folder, self.record = folder, known
        self.log, self.subscribers = EventLog(), Subscribers()
        self.worker: Worker | None = None
        self.shutting_down = False
        self.stopping, self.ended = asyncio.Event(), asyncio.Event()
        self.left = asyncio.Event()  # its process has ended too, which writes in its folder until then
        # The disk refuses the model of a run that has ended; a stop gives up what is not saved.
        self.refused, self.giving_up = asyncio.Event(), asyncio.Event()

    @property
    def name(self) -> str:
        """The model's name."""
        return self.folder.name

    @property
    def stop_requested(self) -> bool:
        """Whether the job is to stop."""
        return self.stopping.is_set()

    @property
    def early_end(self) -> str:
        """The state of a job that ends before its last step."""
        return "interrupted" if self.shutting_down else "stopped" if self.stop_requested else "failed"

    def set(self, **changes) -> None:
        """Change fields of `record`, write job.json now or when the disk takes it, and notify the subscribers."""
        self.record.update(changes)
        self.folder.keep_job(self.record)
        self.subscribers.publish({"type": "state", "name": self.name, **self.record})

    def apply(self, event: dict) -> None:
        """Process an event of the training."""
        kind = event["type"]
        if kind != "opened" or self.log.start_event is None:  # a resumed job has its log already
            self.log.add(event)
        if kind in ("started", "opened"):
            run = event["run"]
            self.set(
                state="training",
                run_id=run["id"],
                step=run["step"],
                parameters=run["parameters"],
                vocabulary=run["vocabulary"],
            )
        elif kind == "device":
            self.record["device"] = event["name"]
        elif kind == "progress":
            self.record.update(step=event["steps"][-1], loss=event["losses"][-1])
        elif kind == "evaluated":
            self.record.update({name: event[name] for name in ("val_loss", "accuracy") if event.get(name) is not None})
        elif kind == "kept":
            self.record.pop("error", None)  # of a copy that could not be written before
            self.set(kept=event["step"])
        elif kind == "error":
            self.record["error"] = event["message"]
        if kind not in ("text", "device", "curve"):  # subscribers have the losses from the log
            self.subscribers.publish(event)


class Queue:
    """The waiting jobs and the running one."""

    def __init__(self, slot: TrainingSlot, models: Models, datasets: DataSets, choice: str):
        self.slot, self.models, self.datasets, self.choice = slot, models, datasets, choice
        self.waiting: list[Job] = []
        self.current: Job | None = None
        self.task: asyncio.Task | None = None
        self.writing: asyncio.Task | None = None

    def start(self) -> None:
        """Restore an earlier server's queue, mark the job it was running as interrupted, and start to run jobs."""
        waiting = []
        for folder in self.models.list():
            record = folder.read_job()
            if record.get("state") == "training":
                self._mark_interrupted(folder, record)
            elif record.get("state") == "waiting" and _can_train(folder, record):
                waiting.append(Job(folder, record))
        self.waiting = sorted(waiting, key=lambda job: job.record.get("asked", 0))
        self.task = asyncio.ensure_future(self._run())
        self.writing = asyncio.ensure_future(self._write_again())

    async def _write_again(self):
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            self.models.write_again()

    def record(self, name: str) -> dict:
        """The record of a model's training. Raises: RequestError (404) for an unknown model."""
        if live := self.live(name):
            return dict(live.record)
        record = {"state": "trained", **self.models.get(name).read_job()}
        # A folder that was copied here while its training ran elsewhere.
        return record if record["state"] in ENDED else {**record, "state": "interrupted"}

    def _mark_interrupted(self, folder, record):
        record.update(
            state="interrupted",
            step=record.get("kept", 0),
            error=f"the server ended during training, at step {record.get('step', 0)}; {_way_on(folder, record)}",
        )
        folder.keep_job(record)

    async def add(self, name: str, experiment: Experiment, dataset: str) -> Job:
        """Queue the training of a new model. Raises: RequestError for a name that is taken or invalid."""
        record = {
            "experiment": experiment.to_dict(),
            "dataset": dataset,
            "asked": time.time(),
            "state": "waiting",
            "step": 0,
            "steps": experiment.train.steps,
        }
        job = Job(self.models.add(name, record), record)
        await self._queue(job)
        return job

    async def resume(self, name: str) -> None:
        """Queue the remaining steps of a job that stopped early. Raises: RequestError if there is nothing to resume."""
        if job := self.live(name):
            raise RequestError(409, f"{name!r} is already {job.record['state']}", "name")
        folder, record = self.models.get(name), self.record(name)
        if record["state"] == "trained":
            raise RequestError(409, f"{name!r} has no training to resume: it is trained", "name")
        if not _can_train(folder, record):
            raise RequestError(
                409,
                f"{name!r} cannot be resumed: its folder has neither a checkpoint nor its settings; delete it "
                f"(DELETE /lm/{name}) and train it anew",
                "name",
            )
        record.pop("error", None)
        job = Job(folder, {**record, "state": "waiting", "asked": time.time()})
        restore_log(job.log, folder, job.record)
        await self._queue(job)

    async def _queue(self, job):
        job.set()
        self.waiting.append(job)
        async with self.slot.changed:
            self.slot.changed.notify_all()

    def live(self, name: str) -> Job | None:
        """The waiting or running job with that name."""
        return next((job for job in self.all_live() if job.name == name), None)

    def all_live(self) -> list[Job]:
        """The waiting jobs and the running one."""
        return [job for job in (*self.waiting, self.current) if job is not None and job.record["state"] not in ENDED]

    def position(self, job: Job) -> int:
        """A job's position in the queue; the running job has 0."""
        return self.waiting.index(job) + 1 if job in self.waiting else 0

    async def stop(self, name: str) -> None:
        """Remove a job from the queue, or stop it after the current step. Raises: RequestError, as `_halt` says."""
        job = self.live(name)
        if job is None:
            self.models.get(name)
            raise RequestError(409, f"{name!r} is not training", "name")
        if job in self.waiting:
            self.waiting.remove(job)
            job.set(state="stopped")
            job.subscribers.close()
        else:
            await self._halt(job)

    async def _halt(self, job):
        """Stop the running job after its step, or after STOP_TIMEOUT in the middle of it. A job whose model waits for
        room on the disk gives up what is not saved. Raises: RequestError (507) if the model has to wait for room."""
        if job.refused.is_set() or job.shutting_down:
            job.giving_up.set()
        job.stopping.set()
        if job.worker is not None:
            await job.worker.send({"type": "stop"})
        await _first_of([job.ended] if job.giving_up.is_set() else [job.ended, job.refused], STOP_TIMEOUT)
        if job.ended.is_set():
            return
        if job.refused.is_set() and not job.giving_up.is_set():
            raise RequestError(507, f"{job.name!r} has stopped, but is not saved: {job.record['error']}")
        if job.worker is not None:
            job.worker.process.kill()
        await job.ended.wait()

    async def wait_until_left(self, name: str) -> None:
        """Wait until no process writes in a model's folder. Raises: RequestError (409) for a live job."""
        while True:
            if job := self.live(name):
                state = job.record["state"]
                raise RequestError(409, f"{name!r} is {state}; stop it first (POST /lm/{name}/stop)", "name")
            if self.current is None or self.current.name != name:
                return
            await self.current.left.wait()

    async def shut_down(self) -> None:
        """Shut down: stop the running job and mark it as interrupted. Waiting jobs stay in the queue."""
        if self.current is not None:
            self.current.shutting_down = True
            await self._halt(self.current)
        for task in filter(None, (self.task, self.writing)):
            task.cancel()
            await asyncio.wait([task])
        self.models.write_again()

    async def _run(self):
        while True:
            async with self.slot.changed:
                await self.slot.changed.wait_for(lambda: self.waiting and not self.slot.user)
                job = self.current = self.waiting.pop(0)
                self.slot.user = f"the training of {job.name!r}"
            for later in self.waiting:
                later.subscribers.publish(
                    {"type": "state", "name": later.name, **later.record, "place": self.position(later)}
                )
            user = self.slot.user
            try:
                await self._train(job)
            except PygptError as error:
                job.set(state=job.early_end, step=job.record.get("kept", 0), error=str(error))
            except Exception as error:
                # A bug: the queue continues with the next job.
                logging.getLogger("uvicorn.error").exception("the training of %r failed", job.name)
                job.set(state="failed", error=f"{type(error).__name__}: {error}")
            finally:
                job.ended.set()
                if job.worker is not None:
                    await asyncio.shield(job.worker.end())
                self.current, job.worker = None, None
                job.left.set()
                job.subscribers.close()
                await self.slot.release(user)

    async def _train(self, job):
        job.set(state="training")
        resumes = job.folder.model.exists()
        data = None if resumes else await asyncio.to_thread(self.datasets.read, job.record["dataset"])
        worker = job.worker = Worker(run_model, str(job.folder.folder), self.choice)
        await worker.send({"type": "open_device", "choice": SERVER})
        await self._until(job, "device")
        if resumes:
            await worker.send({"type": "open_kept", "copy": job.folder.folder.name})
            await self._until(job, "opened")
            await worker.send({"type": "resume"})
            # A stop that overtakes this command is answered at once, with "stopped", and the training then begins.
            await self._until(job, "resumed")
        else:
            await worker.send({"type": "choose_text", "name": job.record["dataset"], "built_in": data is None}, data)
            await self._until(job, "text")
            await worker.send({"type": "start", "experiment": job.record["experiment"]})
            await self._until(job, "started")
        if job.stop_requested:  # the stop was requested before training started
            await worker.send({"type": "stop"})
        ended = await self._until(job, "stopped", "finished")
        finished = ended["type"] == "finished"
        kept = await self._is_kept(job, ended["step"]) if finished or job.stop_requested else False
        if finished and kept:
            job.set(state="trained", step=ended["step"])
            return
        step = job.record.get("kept", 0)
        job.set(state=job.early_end, step=step)
        if job.shutting_down:
            job.set(error=f"the server was shut down during training; {_way_on(job.folder, job.record)}")

    async def _is_kept(self, job, step):
        """Save a run that has ended until the disk takes it, or it is given up; return whether it is saved."""
        while job.record.get("kept") != step:
            await job.worker.send({"type": "keep"})
            await self._until(job, "kept", "error")
            if job.record.get("kept") == step:
                break
            reason, saved = job.record["error"], job.record.get("kept", 0)
            if job.giving_up.is_set():
                job.set(error=f"the training stopped at step {step:,}; step {saved:,} is saved: {reason}")
                logging.getLogger("uvicorn.error").error("%r: %s", job.name, job.record["error"])
                return False
            waits = f"step {step:,} is saved as soon as there is room, and holds the machine until then"
            # While the process holds the model.
            job.set(step=step, error=f"{reason}; {waits}. To give it up: POST /lm/{job.name}/stop")
            job.refused.set()
            await _first_of([job.giving_up], RETRY_SECONDS)
        return True

    async def _until(self, job, *kinds):
        """Process events until one of these kinds. Raises: RequestError for an error before training, or an end."""
        while True:
            item = await job.worker.receive()
            if item is None:
                if job.stop_requested:
                    raise RequestError(500, f"the training did not stop within {STOP_TIMEOUT:g} seconds, and was ended")
                reason = job.worker.exit_reason(f"the training of {job.name!r}")
                step, way_on = job.record.get("step", 0), _way_on(job.folder, job.record)
                raise RequestError(500, f"{reason}, at step {step}; {way_on}")
            event, _ = item
            job.apply(event)
            if event["type"] in kinds:
                return event
            if event["type"] == "error" and event["during"] != "training":
                raise RequestError(422, event["message"], event["field"])


async def _first_of(events, timeout):
    """Wait for one of the events, or for `timeout` seconds."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


def _can_train(folder: ModelFolder, record: dict) -> bool:
    """Whether a training can continue, from its checkpoint, or begin with its settings."""
    return folder.model.is_file() or {"experiment", "dataset"} <= record.keys()


def _way_on(folder: ModelFolder, record: dict) -> str:
    """What resuming a training that was cut short does."""
    resume = f"POST /lm/{folder.name}/resume"
    if not folder.model.is_file():
        return f"{resume} starts anew, because no checkpoint was saved"
    return f"{resume} continues from the checkpoint of step {record.get('kept', 0)}"
