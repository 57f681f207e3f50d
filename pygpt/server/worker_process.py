"""A process that computes, and the line to it: messages of JSON with bytes beside them, both ways."""

import asyncio
import json
import multiprocessing
import threading

# Never a fork: threads are running, and a GPU's driver does not survive one.
SPAWN = multiprocessing.get_context("spawn")
BYTES, MESSAGE = b"B", b"M"
PATIENCE = 3.0  # seconds an idle process may take to end by itself


def write(connection, message: str, data: bytes | None = None) -> None:
    """Send a message, which is JSON; the bytes beside it go first."""
    if data is not None:
        connection.send_bytes(BYTES + bytes(data))
    connection.send_bytes(MESSAGE + message.encode())


def read(connection) -> tuple[dict, bytes | None]:
    """Wait for a message and the bytes beside it. Raises EOFError when the other side is gone."""
    data = None
    while True:
        received = connection.recv_bytes()
        if received[:1] == MESSAGE:
            return json.loads(received[1:]), data
        data = received[1:]


class Incoming:
    """The messages of a connection, read by a thread of its own and handed to this event loop; None once it is closed."""

    def __init__(self, connection):
        self.connection = connection
        self.loop, self.queue = asyncio.get_running_loop(), asyncio.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while True:
                self._hand_over(read(self.connection))
        except (EOFError, OSError):
            self._hand_over(None)

    def _hand_over(self, item):
        try:
            self.loop.call_soon_threadsafe(self.queue.put_nowait, item)
        except RuntimeError:
            return  # the loop has ended before us, and with it whoever waits


class Worker:
    """A process of its own that runs `work(connection, *arguments)`; to be made while an event loop runs."""

    def __init__(self, work, *arguments):
        self.connection, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=work, args=(theirs, *arguments), daemon=True)
        self.process.start()
        theirs.close()
        self.incoming = Incoming(self.connection)
        self._sending = asyncio.Lock()

    async def send(self, message: dict, data: bytes | None = None) -> None:
        """Send a message, and bytes beside it. A process that is gone hears nothing; `receive` says so."""
        async with self._sending:
            try:
                await asyncio.to_thread(write, self.connection, json.dumps(message), data)
            except OSError:
                return

    async def receive(self) -> tuple[dict, bytes | None] | None:
        """The next message and the bytes beside it, or None when the process is gone."""
        return await self.incoming.queue.get()

    async def end(self, patience: float = PATIENCE) -> None:
        """Close the line, which ends the process; one that does not hear is ended by force."""
        self.connection.close()
        await asyncio.to_thread(self.process.join, patience)
        if self.process.is_alive():
            self.process.kill()
            await asyncio.to_thread(self.process.join)

    @property
    def exit_reason(self) -> str:
        """A sentence for a process that is gone."""
        self.process.join(PATIENCE)
        code = self.process.exitcode
        how = "without a word" if not code else f"with status {code}" if code > 0 else f"by signal {-code}"
        return f"the process that computed ended {how}; the server's own log may say more"
