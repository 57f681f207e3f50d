"""Answers HEAD on every path of the interface that has GET: with the headers of its response, and without a body."""

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadMiddleware:
    """Passes HEAD on as GET, and ends the response where its body begins, which can be without end."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        ended = False

        async def send_head(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                await send(message)
                return
            if not ended:
                ended = True
                await send({"type": "http.response.body"})
            if message.get("more_body"):
                raise OSError("the response to HEAD has no body")  # as if the client had left

        try:
            await self.app({**scope, "method": "GET"}, receive, send_head)
        except (OSError, ClientDisconnect):
            if not ended:
                raise
