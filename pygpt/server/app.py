"""The routes: data sets under /ds, models under /lm, the lab everywhere else."""

import asyncio
import contextlib
import dataclasses
import re
import shutil
from pathlib import Path
from typing import Annotated, Literal

import fastapi_offline
from fastapi import Body, Depends, FastAPI, File, Form, Header, Request, UploadFile, WebSocket
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse

from pygpt.config.experiment import PRESETS, Experiment
from pygpt.errors import RequestError
from pygpt.server.event_log import restore_log
from pygpt.server.generation import Generation
from pygpt.server.head import HeadMiddleware
from pygpt.server.job_queue import Job, Queue
from pygpt.server.lab_socket import LabSocket
from pygpt.server.models import ENDED, Models
from pygpt.server.names import make_folder, writing
from pygpt.server.parameters import check_names
from pygpt.server.problems import add_error_handlers, ended_by_errors, problems
from pygpt.server.schemas import GenerateRequest, TrainRequest, experiment_for
from pygpt.server.security import SecurityMiddleware
from pygpt.server.session_worker import SERVER
from pygpt.server.static import LabFiles
from pygpt.server.storage import DataSets
from pygpt.server.training_slot import TrainingSlot
from pygpt.session.events import encode
from pygpt.session.messages import Error
from pygpt.utils.folder_lock import lock_folder
from pygpt.version import __version__

STEP = re.compile(r"[0-9]{1,15}")  # a Last-Event-ID that this server can have sent
KEEPALIVE_SECONDS = 15.0  # seconds without an event after which a stream sends a comment, to keep the connection open


class Service:
    """The server's state and workers, without its routes. `choice` is the device to compute on.

    Raises: PygptError if the folder cannot be used, or is that of another server.
    """

    def __init__(self, folder: Path, choice: str = "auto"):
        self.folder, self.choice = make_folder(Path(folder)), choice
        with writing(self.folder):
            self.folder_lock = lock_folder(self.folder, "choose another folder with --folder")
        self.datasets, self.models = DataSets(self.folder / "ds"), Models(self.folder / "lm")
        self.slot = TrainingSlot()
        self.queue = Queue(self.slot, self.models, self.datasets, choice)
        self.generation = Generation(choice)
        self.lab = LabSocket(self.slot, self.folder / "lab", choice)
        self.uploading = asyncio.Lock()  # one upload at a time is in memory
        with writing(self.folder):
            self.datasets.clean()
            self.models.clean()
            self.lab.clean()

    @contextlib.asynccontextmanager
    async def running(self, app):
        """Start the job queue with the application, and end every worker when the application stops."""
        self.queue.start()
        yield
        await self.queue.shut_down()
        await self.lab.end()
        await self.generation.end()
        self.folder_lock.close()

    def close_streams(self) -> None:
        """End the streams, the evaluations and the page's socket: a server that shuts down waits for them."""
        for job in self.queue.all_live():
            job.subscribers.close()
        self.generation.close()
        self.lab.disconnect_page()

    def job(self, name: str) -> Job:
        """A model's training job, live or restored from its folder. Raises: RequestError (404) for an unknown model."""
        if live := self.queue.live(name):
            return live
        job = Job(self.models.get(name), self.queue.record(name))
        restore_log(job.log, job.folder, job.record)
        return job

    def file_of(self, name: str) -> Path:
        """A model's file. Raises: RequestError (404) for an unknown model, (409) for one without a file."""
        return self.models.get(name).file(self.queue.record(name)["state"])

    def model_summary(self, name: str) -> dict:
        """The fields of a model in the response of GET /lm."""
        live = self.queue.live(name)
        record = self.queue.record(name)
        state = record["state"]
        facts = {"name": name, **record, "resumable": state in ("stopped", "interrupted", "failed")}
        if live in self.queue.waiting:
            facts |= {"place": self.queue.position(live), "waits_for": self.slot.user or "its turn"}
        if live and state == "training":
            facts |= {field: live.log.speed.get(field) for field in ("tokens_per_second", "seconds_left")}
        return facts


def create_app(
    service: Service,
    pages: LabFiles | None = None,
    *,
    loopback: bool = True,
    names: tuple[str, ...] = (),
    largest_upload: int,
    token: str = "",
) -> FastAPI:
    """Build the application for a service; `pages` adds the lab. `largest_upload` is in bytes.

    Requests need the `token`, unless it is "".
    """
    app = fastapi_offline.FastAPIOffline(
        title="pygpt serve",
        version=__version__,
        redoc_url=None,
        lifespan=service.running,
        dependencies=[Depends(check_names)],
        responses=problems(401, 403, 421, 422),
        description="Data sets, and models that are trained on them.",
    )
    app.add_middleware(HeadMiddleware)
    app.add_middleware(SecurityMiddleware, loopback=loopback, names=names, largest_upload=largest_upload, token=token)
    add_error_handlers(app)
    _add_dataset_routes(app, service)
    _add_model_routes(app, service)
    _add_inference_routes(app, service)
    if pages is not None:
        _add_lab_routes(app, service, pages)
    return app


def _add_dataset_routes(app, service):
    @app.get("/ds", tags=["data sets"])
    async def data_sets() -> dict:
        """List the data sets: the built-in texts and the uploaded ones."""
        return {"datasets": [dataclasses.asdict(dataset) for dataset in service.datasets.list()]}

    @app.post("/ds/upload", status_code=201, tags=["data sets"], responses=problems(400, 408, 409, 413, 507))
    async def upload(
        file: Annotated[UploadFile, File(description="a text file in UTF-8")],
        name: Annotated[str, Form(description="name of the data set (default: the file's name)")] = "",
        layout: Annotated[
            Literal["stream", "documents"],
            Form(description="stream (one continuous text) or documents (one per line)"),
        ] = "stream",
    ) -> dict:
        """Store a text to train on."""
        title = file.filename or name
        async with service.uploading:
            dataset = await asyncio.to_thread(service.datasets.add, name, await file.read(), layout, title)
        return dataclasses.asdict(dataset)

    @app.delete("/ds/{name}", tags=["data sets"], responses=problems(404, 409))
    async def delete_data_set(name: str) -> dict:
        """Delete an uploaded text. Models trained on it keep a copy in their files."""
        busy = [job.name for job in service.queue.all_live() if job.record.get("dataset") == name]
        if busy:
            raise RequestError(409, f"the data set {name!r} is in use by models in training: {', '.join(busy)}", "name")
        service.datasets.delete(name)
        return {"deleted": name}


def _add_model_routes(app, service):
    queue = service.queue

    @app.get("/lm", tags=["models"])
    async def models() -> dict:
        """List the models: trained, training or waiting in the queue."""
        return {
            "models": [service.model_summary(folder.name) for folder in service.models.list()],
            "queue": [job.name for job in queue.waiting],
            "machine": service.slot.user or "free",
        }

    @app.get("/lm/{name}", tags=["models"], responses=problems(404))
    async def model(name: str) -> dict:
        """One model: its settings and its progress."""
        return service.model_summary(name)

    @app.post(
        "/lm/{name}/train",
        status_code=202,
        tags=["training"],
        responses=problems(400, 404, 408, 409, 413, 507),
    )
    async def train(name: str, settings: Annotated[TrainRequest, Body()] = TrainRequest()) -> dict:
        """Queue the training of a new model. One model trains at a time; /lm/{name}/events streams its progress."""
        get_dataset = service.datasets.get if settings.vocab_size is None else service.datasets.get_counted
        preset = PRESETS.get(settings.preset, Experiment())  # an unknown one is refused with its name below
        chosen = preset.data.source if settings.dataset is None else settings.dataset
        dataset = await asyncio.to_thread(get_dataset, chosen)
        job = await queue.add(name, experiment_for(settings, name, dataset), dataset.name)
        return service.model_summary(job.name) | {"events": f"/lm/{name}/events"}

    @app.post("/lm/{name}/resume", status_code=202, tags=["training"], responses=problems(404, 409))
    async def resume(name: str) -> dict:
        """Queue the remaining steps of a training job that was stopped, was interrupted or failed."""
        await queue.resume(name)
        return service.model_summary(name) | {"events": f"/lm/{name}/events"}

    @app.post("/lm/{name}/stop", tags=["training"], responses=problems(404, 409, 507))
    async def stop(name: str) -> dict:
        """Stop training after the current step and keep the model, or remove a waiting model from the queue.

        A model that the disk refuses is saved as soon as there is room (507); a second stop gives up its last steps.
        """
        await queue.stop(name)
        return service.model_summary(name)

    @app.delete("/lm/{name}", tags=["models"], responses=problems(404, 409))
    async def delete_model(name: str) -> dict:
        """Delete a model and all its files."""
        await queue.wait_until_left(name)
        gone = service.models.take_out(name)
        await asyncio.to_thread(shutil.rmtree, gone, ignore_errors=True)
        return {"deleted": name}

    @app.get(
        "/lm/{name}/events",
        tags=["training"],
        response_class=StreamingResponse,
        responses=problems(404)
        | {
            200: {"content": {"text/event-stream": {}}},
            204: {"description": "the client has received all events of a training job that has ended"},
        },
    )
    async def events(name: str, last_event_id: Annotated[str, Header()] = "") -> Response:
        """Stream the progress of a training job as server-sent events: all past events first, then new ones.

        Their names and fields are those of lab/transport/messages.js (`started`, `progress`, `evaluated`, `sample`,
        `finished` ...). `state` has the fields of GET /lm/{name}. The id of an event is a step: a client that
        reconnects with Last-Event-ID receives the events after that step. If the stream fails, its last event is an
        `error`.
        """
        job = service.job(name)
        after = int(last_event_id) if STEP.fullmatch(last_event_id) else -1
        if job.record["state"] in ENDED and after >= job.log.step:
            return Response(status_code=204)  # an EventSource then does not reconnect
        return StreamingResponse(
            ended_by_errors(_stream(service, job, after), lambda sentence: _message(Error(sentence, "", "").to_dict())),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


def _message(event, step=None):
    event_id = "" if step is None else f"id: {step}\n"
    return f"{event_id}event: {event['type']}\ndata: {encode(event)}\n\n"


async def _stream(service, job, after):
    queue = job.subscribers.subscribe()
    try:
        yield _message({"type": "state", **service.model_summary(job.name)})
        past, step = job.log.events_after(after), job.log.step
        # Only the last past event has an id: a client that is cut off before it must receive them all again.
        for event in past:
            yield _message(event, step if event is past[-1] else None)
        while job.record["state"] not in ENDED or not queue.empty():
            try:
                event = await asyncio.wait_for(queue.get(), KEEPALIVE_SECONDS)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if event is None:
                break
            yield _message(event, job.log.step)
    finally:
        job.subscribers.unsubscribe(queue)


def _add_inference_routes(app, service):
    @app.get("/lm/{name}/eval", tags=["inference"], responses=problems(404, 409, 503))
    async def evaluate(request: Request, name: str, dataset: str = "") -> dict:
        """Compute the loss on the whole validation split of a text (default: the one the model was trained on)."""
        data = await asyncio.to_thread(service.datasets.read, dataset) if dataset else None
        results = await service.generation.evaluate(
            lambda: service.file_of(name), dataset, data, request.is_disconnected
        )
        return {field: value for field, value in results.items() if field != "type"}

    @app.post(
        "/lm/{name}/generate",
        tags=["inference"],
        response_class=StreamingResponse,
        responses=problems(400, 404, 408, 409, 413, 503) | {200: {"content": {"text/plain": {}}}},
    )
    async def generate(name: str, settings: Annotated[GenerateRequest, Body()] = GenerateRequest()) -> Response:
        """Generate text after the prompt, and stream it. A model that is still training uses its last checkpoint.

        An error after the first piece of text is a last line of its own, which begins with "error: ". If the server
        shuts down, it is "error: the server is shutting down".
        """
        pieces = service.generation.generate(lambda: service.file_of(name), **settings.model_dump())
        # Wait for the first piece, so that an error before it can still set the response's status.
        first = await anext(pieces, "")

        async def all_pieces():
            yield first
            async with contextlib.aclosing(pieces):
                async for piece in pieces:
                    yield piece

        return StreamingResponse(
            ended_by_errors(all_pieces(), lambda sentence: f"\nerror: {sentence}\n"),
            media_type="text/plain; charset=utf-8",
            headers={"Cache-Control": "no-store"},
        )

    @app.get(
        "/lm/{name}/model.safetensors",
        tags=["models"],
        response_class=FileResponse,
        responses=problems(404, 409) | {200: {"content": {"application/octet-stream": {}}}},
    )
    async def download(name: str) -> FileResponse:
        """Download the model as a file that the lab and `pygpt sample` can open; a damaged file is 422."""
        path = service.file_of(name)
        await asyncio.to_thread(service.models.get(name).check_file)
        return FileResponse(path, media_type="application/octet-stream", filename=f"{name}.safetensors")


def _add_lab_routes(app, service, pages):
    @app.websocket("/lab/socket")
    async def connect_page(socket: WebSocket):
        await service.lab.serve_page(socket)

    @app.get("/site.json", include_in_schema=False)
    async def site() -> JSONResponse:
        # With MACHINE, the page offers this machine as a device.
        return JSONResponse(pages.contents | {SERVER: True}, headers=pages.headers("site.json"))

    app.mount("/", pages)
