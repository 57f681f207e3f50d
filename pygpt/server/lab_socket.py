"""The page's line to a run on this machine: the lab's messages over a WebSocket, to a session in a process of its own.

There is one session, and one page holds it: the one that came last. The run goes on without a page, and whoever comes is told
what happened so far. A message is a text frame of JSON; bytes that belong to it are a binary frame right before.
"""

import asyncio
import contextlib
import json
from pathlib import Path

from pygpt.errors import RequestError
from pygpt.server.event_log import PENDING, EventLog
from pygpt.server.job_queue import LAST_STEP, TrainingSlot
from pygpt.server.session_worker import MACHINE, run_session
from pygpt.server.worker_process import Worker
from pygpt.session.messages import encode

USER = "the lab"
TAKEN_OVER, CRASHED, TOO_SLOW = 4001, 4002, 1013  # codes of a closed line; the page comes again after the last alone
NEEDS_MACHINE = ("start", "resume", "benchmark")
LAST_KNOWN = ("ready", "device", "text", "found")  # events of which the last one is told to a page that comes
REST = 1800.0  # seconds without a page after which a session that is not training lets its memory go


class Page:
    """One page's socket, and what is still to be sent there."""

    def __init__(self, socket):
        self.socket = socket
        self.waiting: asyncio.Queue = asyncio.Queue()
        self.sending = asyncio.ensure_future(self._send())

    def tell(self, event: dict, data: bytes | None = None) -> None:
        """Send an event, and bytes beside it. A page that does not keep up is let go: it comes again, and catches up."""
        self.waiting.put_nowait((encode(event), data))
        if self.waiting.qsize() > PENDING:
            self.close(TOO_SLOW, "too slow")

    def close(self, code: int, reason: str) -> None:
        """Send no more, and close the line."""
        self.sending.cancel()
        self.sending = asyncio.ensure_future(self._close(code, reason))

    async def _send(self):
        with contextlib.suppress(RuntimeError, OSError):  # the page is gone, which its reader finds out
            while True:
                text, data = await self.waiting.get()
                if data is not None:
                    await self.socket.send_bytes(data)
                await self.socket.send_text(text)

    async def _close(self, code, reason):
        with contextlib.suppress(RuntimeError, OSError):
            await self.socket.close(code, reason)


class LabSocket:
    """The session, what is known of it, and the page that holds it."""

    def __init__(self, slot: TrainingSlot, folder: Path, choice: str):
        self.slot, self.folder, self.choice = slot, folder, choice
        self.worker: Worker | None = None
        self.listening: asyncio.Task | None = None
        self.page: Page | None = None
        self._forget()

    def _forget(self):
        self.log, self.known = EventLog(), {}
        self.asked = ""  # the command that took the machine and has not been answered

    async def attend(self, socket) -> None:
        """Serve a page until it goes."""
        await socket.accept()
        if self.page is not None:
            self.page.close(
                TAKEN_OVER, "another page of the lab holds this machine now; reload this one to take it back"
            )
        page = self.page = Page(socket)
        data = None
        try:
            while (message := await socket.receive())["type"] == "websocket.receive":
                if message.get("bytes") is not None:
                    data = message["bytes"]
                else:
                    await self._command(page, message["text"], data)
                    data = None
        finally:
            page.sending.cancel()
            if self.page is page:
                self.page = None
                asyncio.get_running_loop().call_later(REST, self._rest)

    async def _command(self, page, text, data):
        try:
            command = json.loads(text)
            kind = command["type"]
        except (ValueError, TypeError, KeyError):
            page.tell(_mistake("a message to the machine is JSON with a type", ""))
            return
        if page is not self.page:
            return
        if kind == "begin":
            if self.worker is None:
                self._start()
            else:
                self._catch_up(page)
                return
            command = {"type": "begin", "site": "", "device": MACHINE}
        if self.worker is None:
            page.tell(_mistake("the session on the machine is over; reload the page", str(kind)))
            return
        if kind in NEEDS_MACHINE and (kind != "resume" or (self.log.beginning and not self.log.running)):
            try:
                self.slot.take(USER)
            except RequestError as error:
                page.tell(_mistake(f"{error}; it is free when that is done", str(kind)))
                return
            self.asked = kind
        if kind == "forget_kept":
            self.known.pop("found", None)
        await self.worker.send(command, data)

    def _start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.worker = Worker(run_session, str(self.folder), self.choice)
        self.listening = asyncio.ensure_future(self._listen(self.worker))

    def _catch_up(self, page):
        for event in [self.known[kind] for kind in LAST_KNOWN if kind in self.known] + self.log.events_for_page():
            page.tell(event)

    async def _listen(self, worker):
        while (item := await worker.receive()) is not None:
            event, data = item
            await self._take(event)
            if self.page is not None:
                self.page.tell(event, data)
        if self.worker is worker:  # not ended by us
            self.worker = None
            self._forget()
            await self.slot.give_back(USER)
            if self.page is not None:
                self.page.close(CRASHED, worker.exit_reason[:120])

    async def _take(self, event):
        kind = event["type"]
        if kind in LAST_KNOWN:
            self.known[kind] = event
        if kind in ("started", "opened"):
            self.known.pop("found", None)
        self.log.take(event)
        answered = {"start": "started", "resume": "resumed", "benchmark": "measuring_ended"}.get(self.asked) == kind
        if answered or (kind == "error" and event["during"] == self.asked):
            self.asked = ""
        # Between the end of the run before and the beginning of the next nobody else may come in.
        if not self.asked and not self.log.running and self.slot.user == USER:
            await self.slot.give_back(USER)

    def _rest(self):
        if self.page is None and self.worker is not None and not self.log.running:
            self.ending = asyncio.ensure_future(self.end())

    def hang_up(self) -> None:
        """Let the page go: the server is ending."""
        if self.page is not None:
            self.page.close(TOO_SLOW, "the server is ending")

    async def end(self) -> None:
        """Stop the run, which is kept, and end its process."""
        worker = self.worker
        if worker is None:
            return
        if self.log.running:
            await worker.send({"type": "stop"})
            until = asyncio.get_running_loop().time() + LAST_STEP
            while self.log.running and asyncio.get_running_loop().time() < until:
                await asyncio.sleep(0.05)
        self.worker = None
        self._forget()
        await worker.end()
        await self.slot.give_back(USER)


def _mistake(message, during):
    return {"type": "error", "message": message, "field": "device" if during in NEEDS_MACHINE else "", "during": during}
