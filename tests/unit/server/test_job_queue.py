"""The job queue between a request and its worker process: what overtakes what, and who writes when."""

import asyncio
import contextlib
import os
import signal

import httpx
import pytest

from pygpt.server import job_queue
from pygpt.server.app import Service, create_app
from pygpt.server.worker_process import EXIT_TIMEOUT, Worker

ENDLESS = {
    "dataset": "tales",
    "n_layer": 1,
    "n_embed": 16,
    "n_head": 2,
    "block_size": 8,
    "batch_size": 4,
    "eval_iters": 1,
    "max_iters": 1_000_000,
    "eval_interval": 1_000_000,
}


@contextlib.asynccontextmanager
async def serving(folder):
    """A service and its routes in this process, with real worker processes."""
    service = Service(folder, "numpy")
    app = create_app(service, largest_upload=1_000_000)
    async with service.running(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), timeout=60) as client:

        async def request(method, path, status, **options):
            response = await client.request(method, f"http://127.0.0.1{path}", **options)
            assert response.status_code == status, response.text
            return response.json()

        yield service, request


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def trained_and_stopped(service, request, name):
    await request("POST", f"/lm/{name}/train", 202, json=ENDLESS)
    await until(lambda: service.queue.record(name)["step"] > 0)
    await request("POST", f"/lm/{name}/stop", 200)


@pytest.mark.slow
def test_a_stop_that_overtakes_the_resume_of_a_deleted_model_leaves_nothing(tmp_path, monkeypatch):
    stopping = []

    class StoppedWhileItOpens(Worker):
        """A stop arrives before the model is told to resume, and the process is slow to read what follows."""

        async def send(self, message, data=None):
            if message["type"] == "resume":
                os.kill(self.process.pid, signal.SIGSTOP)
                asyncio.get_running_loop().call_later(0.5, os.kill, self.process.pid, signal.SIGCONT)
            await super().send(message, data)
            if message["type"] == "open_kept":
                stopping.append(asyncio.ensure_future(request("POST", "/lm/ghost/stop", 200)))
                await until(lambda: service.queue.current.stop_requested)
                await asyncio.sleep(0.1)  # it has been sent

        async def end(self, patience=EXIT_TIMEOUT):
            await asyncio.sleep(1)  # while it still reads what was sent before
            await super().end(patience)

    async def work():
        nonlocal service, request
        async with serving(tmp_path) as (service, request):
            await trained_and_stopped(service, request, "ghost")
            monkeypatch.setattr(job_queue, "Worker", StoppedWhileItOpens)
            await request("POST", "/lm/ghost/resume", 202)
            await until(lambda: stopping and stopping[0].done())
            assert stopping[0].result()["state"] == "stopped"
            await request("DELETE", "/lm/ghost", 200)
            await until(lambda: service.queue.current is None)
            assert [*(tmp_path / "lm").iterdir()] == []

    service = request = None
    asyncio.run(work())


@pytest.mark.slow
def test_a_model_is_deleted_after_its_process_has_ended(tmp_path, monkeypatch):
    """A fault of the server itself ends a job while its process still trains."""

    class Faulty(job_queue.Job):
        def apply(self, event):
            super().apply(event)
            if event["type"] == "kept":
                raise ValueError("a bug")

    async def work():
        async with serving(tmp_path) as (service, request):
            monkeypatch.setattr(job_queue, "Job", Faulty)
            await request("POST", "/lm/busy/train", 202, json=ENDLESS)
            await until(lambda: service.queue.record("busy")["state"] == "failed")
            process = service.queue.current.worker.process
            await request("DELETE", "/lm/busy", 200)
            assert process.exitcode is not None
            assert [*(tmp_path / "lm").iterdir()] == []

    asyncio.run(work())
