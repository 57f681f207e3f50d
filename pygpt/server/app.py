"""The routes: data sets under /ds, models under /lm, the lab everywhere else."""

import asyncio
import contextlib
import dataclasses
from pathlib import Path
from typing import Annotated

import fastapi_offline
from fastapi import Body, FastAPI, File, Form, Request, UploadFile, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse

from pygpt.errors import PygptError, RequestError
from pygpt.server.generation import Generation
from pygpt.server.job_queue import ENDED, Job, Queue, TrainingSlot, restore_log
from pygpt.server.lab_socket import LabSocket
from pygpt.server.schemas import GenerateRequest, TrainRequest, experiment_for
from pygpt.server.security import SecurityMiddleware
from pygpt.server.session_worker import SERVER
from pygpt.server.static import LabFiles
from pygpt.server.storage import DataSets, Models
from pygpt.session.messages import encode
from pygpt.utils.suggest import did_you_mean
from pygpt.version import __version__

KEEPALIVE_SECONDS = 15.0  # seconds without an event after which a stream sends a comment, to keep the connection open


class Service:
    """The server's state and workers, without its routes. `choice` is the device to compute on."""

    def __init__(self, folder: Path, choice: str = "auto"):
        self.folder, self.choice = Path(folder), choice
        self.datasets, self.models = DataSets(self.folder / "ds"), Models(self.folder / "lm")
        self.slot = TrainingSlot()
        self.queue = Queue(self.slot, self.models, self.datasets, choice)
        self.generation = Generation(choice)
        self.lab = LabSocket(self.slot, self.folder / "lab", choice)

    @contextlib.asynccontextmanager
    async def running(self, app):
        """Start the job queue with the application, and end every worker when the application stops."""
        self.queue.start()
        yield
        await self.queue.shut_down()
        await self.lab.end()
        await self.generation.end()

    def close_streams(self) -> None:
        """Close the event streams and the page's socket: a server that shuts down waits for them."""
        for job in self.queue.all_live():
            job.subscribers.close()
        self.lab.disconnect_page()

    def job(self, name: str) -> Job:
        """A model's training job, live or restored from its folder. Raises: RequestError (404) for an unknown model."""
        if live := self.queue.live(name):
            return live
        folder = self.models.get(name)
        job = Job(folder, {"state": "trained", **folder.read_job()})
        restore_log(job)
        return job

    def model_summary(self, name: str) -> dict:
        """The fields of a model in the response of GET /lm."""
        live = self.queue.live(name)
        record = dict(live.record) if live else {"state": "trained", **self.models.get(name).read_job()}
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
) -> FastAPI:
    """Build the application for a service; `pages` adds the lab. `largest_upload` is in bytes."""
    app = fastapi_offline.FastAPIOffline(
        title="pygpt serve",
        version=__version__,
        redoc_url=None,
        lifespan=service.running,
        description="Data sets, and models that are trained on them.",
    )
    app.add_middleware(SecurityMiddleware, loopback=loopback, names=names, largest_upload=largest_upload)
    _add_error_handlers(app)
    _add_dataset_routes(app, service)
    _add_model_routes(app, service)
    _add_inference_routes(app, service)
    if pages is not None:
        _add_lab_routes(app, service, pages)
    return app


def _add_error_handlers(app):
    @app.exception_handler(PygptError)
    async def pygpt_error(request, error):
        status = error.status if isinstance(error, RequestError) else 422
        return JSONResponse({"detail": str(error), "field": getattr(error, "field", "")}, status)

    @app.exception_handler(RequestValidationError)
    async def invalid_request(request, error):
        fields = (GenerateRequest if request.url.path.endswith("/generate") else TrainRequest).model_fields
        problems = [_describe(problem, fields) for problem in error.errors()]
        return JSONResponse({"detail": "; ".join(message for _, message in problems), "field": problems[0][0]}, 422)


def _describe(error, fields):
    """(field, message) for one of pydantic's errors; `fields` are the valid fields of the body."""
    path = [str(part) for part in error["loc"] if part not in ("body", "query", "path")]
    field = ".".join(path)
    if error["type"] == "extra_forbidden":
        return field, f"{field}: there is no such field{did_you_mean(field, fields)}"
    return (
        field,
        f"{field or 'the body'}: {error['msg'][:1].lower()}{error['msg'][1:]}, got {str(error.get('input'))[:80]!r}",
    )


def _add_dataset_routes(app, service):
    @app.get("/ds", tags=["data sets"])
    async def data_sets() -> dict:
        """List the data sets: the built-in texts and the uploaded ones."""
        return {"datasets": [dataclasses.asdict(dataset) for dataset in service.datasets.list()]}

    @app.post("/ds/upload", status_code=201, tags=["data sets"])
    async def upload(
        file: Annotated[UploadFile, File(description="a text file in UTF-8")],
        name: Annotated[str, Form(description="name of the data set (default: the file's name)")] = "",
        layout: Annotated[str, Form(description="stream (one continuous text) or documents (one per line)")] = "stream",
    ) -> dict:
        """Store a text to train on."""
        if layout not in ("stream", "documents"):
            raise RequestError(422, f"layout: {layout[:40]!r} is not one of stream, documents", "layout")
        title = file.filename or name
        dataset = await asyncio.to_thread(
            service.datasets.add, name or title.rsplit(".", 1)[0], await file.read(), layout, title
        )
        return dataclasses.asdict(dataset)

    @app.delete("/ds/{name}", tags=["data sets"])
    async def delete_data_set(name: str) -> dict:
        """Delete an uploaded text. Models trained on it keep a copy in their files."""
        busy = [job.name for job in service.queue.all_live() if job.record["dataset"] == name]
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

    @app.get("/lm/{name}", tags=["models"])
    async def model(name: str) -> dict:
        """One model: its settings and its progress."""
        return service.model_summary(name)

    @app.post("/lm/{name}/train", status_code=202, tags=["training"])
    async def train(name: str, settings: Annotated[TrainRequest, Body()] = TrainRequest()) -> dict:
        """Queue the training of a new model. One model trains at a time; /lm/{name}/events streams its progress."""
        get_dataset = service.datasets.get if settings.vocab_size is None else service.datasets.get_counted
        dataset = await asyncio.to_thread(get_dataset, settings.dataset)
        job = await queue.add(name, experiment_for(settings, name, dataset), dataset.name)
        return service.model_summary(job.name) | {"events": f"/lm/{name}/events"}

    @app.post("/lm/{name}/resume", status_code=202, tags=["training"])
    async def resume(name: str) -> dict:
        """Queue the remaining steps of a training job that was stopped, was interrupted or failed."""
        await queue.resume(name)
        return service.model_summary(name) | {"events": f"/lm/{name}/events"}

    @app.post("/lm/{name}/stop", tags=["training"])
    async def stop(name: str) -> dict:
        """Stop training after the current step and keep the model, or remove a waiting model from the queue."""
        await queue.stop(name)
        return service.model_summary(name)

    @app.delete("/lm/{name}", tags=["models"])
    async def delete_model(name: str) -> dict:
        """Delete a model and all its files."""
        if live := queue.live(name):
            raise RequestError(409, f"{name!r} is {live.record['state']}; stop it first (POST /lm/{name}/stop)", "name")
        await asyncio.to_thread(service.models.delete, name)
        return {"deleted": name}

    @app.get(
        "/lm/{name}/events",
        tags=["training"],
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def events(name: str, request: Request) -> Response:
        """Stream the progress of a training job as server-sent events: all past events first, then new ones.

        Their names and fields are those of lab/transport/messages.js (`started`, `progress`, `evaluated`, `sample`,
        `finished` ...). `state` has the fields of GET /lm/{name}. The id of an event is a step: a client that
        reconnects with Last-Event-ID receives the events after that step.
        """
        job, last = service.job(name), request.headers.get("last-event-id", "")
        after = int(last) if last.isdecimal() else -1
        if job.record["state"] in ENDED and after >= job.log.step:
            return Response(status_code=204)  # an EventSource then does not reconnect
        return StreamingResponse(
            _stream(service, job, after),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


async def _stream(service, job, after):
    def message(event, step=None):
        event_id = "" if step is None else f"id: {step}\n"
        return f"{event_id}event: {event['type']}\ndata: {encode(event)}\n\n"

    queue = job.subscribers.subscribe()
    try:
        yield message({"type": "state", **service.model_summary(job.name)})
        past, step = job.log.events_after(after), job.log.step
        # Only the last past event has an id: a client that is cut off before it must receive them all again.
        for event in past:
            yield message(event, step if event is past[-1] else None)
        while job.record["state"] not in ENDED or not queue.empty():
            try:
                event = await asyncio.wait_for(queue.get(), KEEPALIVE_SECONDS)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if event is None:
                break
            yield message(event, job.log.step)
    finally:
        job.subscribers.unsubscribe(queue)


def _add_inference_routes(app, service):
    def file_of(name):
        folder = service.models.get(name)
        if not folder.model.exists():
            raise RequestError(409, f"{name!r} has not been trained far enough to be saved; try again later", "name")
        return folder.model

    @app.get("/lm/{name}/eval", tags=["inference"])
    async def evaluate(name: str, dataset: str = "") -> dict:
        """Compute the loss on the whole validation split of a text (default: the one the model was trained on)."""
        data = await asyncio.to_thread(service.datasets.read, dataset) if dataset else None
        results = await service.generation.evaluate(file_of(name), dataset, data)
        return {field: value for field, value in results.items() if field != "type"}

    @app.post("/lm/{name}/generate", tags=["inference"], response_class=PlainTextResponse)
    async def generate(name: str, settings: Annotated[GenerateRequest, Body()] = GenerateRequest()) -> Response:
        """Generate text after the prompt, and stream it. A model that is still training uses its last checkpoint."""
        pieces = service.generation.generate(file_of(name), **settings.model_dump())
        # Wait for the first piece, so that an error before it can still set the response's status.
        first = await anext(pieces, "")

        async def all_pieces():
            async with contextlib.aclosing(pieces):
                yield first
                async for piece in pieces:
                    yield piece

        return StreamingResponse(
            all_pieces(), media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"}
        )

    @app.get("/lm/{name}/model.safetensors", tags=["models"])
    async def download(name: str) -> FileResponse:
        """Download the model as a file that the lab and `pygpt sample` can open."""
        return FileResponse(file_of(name), media_type="application/octet-stream", filename=f"{name}.safetensors")


def _add_lab_routes(app, service, pages):
    @app.websocket("/lab/socket")
    async def connect_page(socket: WebSocket):
        await service.lab.serve_page(socket)

    @app.get("/site.json", include_in_schema=False)
    async def site() -> JSONResponse:
        # With MACHINE, the page offers this machine as a device.
        return JSONResponse(pages.contents | {SERVER: True}, headers=pages.headers("site.json"))

    app.mount("/", pages)
