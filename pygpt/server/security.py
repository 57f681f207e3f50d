"""Who may ask, and how much: every request passes here before anything reads it.

A server on this machine is reached by every page that its owner visits. So a page of another site is refused by its Origin, and
a name that somebody else's name server points here (DNS rebinding) by the Host header.
"""

import ipaddress
import json
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException

SMALL_BODY = 1_000_000  # bytes: more than any settings or prompt takes
# Bytes thrown away before a refusal: a client that is still sending when the line is closed never reads why.
LINGER = 10_000_000


class SecurityMiddleware:
    """The middleware. `loopback` says that only this machine may ask; `names` are host names allowed beside addresses."""

    def __init__(self, app, *, loopback: bool, names: tuple[str, ...] = (), largest_upload: int):
        self.app, self.loopback = app, loopback
        self.names = {"localhost", *(name.lower() for name in names)}
        self.largest_upload = largest_upload

    async def __call__(self, scope, receive, send):
        """Refuse a request, or let it pass with its body counted."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        status, reason = self._refusal(scope, headers)
        if status:
            if status == 413 and "expect" not in headers:
                await _throw_away(receive)
            await _refuse(scope, send, status, reason)
            return
        if scope["type"] == "http":
            receive = _counted(receive, self._limit(scope))
        await self.app(scope, receive, send)

    def _refusal(self, scope, headers):
        host = headers.get("host", "")
        if not self._is_ours(host):
            return 421, (
                f"this server does not answer to the host {host!r}; it answers to localhost"
                + ("" if self.loopback else ", to addresses, and to what --name allows")
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return 403, f"a page of {origin} may not use this server"
        # Without an Origin (an image, a link) a browser still says where a request comes from; following a link is fine.
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return 403, "a page of another site may not use this server"
        length, limit = headers.get("content-length", "0"), self._limit(scope)
        if scope["type"] == "http" and (not length.isdecimal() or int(length) > limit):
            return 413, too_large(limit)
        return 0, ""

    def _is_ours(self, host):
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
    """The sentence for a body over the limit."""
    return f"this body is larger than the {limit / 1e6:,.0f} MB that are allowed here"


def _is_host(host):
    try:
        urlsplit(f"//{host}").port  # noqa: B018  (reading it checks it)
    except ValueError:
        return False
    return bool(host) and not set(host) & set("/@?#\\ ")


def _counted(receive, limit):
    """`receive`, with what arrives counted: a body without a length is cut off where it passes the limit."""
    arrived = 0

    async def counted():
        nonlocal arrived
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived > limit:
            if message.get("more_body"):
                await _throw_away(receive)
            # Closed, or the server would read the rest only to throw it away.
            raise HTTPException(413, too_large(limit), {"Connection": "close"})
        return message

    return counted


async def _throw_away(receive):
    left, more = LINGER, True
    while more and left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
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
