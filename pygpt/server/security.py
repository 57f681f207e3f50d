"""Checks on every request, before anything else reads it: its origin, its host, its token and its size.

Any page that a user visits can send requests to a server on the user's machine. So the Origin header is checked, to
refuse pages of other sites, and the Host header, to refuse foreign host names that resolve here (DNS rebinding).

A server that others can reach asks for its token, in the header `Authorization: Bearer TOKEN` or as `?token=TOKEN`. A
page that is opened with the latter gets a cookie, and an address without the token.
"""

import asyncio
import contextlib
import ipaddress
import json
import re
import secrets
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from starlette.exceptions import HTTPException

NEEDS_TOKEN = (
    "this server asks for its token: open the address that it printed when it started, or send the token in the header "
    "Authorization: Bearer TOKEN or as ?token=TOKEN"
)
LENGTH = re.compile(r"[0-9]{1,15}")
SMALL_BODY = 1_000_000  # bytes: more than any settings or prompt needs
# Bytes discarded before a refusal: a client that is still sending when the connection closes never reads the reason.
DISCARD_LIMIT = 10_000_000
# A body has BODY_SECONDS to arrive, and a second more for every SLOWEST_UPLOAD bytes of it.
BODY_SECONDS = 30.0
SLOWEST_UPLOAD = 10_000


class SecurityMiddleware:
    """The middleware. `loopback` allows only this machine as the host; `names` are additional host names.

    Requests need the `token`, unless it is "".
    """

    def __init__(self, app, *, loopback: bool, names: tuple[str, ...] = (), largest_upload: int, token: str = ""):
        self.app, self.loopback, self.token = app, loopback, token
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
            await _refuse(scope, send, status, reason, unread=receive if status == 413 else None)
            return
        if self.token:
            cookie, query = _cookie_name(scope), parse_qs(scope["query_string"].decode("latin-1"))
            in_address = query.pop("token", [""])[-1]
            if not any(self._is_token(given) for given in (in_address, *_other_tokens(headers, cookie))):
                await _refuse(scope, send, 401, NEEDS_TOKEN, [(b"www-authenticate", b"Bearer")])
                return
            if scope["type"] == "http" and self._is_token(in_address) and "text/html" in headers.get("accept", ""):
                address = quote(scope["path"]) + (f"?{urlencode(query, doseq=True)}" if query else "")
                keep = f"{cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"
                await _refuse(scope, send, 303, "", [(b"location", address.encode()), (b"set-cookie", keep.encode())])
                return
        if scope["type"] == "http":
            body = _Body(receive, send, self._limit(scope))
            receive, send = body.receive, body.send
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
        if scope["type"] == "http" and (not LENGTH.fullmatch(length) or int(length) > limit):
            return 413, too_large(limit)
        return 0, ""

    def _is_token(self, given):
        return secrets.compare_digest(given.encode(), self.token.encode())

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


def _cookie_name(scope):
    # A browser sends the cookies of a host to all its ports.
    return f"pygpt_token_{(scope.get('server') or ('', 0))[1]}"


def _other_tokens(headers, cookie):
    """The tokens in the headers of a request."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        yield token.strip()
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == cookie:
            yield value


def too_large(limit: int) -> str:
    """The error message for a body over the limit."""
    return f"the request body is larger than the limit of {limit / 1e6:,.0f} MB"


def _is_host(host):
    try:
        urlsplit(f"//{host}").port  # noqa: B018  (reading it checks it)
    except ValueError:
        return False
    return bool(host) and not set(host) & set("/@?#\\ ")


class _Body:
    """The body of a request while it arrives: within its limit, even if its length was not declared, and in time.

    Once the response has begun, its status is sent, so a body over the limit then only ends the connection.
    """

    def __init__(self, receive, send, limit):
        self._receive, self._send, self.limit = receive, send, limit
        self.began, self.received = asyncio.get_running_loop().time(), 0
        self.complete = self.answering = False

    async def send(self, message):
        self.answering = True
        await self._send(message)

    async def receive(self):
        if self.complete or self.answering:
            message = await self._receive()
        else:
            try:
                async with asyncio.timeout_at(self.began + BODY_SECONDS + self.received / SLOWEST_UPLOAD):
                    message = await self._receive()
            except TimeoutError:
                raise HTTPException(408, "the request body did not arrive in time", {"Connection": "close"}) from None
        self.received += len(message.get("body", b""))
        self.complete = not message.get("more_body", False)
        if self.received > self.limit:
            if self.answering:
                return {"type": "http.disconnect"}
            if not self.complete:
                await _discard(self._receive)
            # Close the connection, or the server would read the rest only to discard it.
            raise HTTPException(413, too_large(self.limit), {"Connection": "close"})
        return message


async def _discard(receive):
    remaining, more = DISCARD_LIMIT, True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            while more and remaining > 0:
                message = await receive()
                remaining -= len(message.get("body", b""))
                more = message.get("more_body", False)


async def _refuse(scope, send, status, reason, headers=(), unread=None):
    """Send a refusal at once, then discard the body that `unread` receives, before the connection closes."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": reason[:120]})
        return
    body = json.dumps({"detail": reason, "field": ""}).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": True})
    if unread is not None:
        await _discard(unread)
    await send({"type": "http.response.body", "body": b""})
