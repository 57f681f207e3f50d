"""`pygpt serve` in a process of its own, for tests."""

import json
import re
import signal
import subprocess
import sys
import threading
import time

import httpx


class Serving:
    """A server on a free port; `url` is where, `client` asks it."""

    def __init__(self, folder, *arguments: str):
        if "--site" not in arguments:
            arguments = (*arguments, "--no-lab")
        command = [
            sys.executable,
            "-m",
            "pygpt",
            "serve",
            "--folder",
            str(folder),
            "--port",
            "0",
            "--device",
            "numpy",
            *arguments,
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = [self.process.stdout.readline()]
        found = re.search(r"at (http://[^/]+)/", self.said[0])
        assert found, self.said[0] + self.process.stdout.read()
        # A pipe that nobody empties would stop the server.
        threading.Thread(target=lambda: self.said.extend(self.process.stdout), daemon=True).start()
        self.url = found[1]
        self.client = httpx.Client(base_url=self.url, timeout=60)

    def end(self, sign=signal.SIGINT) -> None:
        """End it: as Ctrl+C does, or without a warning (SIGKILL)."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(sign)
        self.process.wait(60)

    def json(self, method: str, path: str, status: int = 200, **options):
        """Ask, and expect a status; the answer's JSON."""
        reply = self.client.request(method, path, **options)
        assert reply.status_code == status, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json()

    def events(self, name: str, **headers):
        """The events of a model's training, until it is over."""
        with self.client.stream("GET", f"/lm/{name}/events", headers=headers) as reply:
            assert reply.headers["content-type"].startswith("text/event-stream")
            for line in reply.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def wait_until(self, name: str, condition, seconds: float = 60):
        """Look at a model until something is so."""
        until = time.perf_counter() + seconds
        while not condition(facts := self.json("GET", f"/lm/{name}")):
            assert time.perf_counter() < until, facts
            time.sleep(0.02)
        return facts
