"""Starts `pygpt serve` as a process, for tests."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx


class Serving:
    """A server on a free port, at `url`, with its files in `folder`; `client` sends requests to it.

    `environment` are additional variables of its environment.
    """

    def __init__(self, folder, *arguments: str, environment: dict[str, str] | None = None):
        self.folder = folder
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
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | (environment or {})
        )
        self.output = [self.process.stdout.readline()]
        address = re.search(r"at (http://[^/]+)/", self.output[0])
        assert address, self.output[0] + self.process.stdout.read()
        # A full pipe would block the server.
        threading.Thread(target=lambda: self.output.extend(self.process.stdout), daemon=True).start()
        self.url = address[1]
        self.client = httpx.Client(base_url=self.url, timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self, signal_number=signal.SIGINT) -> None:
        """End the server: as Ctrl+C does, or without warning (SIGKILL)."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        self.process.wait(60)

    def workers(self) -> list[int]:
        """The processes that the server has started."""
        server = self.process.pid
        children = map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split())
        return [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]

    def json(self, method: str, path: str, status: int = 200, **options):
        """Send a request, check its status, and return the JSON of the response."""
        response = self.client.request(method, path, **options)
        assert response.status_code == status, f"{method} {path}: {response.status_code} {response.text}"
        return response.json()

    def events(self, name: str, **headers):
        """Yield the events of a model's training until it ends."""
        with self.client.stream("GET", f"/lm/{name}/events", headers=headers) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            for line in response.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def wait_until(self, name: str, condition, seconds: float = 60):
        """Poll a model until a condition holds, and return the model's facts."""
        deadline = time.perf_counter() + seconds
        while not condition(facts := self.json("GET", f"/lm/{name}")):
            assert time.perf_counter() < deadline, facts
            time.sleep(0.02)
        return facts
