"""The server's end of a connection: uvicorn's protocol, with limits on the time that a client takes.

uvicorn itself waits for ever for the rest of a request's head, and for a client that does not read its response.
"""

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_SECONDS = 20.0  # seconds from a connection's first byte, or a request's, to the end of its headers

READ_SECONDS = 120.0  # seconds without room for more of a response in the connection


class TimedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Ends a connection whose request line and headers do not arrive in time, or whose response is not read."""

    _cut_off = None  # the timer, while a head is awaited
    _full = None  # the timer, while the connection takes no more of the response

    def connection_made(self, transport):
        """Wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data):
        """Take what arrived; stop waiting if a head is complete, and wait if the next has begun."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._cut_off is None and self.transport.get_protocol() is self:
            self._await_head()

    def handle_websocket_upgrade(self, *request):
        """Stop waiting: another protocol takes over the connection."""
        self._stop_waiting()
        super().handle_websocket_upgrade(*request)

    def connection_lost(self, error):
        """Stop waiting: there is no connection."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(error)

    def pause_writing(self):
        """Wait for the client to read."""
        super().pause_writing()
        if self._full is None:
            self._full = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self):
        """Stop waiting: the client has read."""
        if self._full is not None:
            self._full.cancel()
            self._full = None
        super().resume_writing()

    def _await_head(self):
        self._cut_off = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self):
        if self._cut_off is not None:
            self._cut_off.cancel()
            self._cut_off = None
