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
from pygpt.server.job_queue import ENDED, Job, Queue, TrainingSlot, recall
from pygpt.server.lab_socket import LabSocket
from pygpt.server.schemas import GenerateRequest, TrainRequest, experiment_for
from pygpt.server.security import SecurityMiddleware
from pygpt.server.session_worker import MACHINE
from pygpt.server.static import Pages
from pygpt.server.storage import DataSets, Models
from pygpt.session.messages import encode
from pygpt.utils.suggest import did_you_mean
from pygpt.version import __version__

SILENCE = 15.0  # seconds after which a stream says that it is still there


class Service:
    """All that the server is, but for its routes. `choice` is the device to compute on."""

    def __init__(self, folder: Path, choice: str = "auto"):
        self.folder, self.choice = Path(folder), choice
        self.datasets, self.models = DataSets(self.folder / "ds"), Models(self.folder / "lm")
        self.slot = TrainingSlot()
        self.queue = Queue(self.slot, self.models, self.datasets, choice)
        self.generation = Generation(choice)
        self.lab = LabSocket(self.slot, self.folder / "lab", choice)

    @contextlib.asynccontextmanager
    async def running(self, app):
        """From the first request to the last."""
        self.queue.begin()
        yield
        await self.queue.end()
        await self.lab.end()
        await self.generation.end()

    def hang_up(self) -> None:
        """End the streams: a server that is ending waits for them."""
        for job in self.queue.all_live():
            job.listeners.end()
        self.lab.hang_up()

    def job(self, name: str) -> Job:
        """A model's training: live, or as it is remembered. Raises RequestError (404)."""
        if live := self.queue.live(name):
            return live
        folder = self.models.get(name)
        job = Job(folder, {"state": "trained", **folder.read_job()})
        recall(job)
        return job

    def facts(self, name: str) -> dict:
        """What GET /lm tells of a model."""
        live = self.queue.live(name)
        known = dict(live.known) if live else {"state": "trained", **self.models.get(name).read_job()}
        state = known["state"]
        facts = {"name": name, **known, "resumable": state in ("stopped", "interrupted", "failed")}
        if live in self.queue.waiting:
            facts |= {"place": self.queue.place(live), "waits_for": self.slot.user or "its turn"}
        if live and state == "training":
            facts |= {field: live.log.speed.get(field) for field in ("tokens_per_second", "seconds_left")}
        return facts


def create_app(
    service: Service,
    pages: Pages | None = None,
    *,
    loopback: bool = True,
    names: tuple[str, ...] = (),
    largest_upload: int,
) -> FastAPI:
    """The application of a service, with the lab's pages if they are there. The limit on uploads is in bytes."""
    app = fastapi_offline.FastAPIOffline(
        title="pygpt serve",
        version=__version__,
        redoc_url=None,
        lifespan=service.running,
        description="Data sets, and models that learn from them.",
    )
    app.add_middleware(SecurityMiddleware, loopback=loopback, names=names, largest_upload=largest_upload)
    _tell_mistakes(app)
    _datasets(app, service)
    _models(app, service)
    _generation(app, service)
    if pages is not None:
        _lab(app, service, pages)
    return app


def _tell_mistakes(app):
    @app.exception_handler(PygptError)
    async def mistake(request, error):
        status = error.status if isinstance(error, RequestError) else 422
        return JSONResponse({"detail": str(error), "field": getattr(error, "field", "")}, status)

    @app.exception_handler(RequestValidationError)
    async def invalid(request, error):
        fields = (GenerateRequest if request.url.path.endswith("/generate") else TrainRequest).model_fields
        found = [_sentence(one, fields) for one in error.errors()]
        return JSONResponse({"detail": "; ".join(message for _, message in found), "field": found[0][0]}, 422)


def _sentence(error, fields):
    """(field, sentence) of one of pydantic's errors about a body that may have these fields."""
    path = [str(part) for part in error["loc"] if part not in ("body", "query", "path")]
    field = ".".join(path)
    if error["type"] == "extra_forbidden":
        return field, f"{field}: there is no such field{did_you_mean(field, fields)}"
    return (
        field,
        f"{field or 'the body'}: {error['msg'][:1].lower()}{error['msg'][1:]}, got {str(error.get('input'))[:80]!r}",
    )


def _datasets(app, service):
    @app.get("/ds", tags=["data sets"])
    async def data_sets() -> dict:
        """The texts that a model can read: the built-in ones, and those that were uploaded."""
        return {"datasets": [dataclasses.asdict(known) for known in service.datasets.list()]}

    @app.post("/ds/upload", status_code=201, tags=["data sets"])
    async def upload(
        file: Annotated[UploadFile, File(description="a text in UTF-8")],
        name: Annotated[str, Form(description="what to call it (default: the file's name)")] = "",
        layout: Annotated[str, Form(description="stream, or documents: one a line")] = "stream",
    ) -> dict:
        """Keep a text, to train on."""
        if layout not in ("stream", "documents"):
            raise RequestError(422, f"layout: {layout[:40]!r} is not one of stream, documents", "layout")
        title = file.filename or name
        known = await asyncio.to_thread(
            service.datasets.add, name or title.rsplit(".", 1)[0], await file.read(), layout, title
        )
        return dataclasses.asdict(known)

    @app.delete("/ds/{name}", tags=["data sets"])
    async def delete_data_set(name: str) -> dict:
        """Forget an uploaded text. Models that were trained on it keep it in their files."""
        busy = [job.name for job in service.queue.all_live() if job.known["dataset"] == name]
        if busy:
            raise RequestError(409, f"the data set {name!r} is wanted for the training of {', '.join(busy)}", "name")
        service.datasets.delete(name)
        return {"deleted": name}


def _models(app, service):
    queue = service.queue

    @app.get("/lm", tags=["models"])
    async def models() -> dict:
        """The models: trained, training, or waiting for their turn."""
        return {
            "models": [service.facts(folder.name) for folder in service.models.list()],
            "queue": [job.name for job in queue.waiting],
            "machine": service.slot.user or "free",
        }

    @app.get("/lm/{name}", tags=["models"])
    async def model(name: str) -> dict:
        """One model: its settings, and how far it has come."""
        return service.facts(name)

    @app.post("/lm/{name}/train", status_code=202, tags=["training"])
    async def train(name: str, asked: Annotated[TrainRequest, Body()] = TrainRequest()) -> dict:
        """Queue the training of a new model. One trains at a time; /lm/{name}/events tells how it goes."""
        look = service.datasets.get if asked.vocab_size is None else service.datasets.look_into
        dataset = await asyncio.to_thread(look, asked.dataset)
        job = await queue.add(name, experiment_for(asked, name, dataset), dataset.name)
        return service.facts(job.name) | {"events": f"/lm/{name}/events"}

    @app.post("/lm/{name}/resume", status_code=202, tags=["training"])
    async def resume(name: str) -> dict:
        """Queue what is left of a training that was stopped or interrupted."""
        await queue.resume(name)
        return service.facts(name) | {"events": f"/lm/{name}/events"}

    @app.post("/lm/{name}/stop", tags=["training"])
    async def stop(name: str) -> dict:
        """Stop after the step it is at, and keep the model; or leave the queue."""
        await queue.stop(name)
        return service.facts(name)

    @app.delete("/lm/{name}", tags=["models"])
    async def delete_model(name: str) -> dict:
        """Forget a model and all its files."""
        if live := queue.live(name):
            raise RequestError(409, f"{name!r} is {live.known['state']}; stop it first (POST /lm/{name}/stop)", "name")
        await asyncio.to_thread(service.models.delete, name)
        return {"deleted": name}

    @app.get(
        "/lm/{name}/events",
        tags=["training"],
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def events(name: str, request: Request) -> Response:
        """How a training goes, as server-sent events: all that happened so far, and then what happens.

        Their names and fields are those of lab/transport/protocol.js (`started`, `progress`, `evaluated`, `sample`, `finished` ...), and
        `state` is what GET /lm/{name} tells. An event's id is a step: a reader that comes back with Last-Event-ID hears what
        happened after it.
        """
        job, last = service.job(name), request.headers.get("last-event-id", "")
        after = int(last) if last.isdecimal() else -1
        if job.known["state"] in ENDED and after >= job.log.step:
            return Response(status_code=204)  # which tells an EventSource not to come again
        return StreamingResponse(
            _stream(service, job, after),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


async def _stream(service, job, after):
    def message(event, step=None):
        known = "" if step is None else f"id: {step}\n"
        return f"{known}event: {event['type']}\ndata: {encode(event)}\n\n"

    queue = job.listeners.join()
    try:
        yield message({"type": "state", **service.facts(job.name)})
        story, step = job.log.events_after(after), job.log.step
        # A reader who is cut off while catching up has caught up with nothing.
        for event in story:
            yield message(event, step if event is story[-1] else None)
        while job.known["state"] not in ENDED or not queue.empty():
            try:
                event = await asyncio.wait_for(queue.get(), SILENCE)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if event is None:
                break
            yield message(event, job.log.step)
    finally:
        job.listeners.leave(queue)


def _generation(app, service):
    def file_of(name):
        folder = service.models.get(name)
        if not folder.model.exists():
            raise RequestError(409, f"{name!r} has not been trained far enough to be kept; ask again later", "name")
        return folder.model

    @app.get("/lm/{name}/eval", tags=["asking"])
    async def evaluate(name: str, dataset: str = "") -> dict:
        """The loss over the whole validation part of a text (the one it was trained on, if none is named)."""
        data = await asyncio.to_thread(service.datasets.read, dataset) if dataset else None
        found = await service.generation.evaluate(file_of(name), dataset, data)
        return {field: value for field, value in found.items() if field != "type"}

    @app.post("/lm/{name}/generate", tags=["asking"], response_class=PlainTextResponse)
    async def generate(name: str, asked: Annotated[GenerateRequest, Body()] = GenerateRequest()) -> Response:
        """What the model writes after the prompt, as it writes it: a stream of text. One that is training answers as it was
        when it was last kept."""
        pieces = service.generation.generate(file_of(name), **asked.model_dump())
        # The first piece is waited for, so that a mistake still has a status of its own.
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
        """The model as a file that the lab and `pygpt sample` open."""
        return FileResponse(file_of(name), media_type="application/octet-stream", filename=f"{name}.safetensors")


def _lab(app, service, pages):
    @app.websocket("/lab/socket")
    async def line(socket: WebSocket):
        await service.lab.attend(socket)

    @app.get("/site.json", include_in_schema=False)
    async def site() -> JSONResponse:
        # What tells the page that there is a machine behind it.
        return JSONResponse(pages.contents | {MACHINE: True}, headers=pages.headers("site.json"))

    app.mount("/", pages)
