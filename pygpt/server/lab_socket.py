"""The lab's WebSocket: exchanges the lab's messages between the page and a session in a worker process on this machine.

There is one session, held by the page that connected last. A run continues without a page, and a new page receives the
events so far. A message is a text frame of JSON; bytes that belong to it are a binary frame right before it.
"""

import asyncio
import contextlib
import json
from pathlib import Path

from pygpt.errors import PygptError, RequestError
from pygpt.server.event_log import MAX_PENDING, EventLog
from pygpt.server.job_queue import STOP_TIMEOUT
from pygpt.server.names import make_folder
from pygpt.server.session_worker import SERVER, run_lab
from pygpt.server.training_slot import TrainingSlot
from pygpt.server.worker_process import Worker
from pygpt.session.commands import command_name, read_command
from pygpt.session.events import encode
from pygpt.session.messages import Error
from pygpt.utils.files import remove_unfinished

USER = "the lab"
TAKEN_OVER, CRASHED, TOO_SLOW = 4001, 4002, 1013  # close codes; the page reconnects only after the last one
NEEDS_MACHINE = ("start", "resume", "extend", "benchmark")
CONTINUE = ("resume", "extend")  # these need a run that is not training
LAST_KNOWN = ("ready", "device", "text", "found", "queue")  # a new page receives the last event of each
IDLE_TIMEOUT = 1800.0  # seconds without a page after which an idle session ends, to free its memory


class Page:
    """One page's socket, and its queue of messages to send."""

    def __init__(self, socket):
        self.socket = socket
        self.waiting: asyncio.Queue = asyncio.Queue()
        self.sending = asyncio.ensure_future(self._send())

    def send(self, event: dict, data: bytes | None = None) -> None:
        """Queue an event, and its bytes. A page that falls behind is disconnected; it reconnects and catches up."""
        self.waiting.put_nowait((encode(event), data))
        if self.waiting.qsize() > MAX_PENDING:
            self.close(TOO_SLOW, "too slow")

    def close(self, code: int, reason: str) -> None:
        """Stop sending and close the socket."""
        self.sending.cancel()
        self.sending = asyncio.ensure_future(self._close(code, reason))

    async def _send(self):
        with contextlib.suppress(RuntimeError, OSError):  # the page has disconnected; `serve_page` handles that
            while True:
                text, data = await self.waiting.get()
                if data is not None:
                    await self.socket.send_bytes(data)
                await self.socket.send_text(text)

    async def _close(self, code, reason):
        with contextlib.suppress(RuntimeError, OSError):
            await self.socket.close(code, reason)


class LabSocket:
    """The session, its event log, and the page that holds it."""

    def __init__(self, slot: TrainingSlot, folder: Path, choice: str):
        self.slot, self.folder, self.choice = slot, folder, choice
        self.worker: Worker | None = None
        self.listening: asyncio.Task | None = None
        self.page: Page | None = None
        self._forget()

    def clean(self) -> None:
        """Remove what a killed server left unfinished. Only for the process that holds the folder's lock."""
        if self.folder.is_dir():
            remove_unfinished(self.folder)

    def _forget(self):
        self.log, self.last_events = EventLog(), {}
        self.pending_command = ""  # the command that reserved the machine and is not answered yet

    async def serve_page(self, socket) -> None:
        """Serve a page until it disconnects."""
        await socket.accept()
        if self.page is not None:
            self.page.close(
                TAKEN_OVER, "another page of the lab is using this machine now; reload this page to take over"
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
                asyncio.get_running_loop().call_later(IDLE_TIMEOUT, self._end_if_idle)

    async def _command(self, page: Page, text, data):
        if page is not self.page:
            return
        command = _parsed(text)
        try:
            kind, _ = read_command(command, data)
        except PygptError as error:
            page.send(Error(str(error), getattr(error, "field", ""), command_name(command)).to_dict())
            return
        if kind == "begin":
            if self.worker is not None:
                self._catch_up(page)
                return
            try:
                self._start()
            except RequestError as error:
                page.send(_error(str(error), kind))
                return
            command = {"type": "begin", "device": SERVER}
        if self.worker is None:
            page.send(_error("the session on this machine has ended; reload the page", kind))
            return
        if kind in NEEDS_MACHINE and (kind not in CONTINUE or (self.log.start_event and not self.log.running)):
            try:
                self.slot.acquire(USER)
            except RequestError as error:
                page.send(_error(f"{error}, so try again when that is done", kind))
                return
            self.pending_command = kind
        if kind in ("choose_text", "clear_text"):
            self.last_events.pop("text", None)  # until the session has the new one
        await self.worker.send(command, data)

    def _start(self):
        make_folder(self.folder)
        self.worker = Worker(run_lab, str(self.folder), self.choice)
        self.listening = asyncio.ensure_future(self._listen(self.worker))

    def _catch_up(self, page):
        for event in [
            self.last_events[kind] for kind in LAST_KNOWN if kind in self.last_events
        ] + self.log.events_for_page():
            page.send(event)

    async def _listen(self, worker: Worker):
        while (item := await worker.receive()) is not None:
            event, data = item
            await self._take(event)
            if self.page is not None:
                self.page.send(event, data)
        if self.worker is worker:  # it crashed: `end` clears self.worker first
            self.worker = None
            self._forget()
            await self.slot.release(USER)
            if self.page is not None:
                self.page.close(CRASHED, worker.exit_reason(USER)[:120])

    async def _take(self, event):
        kind = event["type"]
        if kind in LAST_KNOWN:
            # A page that connects again still shows its text, which is not sent again.
            self.last_events[kind] = {**event, "of_run": False} if kind == "text" else event
        self.log.add(event)
        answered = {"start": "started", "resume": "resumed", "extend": "resumed", "benchmark": "measuring_ended"}.get(
            self.pending_command
        ) == kind
        if answered or (kind in ("error", "called_off") and event["during"] == self.pending_command):
            self.pending_command = ""
        # Keep the slot until the command is answered: between two runs, nobody else can take it.
        if not self.pending_command and not self.log.running and self.slot.user == USER:
            await self.slot.release(USER)

    def _end_if_idle(self):
        if self.page is None and self.worker is not None and not self.log.running:
            self.ending = asyncio.ensure_future(self.end())

    def disconnect_page(self) -> None:
        """Disconnect the page: the server is shutting down."""
        if self.page is not None:
            self.page.close(TOO_SLOW, "the server is shutting down")

    async def end(self) -> None:
        """Stop the run, which saves it, and end its process."""
        worker = self.worker
        if worker is None:
            return
        if self.log.running:
            await worker.send({"type": "stop"})
            until = asyncio.get_running_loop().time() + STOP_TIMEOUT
            while asyncio.get_running_loop().time() < until and self.log.running:
                await asyncio.sleep(0.05)
        self.worker = None
        self._forget()
        await worker.end()
        await self.slot.release(USER)


def _parsed(text):
    """The value of a JSON text; None if it is not JSON, or nested too deeply to be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _error(message, during):
    return Error(message, "device" if during in NEEDS_MACHINE else "", during).to_dict()
