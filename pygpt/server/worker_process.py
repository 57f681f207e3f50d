"""A worker process and its connection: JSON messages, with optional bytes, in both directions."""

import asyncio
import contextlib
import json
import logging
import multiprocessing
import signal
import threading

# Not fork: the server runs threads, and a GPU driver does not survive a fork.
SPAWN = multiprocessing.get_context("spawn")
BYTES, MESSAGE, END = b"B", b"M", b"E"
EXIT_TIMEOUT = 3.0  # seconds that an idle process has to end by itself

Message = tuple[dict, bytes | None]  # JSON, with its bytes if it has any


def write(connection, message: str, data: bytes | None = None) -> None:
    """Send a JSON message; its bytes, if any, go first."""
    if data is not None:
        connection.send_bytes(BYTES + bytes(data))
    connection.send_bytes(MESSAGE + message.encode())


def read(connection) -> Message:
    """Wait for a message and its bytes. Raises: EOFError if the other side has ended the connection."""
    data = None
    while True:
        received = connection.recv_bytes()
        if received[:1] == MESSAGE:
            return json.loads(received[1:]), data
        if received == END:
            raise EOFError
        data = received[1:]


class Incoming:
    """The messages of a connection: a thread reads them into a queue of this event loop; None ends it."""

    def __init__(self, connection):
        self.connection = connection
        self.loop = asyncio.get_running_loop()
        self.queue: asyncio.Queue[Message | None] = asyncio.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        try:
            while True:
                self._put(read(self.connection))
        except (EOFError, OSError):
            self._put(None)

    def _put(self, item):
        try:
            self.loop.call_soon_threadsafe(self.queue.put_nowait, item)
        except RuntimeError:
            return  # the event loop has ended, so nothing waits for the item


class Worker:
    """A process that runs `work(connection, *arguments)`. Create it while an event loop runs."""

    def __init__(self, work, *arguments):
        self.connection, remote = SPAWN.Pipe()
        self.process = SPAWN.Process(target=work, args=(remote, *arguments), daemon=True)
        self.process.start()
        remote.close()
        self.incoming = Incoming(self.connection)
        self._sending = asyncio.Lock()

    async def send(self, message: dict, data: bytes | None = None) -> None:
        """Send a message, and its bytes. If the process has ended, this does nothing, and `receive` returns None."""
        await self._write(write, json.dumps(message), data)

    async def _write(self, how, *content):
        async with self._sending:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(how, self.connection, *content)

    async def receive(self) -> Message | None:
        """The next message and its bytes, or None if the process has ended."""
        return await self.incoming.queue.get()

    async def end(self, patience: float = EXIT_TIMEOUT) -> None:
        """Ask the process to end; kill it if it has not ended after `patience` seconds."""
        # A process that does not read keeps the message waiting until it is killed.
        asking = asyncio.ensure_future(self._write(lambda connection: connection.send_bytes(END)))
        await asyncio.to_thread(self.process.join, patience)
        if self.process.is_alive():
            self.process.kill()
            await asyncio.to_thread(self.process.join)
        await asking
        await asyncio.to_thread(self.incoming.reader.join)  # at its end: nobody else may read a closed connection
        self.connection.close()

    def exit_reason(self, work: str) -> str:
        """The error message for a process that has ended during `work`, which the log gets too."""
        self.process.join(EXIT_TIMEOUT)
        reason = f"the worker process ended {_how(self.process.exitcode)}"
        logging.getLogger("uvicorn.error").error("%s: %s", work, reason)
        # Before a status above 0, the process has written its own error there.
        return f"{reason}; see the server's log" if (self.process.exitcode or 0) > 0 else reason


def _how(code):
    if not code:
        return "without an error"
    if code > 0:
        return f"with status {code}"
    try:
        return f"by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"by signal {-code}"
