"""Errors of the HTTP interface: their body, the statuses that a route documents, and the handlers that send them."""

import contextlib
import logging
from collections.abc import AsyncGenerator, Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Route

from pygpt.config.fields import shown
from pygpt.errors import PygptError, RequestError
from pygpt.server.schemas import GenerateRequest, TrainRequest
from pygpt.utils.suggest import did_you_mean

LONGEST_SHOWN = 80  # letters of a wrong value that an error repeats
_MEANINGS = {
    400: "the body is not in the format that its Content-Type names",
    401: "the server's token is missing or wrong",
    403: "the page of another site sent the request",
    404: "there is no such model or data set",
    405: "the path does not have this method; Allow names those that it has",
    408: "the body did not arrive in time",
    409: "the state of the model or the data set forbids it",
    413: "the body is too large",
    421: "the host is not one of this server's names",
    422: "a field is missing, unknown, of the wrong type or out of range",
    503: "the server is shutting down",
    507: "the disk is full, or takes no file of this size",
}


class Problem(BaseModel):
    """Why a request failed: a sentence, and the field of the request that it is about, if any."""

    detail: str
    field: str = Field("", description="the field's name, or nothing")


def problems(*statuses: int) -> dict:
    """The `responses` of a route that answers with these statuses if it fails."""
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in statuses}


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error with a Problem."""
    # It warns of each malformed form, which the answer describes.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)

    @app.exception_handler(PygptError)
    async def pygpt_error(request, error):
        status = error.status if isinstance(error, RequestError) else 422
        return _answer(status, str(error), getattr(error, "field", ""))

    @app.exception_handler(RequestValidationError)
    async def invalid_request(request, error):
        fields = (GenerateRequest if request.url.path.endswith("/generate") else TrainRequest).model_fields
        kind = request.headers.get("content-type", "")
        described = [_describe(problem, fields, kind) for problem in error.errors()]
        return _answer(422, "; ".join(message for _, message in described), described[0][0])

    @app.exception_handler(HTTPException)
    async def http_error(request, error):
        allowed = _methods(app, request)
        # A mounted site answers every path, so a path of the interface with another method can also be "not found".
        if error.status_code in (404, 405) and allowed and request.method not in allowed:
            names = ", ".join(sorted(allowed))
            detail = f"{request.method} is not a method of this path; it has {names}"
            return _answer(405, detail, headers={"Allow": names})
        detail = error.detail
        if detail in ("There was an error parsing the body", "Invalid multipart data."):
            form = request.headers.get("content-type", "").startswith("multipart/")
            detail = "the body cannot be read: expected " + (
                "multipart/form-data that is complete, with the boundary of its Content-Type"
                if form
                else "JSON in UTF-8, nested at most a hundred levels deep"
            )
        return _answer(error.status_code, detail, headers=error.headers)


def _answer(status, detail, field="", headers=None):
    # A name from a request can hold half of a surrogate pair, which no response can.
    detail, field = (text.encode(errors="replace").decode() for text in (detail, field))
    return JSONResponse({"detail": detail, "field": field}, status, headers)


def _methods(app: FastAPI, request: Request) -> set[str]:
    """The methods that the interface has for the path of a request; /ds/upload is not a /ds/{name}."""
    path = request.url.path
    routes = [route for route in app.routes if isinstance(route, Route) and route.path_regex.match(path)]
    exact = [route for route in routes if route.path == path]
    methods = {method for route in exact or routes for method in route.methods or ()}
    return methods | ({"HEAD"} if "GET" in methods else set())  # see HeadMiddleware


def _describe(error, fields, kind):
    """(field, message) for one of pydantic's errors; `fields` are those of the body, `kind` its Content-Type."""
    if error["type"] == "json_invalid":
        position, reason = error["loc"][-1], error["ctx"]["error"]
        return "", f"the body: expected JSON, got something else at character {position} ({reason})"
    if error["loc"] == ("body",) and "json" not in kind:
        return "", f"the body: expected Content-Type: application/json, got {_shown(kind) if kind else 'none'}"
    if error["loc"] == ("body",):
        return "", f"the body: expected a JSON object, got {_shown(error.get('input'))}"
    if error["loc"] == ("body", "file"):
        missing = error["type"] == "missing" or error.get("input") is None
        got = "none" if missing else "a plain field"
        return "file", f"file: expected a file in multipart/form-data (curl -F file=@poem.txt), got {got}"
    path = [str(part) for part in error["loc"] if part not in ("body", "query", "path")]
    field = ".".join(path)[:LONGEST_SHOWN]
    if error["type"] == "extra_forbidden":
        return field, f"{field}: there is no such field{did_you_mean(field, fields)}"
    reason = f"{error['msg'][:1].lower()}{error['msg'][1:]}"
    return field, f"{field or 'the body'}: {reason}, got {_shown(error.get('input'))}"


def _shown(value):
    return "null" if value is None else shown(value)


async def ended_by_errors(pieces: AsyncGenerator[str, None], last: Callable[[str], str]) -> AsyncGenerator[str, None]:
    """The pieces of a response that has begun: its status is sent, so an error is its last piece, `last(sentence)`."""
    try:
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                yield piece
    except PygptError as error:
        yield last(str(error))
    except Exception as error:
        logging.getLogger("uvicorn.error").exception("a stream has failed")
        yield last(f"{type(error).__name__}: {error}")
