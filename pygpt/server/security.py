"""Checks on every request, before anything else reads it: its origin, its host and its size.

Any page that a user visits can send requests to a server on the user's machine. So the Origin header is checked, to
refuse pages of other sites, and the Host header, to refuse foreign host names that resolve here (DNS rebinding).
"""

import ipaddress
import json
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException

SMALL_BODY = 1_000_000  # bytes: more than any settings or prompt needs
# Bytes discarded before a refusal: a client that is still sending when the connection closes never reads the reason.
DISCARD_LIMIT = 10_000_000


class SecurityMiddleware:
    """The middleware. `loopback` allows only this machine as the host; `names` are additional host names."""

    def __init__(self, app, *, loopback: bool, names: tuple[str, ...] = (), largest_upload: int):
        self.app, self.loopback = app, loopback
        self.names = {"localhost", *(name.lower() for name in names)}
        self.largest_upload = largest_upload

    async def __call__(self, scope, receive, send):
        """Refuse a request, or pass it on with a limit on its body."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        status, reason = self._refusal(scope, headers)
        if status:
            if status == 413 and "expect" not in headers:
                await _discard(receive)
            await _refuse(scope, send, status, reason)
            return
        if scope["type"] == "http":
            receive = _with_limit(receive, self._limit(scope))
        await self.app(scope, receive, send)

    def _refusal(self, scope, headers):
        host = headers.get("host", "")
        if not self._is_allowed(host):
            return 421, (
                f"the host {host!r} is not allowed; use localhost"
                + ("" if self.loopback else ", an IP address, or a name given with --name")
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return 403, f"pages of {origin} are not allowed to use this server"
        # A request without an Origin (an image, a link) still has Sec-Fetch-Site; following a link is allowed.
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return 403, "pages of other sites are not allowed to use this server"
        length, limit = headers.get("content-length", "0"), self._limit(scope)
        if scope["type"] == "http" and (not length.isdecimal() or int(length) > limit):
            return 413, too_large(limit)
        return 0, ""

    def _is_allowed(self, host):
        name = urlsplit(f"//{host}").hostname or "" if _is_host(host) else ""
        if name in self.names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self.loopback

    def _limit(self, scope):
        return self.largest_upload if scope["path"] == "/ds/upload" else SMALL_BODY


def too_large(limit: int) -> str:
    """The error message for a body over the limit."""
    return f"the request body is larger than the limit of {limit / 1e6:,.0f} MB"


def _is_host(host):
    try:
        urlsplit(f"//{host}").port  # noqa: B018  (reading it checks it)
    except ValueError:
        return False
    return bool(host) and not set(host) & set("/@?#\\ ")


def _with_limit(receive, limit):
    """Wrap `receive` to cut off a body at the limit, even if its length was not declared."""
    received = 0

    async def limited_receive():
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            if message.get("more_body"):
                await _discard(receive)
            # Close the connection, or the server would read the rest only to discard it.
            raise HTTPException(413, too_large(limit), {"Connection": "close"})
        return message

    return limited_receive


async def _discard(receive):
    remaining, more = DISCARD_LIMIT, True
    while more and remaining > 0:
        message = await receive()
        remaining -= len(message.get("body", b""))
        more = message.get("more_body", False)


async def _refuse(scope, send, status, reason):
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": reason[:120]})
        return
    body = json.dumps({"detail": reason}).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
