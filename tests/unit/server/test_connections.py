"""Who reaches the server and for how long: its token, many connections, slow and half-closed ones, a long step."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pygpt.cli.serve import open_port
from pygpt.runs.safetensors import Entry, write_safetensors
from pygpt.server import connections, job_queue, security
from pygpt.server.app import Service, create_app
from tests.serving import Serving

TOKEN = "a-token_of.24-characters"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server with short patience, in a thread of this process: `url`, `service` and `client`."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(security, "BODY_SECONDS", 0.5)
    monkeypatch.setattr(security, "SLOWEST_UPLOAD", 1_000_000)
    monkeypatch.setattr(job_queue, "STOP_TIMEOUT", 1.0)
    service = Service(tmp_path, "numpy")
    app = create_app(service, largest_upload=1_000_000)
    server = uvicorn.Server(uvicorn.Config(app, http=connections.TimedProtocol, log_level="warning"))
    with open_port("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        url = "http://{}:{}".format(*listening.getsockname())
        with httpx.Client(base_url=url, timeout=60) as client:
            yield SimpleNamespace(url=url, service=service, client=client, uvicorn=server)
        server.should_exit = True
        thread.join(30)
    assert not thread.is_alive()


def connected(url, sent: bytes = b"") -> socket.socket:
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=10)
    connection.sendall(sent.replace(b"HOST", parts.netloc.encode()))
    return connection


def answer(connection) -> bytes:
    """All that the server sends until it closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            received += piece
    return received


@pytest.mark.parametrize(
    "sent", [b"", b"GET /lm HTT", b"GET /lm HTTP/1.1\r\nHost: HOST\r\n", b"GET /lm HTTP/1.1\r\nHost: HOST\r\n\r\nGET"]
)
def test_a_head_that_does_not_arrive_is_cut_off(server, sent):
    with connected(server.url, sent) as connection:
        began = time.perf_counter()
        received = answer(connection)
        assert time.perf_counter() - began < 8  # uvicorn's own limit between two requests is 5 s
    assert received.count(b"HTTP/1.1 200") == sent.count(b"\r\n\r\n")


def test_a_head_that_trickles_is_cut_off(server):
    with connected(server.url, b"GET /lm HTTP/1.1\r\nHost: HOST\r\nX: ") as connection, pytest.raises(OSError):
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.05)


@pytest.mark.parametrize("path", ["/lm/x/train", "/ds/upload"])
def test_a_body_that_does_not_arrive_is_408(server, path):
    head = f"POST {path} HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    head = head.replace("application/json", "multipart/form-data; boundary=b") if "upload" in path else head
    with connected(server.url, head.encode() + (b"--b\r\n" if "upload" in path else b"{")) as connection:
        received = answer(connection)
    assert received.startswith(b"HTTP/1.1 408") and b"did not arrive in time" in received


@pytest.mark.parametrize("expects", ["", "Expect: 100-continue\r\n"])
def test_a_body_announced_as_too_large_is_413_at_once(server, monkeypatch, expects):
    """Before any of it has arrived; a client that sends it nevertheless reads the reason too."""
    monkeypatch.setattr(security, "BODY_SECONDS", 4.0)
    head = f"POST /ds/upload HTTP/1.1\r\nHost: HOST\r\n{expects}Content-Length: 5000000\r\n\r\n"
    with connected(server.url, head.encode()) as connection:
        began = time.perf_counter()
        received = connection.recv(65536)
        assert time.perf_counter() - began < 2 and received.startswith(b"HTTP/1.1 413")
        connection.sendall(bytes(5_000_000))
        received += answer(connection)
    assert b"larger than the limit of 1 MB" in received and received.count(b"HTTP/1.1") == 1


def test_a_response_that_is_not_read_ends_only_its_connection(server, tmp_path, monkeypatch):
    """A client that reads slowly gets all of it; one that stops reading is cut off."""
    monkeypatch.setattr(connections, "READ_SECONDS", 0.5)
    (tmp_path / "lm" / "big").mkdir()
    (tmp_path / "lm" / "big" / "model.safetensors").write_bytes(
        write_safetensors({"zeros": Entry("U8", (30_000_000,), bytes(30_000_000))}, {})
    )
    request = b"GET /lm/big/model.safetensors HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n"
    with connected(server.url, request) as slow, connected(server.url, request) as stopped:
        received = 0
        for _ in range(30):
            received += len(slow.recv(1_000_000))
            time.sleep(0.05)
        assert received + len(answer(slow)) > 30_000_000
        assert len(answer(stopped)) < 30_000_000


@pytest.mark.parametrize("length", ["9" * 5000, "-1", "1e9", "0x10", "1, 2"])
def test_a_length_that_is_no_number_is_refused(server, length):
    head = f"POST /lm/x/train HTTP/1.1\r\nHost: HOST\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    with connected(server.url, head.encode()) as connection:
        assert answer(connection).split()[1] in (b"400", b"413")


def test_two_hundred_connections_and_half_closed_ones_cost_no_more_than_their_own(server):
    request = b"GET /lm HTTP/1.1\r\nHost: HOST\r\n\r\n"
    idle = [connected(server.url, request[: number % 30]) for number in range(200)]
    began = time.perf_counter()
    for _ in range(20):
        assert server.client.get("/lm").status_code == 200
    assert time.perf_counter() - began < 5
    for connection in idle[:100]:
        connection.shutdown(socket.SHUT_WR)
    half_closed = connected(server.url, request)
    half_closed.shutdown(socket.SHUT_WR)
    assert answer(half_closed).startswith((b"HTTP/1.1 200", b""))
    for connection in [*idle, half_closed]:
        answer(connection)
        connection.close()
    until = time.perf_counter() + 10
    while len(server.uvicorn.server_state.connections) > 1:
        assert time.perf_counter() < until, server.uvicorn.server_state.connections
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings, reached",
    [
        ({"n_embed": 64, "n_head": 2, "block_size": 8192, "batch_size": 16}, "parameters"),  # its first steps
        ({"vocab_size": 20_000}, "device"),  # it learns its tokens
        ({}, "state"),  # its process starts
    ],
)
def test_stop_is_answered_whatever_the_training_is_doing(server, monkeypatch, settings, reached):
    """What takes longer than a stop waits is ended with its process, and the queue goes on."""
    monkeypatch.setattr(job_queue, "STOP_TIMEOUT", 0.3)  # learning the tokens takes a second
    train = {"n_layer": 2, "max_iters": 1_000_000, **settings}
    assert server.client.post("/lm/long/train", json=train).status_code == 202
    until = time.perf_counter() + 60
    while server.client.get("/lm/long").json().get(reached) in (None, "waiting"):
        assert time.perf_counter() < until
        time.sleep(0.02)
    began = time.perf_counter()
    stopped = server.client.post("/lm/long/stop").json()
    assert time.perf_counter() - began < 10
    assert stopped["state"] == "stopped" and stopped["resumable"]
    assert "was ended" in stopped.get(
        "error", "was ended" * (reached != "device")
    )  # learning takes longer than a stop waits
    short = {"n_layer": 1, "n_embed": 8, "n_head": 1, "block_size": 8, "batch_size": 1, "eval_iters": 1, "max_iters": 1}
    assert server.client.post("/lm/short/train", json=short).status_code == 202
    server.client.get("/lm/short/events").read()
    assert server.client.get("/lm/short").json()["state"] == "trained"


@pytest.mark.slow
def test_the_start_line_names_the_lab_only_if_it_is_served(tmp_path, site):
    for arguments, served in ((("--site", str(site)), True), ((), False)):  # without a site, --no-lab
        for secret in ("", TOKEN):
            with Serving(tmp_path / "served", *arguments, environment={"PYGPT_TOKEN": secret}) as serving:
                assert ("on=machine" in serving.output[0]) == ("lab" in serving.output[0].split()) == served
                assert f"/docs{'?token=' * bool(secret)}{secret}; Ctrl+C" in serving.output[0]


# The token


@pytest.fixture
def site(tmp_path):
    """A site of one page."""
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>The lab</title>")
    (folder / "site.json").write_text("{}")
    return folder


@pytest.fixture
def guarded(tmp_path, site):
    """A server with the lab, on all of this machine's addresses."""
    with Serving(tmp_path / "served", "--host", "0.0.0.0", "--site", str(site)) as serving:
        yield serving


@pytest.mark.slow
def test_a_server_beyond_loopback_asks_for_its_token(guarded):
    printed = re.search(r"\?token=([\w-]+)", guarded.output[0])
    assert printed and len(printed[1]) >= 32
    token, client = printed[1], guarded.client
    for path in ("/lm", "/ds", "/docs", "/openapi.json", "/", "/site.json", "/nothing"):
        refused = client.get(path)
        assert refused.status_code == 401 and refused.headers["www-authenticate"] == "Bearer", path
        assert "Authorization: Bearer TOKEN" in refused.json()["detail"] and token not in refused.text
    for wrong in ("", "x", token[:-1], token + "x", token.swapcase(), "\u00e9" * 32):
        header = {"Authorization": f"Bearer {wrong}".strip().encode()}
        assert client.get("/lm", headers=header).status_code == 401
        assert client.get("/lm", params={"token": wrong}).status_code == 401
    assert client.get("/lm", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert client.get("/lm", params={"token": token}).status_code == 200

    # A browser that opens the printed address is sent to one without the token, and keeps it in a cookie.
    opened = client.get(f"/?token={token}&on=machine", headers={"Accept": "text/html"})
    assert opened.status_code == 303 and opened.headers["location"] == "/?on=machine"
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert "The lab" in client.get("/").text and client.get("/lm").status_code == 200
    socket_url = f"ws://{urlsplit(guarded.url).netloc}/lab/socket"
    with pytest.raises(InvalidStatus) as refused:
        connect(socket_url).__enter__()
    assert refused.value.response.status_code == 403
    with connect(socket_url, additional_headers={"Cookie": cookie.partition(";")[0]}) as page:
        page.send('{"type": "pause"}')
        assert "has ended; reload" in page.recv(timeout=20)
    # The host and the origin are checked as before, token or not.
    assert client.get("/lm", headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.get("/lm", headers={"Host": "evil.example"}).status_code == 421
    guarded.end()
    assert not [line for line in guarded.output[1:] if token in line]


@pytest.mark.slow
def test_the_token_can_be_chosen_or_left_out(tmp_path):
    with Serving(tmp_path / "chosen", environment={"PYGPT_TOKEN": TOKEN}) as chosen:
        assert f"?token={TOKEN}" in chosen.output[0] and chosen.client.get("/lm").status_code == 401
        assert chosen.client.get("/lm", headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200
    with Serving(tmp_path / "insecure", "--host", "0.0.0.0", "--insecure") as insecure:
        assert insecure.client.get("/lm").status_code == 200
    assert any("There is no login" in line for line in insecure.output)
    command = [sys.executable, "-m", "pygpt", "serve", "--folder", str(tmp_path / "short"), "--no-lab"]
    for token in ("short", "sixteen letters and spaces"):
        environment = {**os.environ, "PYGPT_TOKEN": token}
        refused = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert refused.returncode == 1 and "PYGPT_TOKEN must be at least 16" in refused.stderr, refused.stderr
    assert not (tmp_path / "short").exists()
