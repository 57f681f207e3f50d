"""Refuses the names in a query or a form that a route does not have, or that come twice: FastAPI ignores both."""

from collections import Counter
from collections.abc import Collection, Iterable

from fastapi import params
from fastapi.requests import HTTPConnection, Request
from fastapi.routing import APIRoute

from pygpt.errors import RequestError
from pygpt.server.problems import LONGEST_SHOWN
from pygpt.utils.suggest import did_you_mean

TOKEN = "token"  # in the query of any request; SecurityMiddleware reads it


async def check_names(connection: HTTPConnection) -> None:
    """A dependency of every route. Raises: RequestError (422) for a name that would be ignored."""
    route = connection.scope.get("route")
    if not isinstance(connection, Request) or not isinstance(route, APIRoute):
        return  # a socket
    body = [(field.alias, field.field_info) for field in route.dependant.body_params]
    is_form = any(isinstance(info, params.Form) for _, info in body)
    # Of a JSON body, FastAPI itself refuses the unknown fields.
    fields = [name for alias, info in body for name in (getattr(info.annotation, "model_fields", ()) or [alias])]
    given = [name for name, _ in connection.query_params.multi_items() if name != TOKEN]
    for name in given:
        if name in fields:
            place = f"form (curl -F {name}=VALUE)" if is_form else "JSON of the body"
            raise RequestError(422, f"{name}: expected in the {place}, got it in the address", name)
    _check(given, [field.alias for field in route.dependant.query_params])
    if is_form:
        _check([name for name, _ in (await connection.form()).multi_items()], fields)


def _check(given: Iterable[str], names: Collection[str]) -> None:
    for name, times in Counter(given).items():
        shown = name[:LONGEST_SHOWN]
        if name not in names:
            raise RequestError(422, f"{shown}: there is no such field{did_you_mean(shown, names)}", shown)
        if times > 1:
            raise RequestError(422, f"{shown}: expected once, got it {times:,} times", shown)
