"""The job queue: trains one model at a time, and keeps each job's state across restarts."""

import asyncio
import contextlib
import logging
import time

from pygpt.config.experiment import Experiment
from pygpt.errors import PygptError, RequestError
from pygpt.server.event_log import EventLog, Subscribers
from pygpt.server.session_worker import SERVER, run_session
from pygpt.server.storage import DataSets, ModelFolder, Models
from pygpt.server.worker_process import Worker
from pygpt.session.messages import Evaluated, Progress

STOP_TIMEOUT = 20.0  # seconds a running job has to stop when the server shuts down
ENDED = ("trained", "stopped", "interrupted", "failed")


class TrainingSlot:
    """A lock on the training device: one user at a time."""

    def __init__(self):
        self.user = ""
        self.changed = asyncio.Condition()

    def acquire(self, user: str) -> None:
        """Acquire the slot. Raises: RequestError (409) if another user holds it."""
        if self.user not in ("", user):
            raise RequestError(409, f"this machine is busy with {self.user}; it runs one job at a time", "device")
        self.user = user

    async def release(self, user: str) -> None:
        """Release the slot and wake everyone who waits for it."""
        if self.user == user:
            self.user = ""
        async with self.changed:
            self.changed.notify_all()


class Job:
    """One model's training: waiting, running or ended. `record` is the content of job.json."""

    def __init__(self, folder: ModelFolder, known: dict):
        self.folder, self.record = folder, known
        self.log, self.subscribers = EventLog(), Subscribers()
        self.worker: Worker | None = None
        self.stop_requested = self.shutting_down = False

    @property
    def name(self) -> str:
        """The model's name."""
        return self.folder.name

    def set(self, **changes) -> None:
        """Change fields of `record`, write job.json, and notify the subscribers."""
        self.record.update(changes)
        self.folder.write_job(self.record)
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

    def start(self) -> None:
        """Restore an earlier server's queue, mark the job it was running as interrupted, and start to run jobs."""
        waiting = []
        for folder in self.models.list():
            record = folder.read_job()
            if record.get("state") == "training":
                self._mark_interrupted(folder, record)
            elif record.get("state") == "waiting":
                waiting.append(Job(folder, record))
        self.waiting = sorted(waiting, key=lambda job: job.record.get("asked", 0))
        self.task = asyncio.ensure_future(self._run())

    def _mark_interrupted(self, folder, record):
        record.update(
            state="interrupted",
            step=record.get("kept", 0),
            error=f"the server ended during training, at step {record.get('step', 0)}; "
            f"POST /lm/{folder.name}/resume continues from the checkpoint of step {record.get('kept', 0)}",
        )
        folder.write_job(record)

    async def add(self, name: str, experiment: Experiment, dataset: str) -> Job:
        """Queue the training of a new model. Raises: RequestError for a name that is taken or invalid."""
        job = Job(
            self.models.add(name),
            {
                "experiment": experiment.to_dict(),
                "dataset": dataset,
                "asked": time.time(),
                "state": "waiting",
                "step": 0,
                "steps": experiment.train.steps,
            },
        )
        await self._queue(job)
        return job

    async def resume(self, name: str) -> None:
        """Queue the remaining steps of a job that stopped early. Raises: RequestError if there is nothing to resume."""
        if job := self.live(name):
            raise RequestError(409, f"{name!r} is already {job.record['state']}")
        folder = self.models.get(name)
        record = folder.read_job()
        if record.get("state") not in ("stopped", "interrupted", "failed"):
            raise RequestError(
                409, f"{name!r} has no training to resume: it is {record.get('state', 'a model trained elsewhere')}"
            )
        record.pop("error", None)
        job = Job(folder, {**record, "state": "waiting", "asked": time.time()})
        restore_log(job)
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
        """Remove a job from the queue, or stop it after the current step."""
        job = self.live(name)
        if job is None:
            self.models.get(name)
            raise RequestError(409, f"{name!r} is not training")
        if job in self.waiting:
            self.waiting.remove(job)
            job.set(state="stopped")
            job.subscribers.close()
        else:
            await self._halt(job)

    async def _halt(self, job):
        events = job.subscribers.subscribe()
        job.stop_requested = True
        if job.worker is not None:
            await job.worker.send({"type": "stop"})
        while job.record["state"] not in ENDED and await events.get() is not None:
            continue
        job.subscribers.unsubscribe(events)

    async def shut_down(self) -> None:
        """Shut down: stop the running job and mark it as interrupted. Waiting jobs stay in the queue."""
        if self.current is not None:
            self.current.shutting_down = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._halt(self.current), STOP_TIMEOUT)
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])

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
                job.set(state="failed", error=str(error))
            except Exception as error:
                # A bug, or a full disk: the queue continues with the next job.
                logging.getLogger("uvicorn.error").exception("the training of %r failed", job.name)
                with contextlib.suppress(OSError):
                    job.set(state="failed", error=f"{type(error).__name__}: {error}")
            finally:
                if job.worker is not None:
                    await asyncio.shield(job.worker.end())
                self.current, job.worker = None, None
                job.subscribers.close()
                await self.slot.release(user)

    async def _train(self, job):
        job.set(state="training")
        resumes = job.folder.model.exists()
        data = None if resumes else await asyncio.to_thread(self.datasets.read, job.record["dataset"])
        worker = job.worker = Worker(run_session, str(job.folder.folder), self.choice)
        await worker.send({"type": "open_device", "choice": SERVER})
        await self._until(job, "device")
        if resumes:
            await worker.send({"type": "open_kept", "copy": job.folder.model.name})
            await self._until(job, "opened")
            await worker.send({"type": "resume"})
        else:
            await worker.send({"type": "choose_text", "name": job.record["dataset"], "built_in": data is None}, data)
            await self._until(job, "text")
            await worker.send({"type": "start", "experiment": job.record["experiment"]})
            await self._until(job, "started")
        if job.stop_requested:  # the stop was requested before training started
            await worker.send({"type": "stop"})
        ended = await self._until(job, "stopped", "finished")
        if ended["type"] == "finished":
            job.set(state="trained", step=ended["step"])
        elif job.shutting_down:
            job.set(
                state="interrupted",
                step=ended["step"],
                error="the server was shut down during training; "
                f"POST /lm/{job.name}/resume continues from step {ended['step']}",
            )
        else:
            job.set(state="failed" if "error" in job.record else "stopped", step=ended["step"])

    async def _until(self, job, *kinds):
        """Process events until one of these kinds. Raises: RequestError for an error before training or a crash."""
        while True:
            item = await job.worker.receive()
            if item is None:
                raise RequestError(500, job.worker.exit_reason)
            event, _ = item
            job.apply(event)
            if event["type"] in kinds:
                return event
            if event["type"] == "error" and event["during"] != "training":
                raise RequestError(422, event["message"], event["field"])


def restore_log(job: Job) -> None:
    """Rebuild the event log of an ended job from its metrics file."""
    if "experiment" not in job.record:
        return
    metrics = job.folder.read_metrics()
    facts = {
        "id": job.record.get("run_id", job.name),
        "experiment": job.record["experiment"],
        "text": job.record.get("dataset", ""),
        "step": 0,
        "parameters": job.record.get("parameters", 0),
        "vocabulary": job.record.get("vocabulary", 0),
    }
    run = {"run_id": facts["id"]}
    job.log.add({"type": "started", **run, "run": facts})
    losses = [metric for metric in metrics if metric.loss is not None]
    if losses:
        progress = Progress(
            facts["id"],
            [metric.step for metric in losses],
            [metric.loss for metric in losses],
            losses[-1].learning_rate,
            losses[-1].tokens_per_second,
            losses[-1].ms_per_step,
            0.0,
            {},
        )
        job.log.add(progress.to_dict())
    for metric in metrics:
        if metric.val_loss is not None:
            job.log.add(Evaluated(facts["id"], metric.step, metric.val_loss, metric.accuracy).to_dict())
    if job.record["state"] in ENDED:
        kind = "finished" if job.record["state"] == "trained" else "stopped"
        job.log.add({"type": kind, **run, "step": job.record.get("step", 0)})
