"""What kills, full disks, slow clients and two of everything at once do to `pygpt serve`: nothing that stays."""

import concurrent.futures
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from pygpt.errors import PygptError, RequestError
from pygpt.runs.run_folder import RunFolder, open_run
from pygpt.server.names import writing
from tests.full_disk import sitecustomize
from tests.full_disk.sitecustomize import Disk
from tests.serving import Serving
from tests.tiny_runs import POEM

TINY = {"dataset": "poem", "n_layer": 1, "n_embed": 16, "n_head": 2, "block_size": 8, "batch_size": 4, "eval_iters": 2}
NEVER = 1 << 30
ENDLESS = {**TINY, "max_iters": 1_000_000, "eval_interval": 1_000_000}
# A model that takes seconds to write 10,000 tokens.
SLOW = {**TINY, "n_layer": 6, "n_embed": 64, "block_size": 64, "max_iters": 1}
FULL_DISK = Path(sitecustomize.__file__).parent


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a data set and a trained model."""
    serving = Serving(tmp_path_factory.mktemp("served"))
    upload(serving, "poem")
    serving.json("POST", "/lm/first/train", 202, json={**TINY, "max_iters": 2})
    list(serving.events("first"))
    yield serving
    serving.end()


@pytest.fixture
def start():
    """A function that starts a server with a data set; the test's servers end with it, whatever happens."""
    servers = []

    def start(folder, **options):
        servers.append(Serving(folder, **options))
        return servers[-1]

    yield start
    for serving in servers:
        serving.end(signal.SIGKILL)


def upload(serving, name, statuses=(201,), text=POEM):
    response = serving.client.post("/ds/upload", files={"file": (f"{name}.txt", text.encode())}, data={"name": name})
    assert response.status_code in statuses, response.text
    return response


def tracebacks(serving) -> list[str]:
    return [line for line in serving.output if "Traceback" in line or "already started" in line]


def connected(serving, sent: str = "") -> socket.socket:
    parts = urlsplit(serving.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=60)
    connection.sendall(sent.replace("HOST", parts.netloc).encode("latin-1"))
    return connection


# Streams


@pytest.mark.slow
def test_an_error_in_a_stream_is_its_last_event(server):
    before = set(server.workers())
    with server.client.stream("POST", "/lm/first/generate", json={"max_new_tokens": 10_000}) as response:
        pieces = response.iter_text()
        text = next(pieces)
        (worker,) = set(server.workers()) - before or server.workers()
        os.kill(worker, signal.SIGKILL)
        text += "".join(pieces)
    assert text.splitlines()[-1] == "error: the worker process ended by signal 9 (SIGKILL)"
    assert any("with 'first': the worker process ended by signal 9" in line for line in server.output)
    assert server.client.post("/lm/first/generate", json={"max_new_tokens": 5}).status_code == 200


@pytest.mark.slow
def test_a_server_that_shuts_down_ends_generation_with_a_sentence(start, tmp_path):
    """The text that streams, and the requests that wait for it; the log has no traceback."""
    serving = start(tmp_path)
    upload(serving, "poem")
    serving.json("POST", "/lm/first/train", 202, json=SLOW)
    list(serving.events("first"))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with serving.client.stream("POST", "/lm/first/generate", json={"max_new_tokens": 10_000}) as response:
            pieces = response.iter_text()
            text = next(pieces)
            waiting = [
                pool.submit(serving.client.get, "/lm/first/eval"),
                pool.submit(serving.client.post, "/lm/first/generate", json={"max_new_tokens": 5}),
            ]
            time.sleep(0.3)
            serving.process.send_signal(signal.SIGTERM)
            began = time.perf_counter()
            text += "".join(pieces)  # raises if the body is cut short
    assert text.splitlines()[-1] == "error: the server is shutting down"
    for each in waiting:
        answer = each.result()
        assert (answer.status_code, answer.json()["detail"]) == (503, "the server is shutting down")
    serving.process.wait(10)
    assert time.perf_counter() - began < 4 and len(serving.output) == 1, serving.output


def test_a_body_that_goes_on_while_the_answer_streams_ends_only_its_connection(server):
    head = "GET /lm/first/events HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connected(server, head) as connection:
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        try:
            for _ in range(40):
                connection.sendall(chunk)
        except OSError:
            pass  # the server has closed the connection, as it should
    assert server.json("GET", "/lm/first")["state"] == "trained" and not tracebacks(server)


# Requests


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("PUT", "/ds", "GET, HEAD"),
        ("GET", "/ds/upload", "POST"),
        ("GET", "/ds/poem", "DELETE"),
        ("PATCH", "/lm/first", "DELETE, GET, HEAD"),
        ("GET", "/lm/first/train", "POST"),
        ("DELETE", "/lm/first/events", "GET, HEAD"),
    ],
)
def test_a_method_that_a_path_has_not_is_405_with_those_it_has(server, method, path, allowed):
    response = server.client.request(method, path)
    assert response.status_code == 405 and response.headers["allow"] == allowed and allowed in response.json()["detail"]


@pytest.mark.parametrize("body", [b"\0", b"\xff\xfe", b"null\0", b"[" * 100_000, b"9" * 5000, b'{"prompt": "\\ud800"}'])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data", "application/octet-stream"])
def test_bodies_of_the_wrong_type_have_documented_answers(server, body, kind):
    for path in ("/lm/first/generate", "/lm/other/train", "/ds/upload"):
        response = server.client.post(path, content=body, headers={"Content-Type": kind})
        assert response.status_code in (400, 422), (path, response.text)
        assert set(response.json()) == {"detail", "field"} and not tracebacks(server)


@pytest.mark.parametrize("last", ["9" * 10_000, "-1", "1e3", "x", "", "2"])
def test_any_last_event_id_is_read(server, last):
    status = server.client.get("/lm/first/events", headers={"Last-Event-ID": last}).status_code
    assert status == (204 if last == "2" else 200)


@pytest.mark.parametrize(
    "path, kind, body, status, expected",
    [
        ("/lm/first/generate", "", b"{}", 422, "the body: expected Content-Type: application/json, got none"),
        ("/lm/x/train", "text/plain", b"{}", 422, "expected Content-Type: application/json, got 'text/plain'"),
        ("/lm/x/train", "application/json", b"{", 422, "the body: expected JSON, got something else at character 1"),
        ("/lm/x/train", "application/json", b"[1]", 422, "the body: expected a JSON object, got [1]"),
        ("/lm/x/train", "application/json", b'{"dataset": "\xe9"}', 400, "expected JSON in UTF-8"),
        ("/lm/x/train", "application/json", b"[" * 100_000, 400, "nested at most a hundred levels deep"),
        ("/ds/upload", "multipart/form-data; boundary=b", b"garbage", 400, "the boundary of its Content-Type"),
        ("/ds/upload", "multipart/form-data; boundary=b", b"--b--\r\n", 422, "file: expected a file in multipart"),
        (
            "/ds/upload",
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--b--\r\n',
            422,
            "(curl -F file=@poem.txt), got a plain field",
        ),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_what_was_expected(server, path, kind, body, status, expected):
    lines = len(server.output)
    response = server.client.post(path, content=body, headers={"Content-Type": kind} if kind else {})
    assert response.status_code == status and expected in response.json()["detail"], response.text
    assert response.json()["field"] in ("", "file") and len(server.output) == lines


@pytest.mark.parametrize(
    "method, address, form, field, expected",
    [
        ("POST", "/ds/upload", {"lyout": "documents"}, "lyout", "there is no such field (did you mean 'layout'?)"),
        ("POST", "/ds/upload", {"layout": ["stream", "documents"]}, "layout", "expected once, got it 2 times"),
        ("POST", "/ds/upload", {"file": "text"}, "file", "expected once, got it 2 times"),
        ("POST", "/ds/upload?layout=documents", {}, "layout", "expected in the form (curl -F layout=VALUE), got it in"),
        ("POST", "/lm/x/train?preset=baby", None, "preset", "expected in the JSON of the body, got it in the address"),
        ("GET", "/lm/first/eval?datset=poem", None, "datset", "there is no such field (did you mean 'dataset'?)"),
        ("GET", "/lm/first/eval?dataset=poem&dataset=tales", None, "dataset", "expected once, got it 2 times"),
        ("DELETE", "/lm/first?force=1", None, "force", "there is no such field"),
        ("GET", "/lm?token=unused", None, "", ""),
    ],
)
def test_a_name_that_would_be_ignored_is_refused(server, method, address, form, field, expected):
    files = {} if form is None else {"files": {"file": ("ignored.txt", POEM.encode())}, "data": form}
    response = server.client.request(method, address, **files)
    answer = response.json()
    assert response.status_code == (422 if field else 200), response.text
    assert not field or (answer["field"] == field and answer["detail"].startswith(f"{field}: {expected}")), answer
    assert "ignored" not in server.client.get("/ds").text and server.client.get("/lm/first").status_code == 200


@pytest.mark.parametrize(
    "path, status",
    [
        ("/ds", 200),
        ("/lm/first/model.safetensors", 200),
        ("/lm/first/events", 200),
        ("/lm/none", 404),
        ("/openapi.json", 200),
    ],
)
def test_head_has_the_headers_of_get_and_no_body(server, path, status):
    head, get = server.client.head(path), server.client.get(path)
    assert (head.status_code, head.content) == (status, b"") and get.status_code == status and get.content
    names = head.headers.keys() & {"content-type", "content-length", "cache-control", "etag", "transfer-encoding"}
    assert {name: head.headers[name] for name in names} == {name: get.headers[name] for name in names}
    assert "content-type" in names and server.client.head("/ds/upload").status_code == 405
    assert not tracebacks(server)


@pytest.mark.parametrize(
    "method, path, sent, field, expected",
    [
        ("POST", "/lm/x/train", {"json": {"n_layer": 2.0}}, "n_layer", "got 2.0"),
        ("POST", "/lm/first/generate", {"json": {"top_k": True}}, "top_k", "got true"),
        ("POST", "/lm/first/generate", {"json": {"top_k": "2"}}, "top_k", "got '2'"),
        ("POST", "/lm/first/generate", {"json": {"stop": None}}, "stop", "got null"),
        ("POST", "/lm/x/train", {"json": {"dataset": "task:nope"}}, "dataset", "there is no task 'nope'"),
        ("GET", "/lm/first/eval?dataset=task:sort,length=99", {}, "dataset", "length must be a whole number"),
        ("POST", "/ds/upload", {"files": {"file": ("../..", b"text")}}, "name", "'../..' cannot be the name of a"),
        ("POST", "/ds/upload", {"files": {"file": ("my poem.txt", b"a")}}, "name", "'my poem.txt' cannot be the name"),
    ],
)
def test_a_wrong_value_is_repeated_as_it_came_with_its_field(server, method, path, sent, field, expected):
    answer = server.json(method, path, 422, **sent)
    assert answer["field"] == field and expected in answer["detail"], answer


# Names


@pytest.mark.parametrize(
    "name", ["job.json", "Model.safetensors", "metrics.jsonl", "x.new", "LPT1", "Con.tar", "upload"]
)
@pytest.mark.parametrize("name_of", ["model", "data set"])
def test_reserved_names_are_refused_with_a_sentence(server, name, name_of):
    if name_of == "model":
        refused = server.client.post(f"/lm/{name}/train", json=TINY)
    else:
        refused = upload(server, name, (422,))
    assert refused.status_code == 422 and "this name is reserved" in refused.json()["detail"]


@pytest.mark.parametrize("name", ["x" * 10_000, "e\u0301", "\u00e9", "a\u2044b", "CON\u0131", "", " ", "a "])
def test_names_of_any_length_and_script_are_refused_with_a_sentence(server, name):
    refused = server.client.post("/ds/upload", files={"file": (".txt", POEM.encode())}, data={"name": name})
    assert refused.status_code == 422 and "cannot be the name of a data set" in refused.json()["detail"]
    assert len(refused.json()["detail"]) < 400


def test_names_that_differ_in_case_alone_are_one_name(server):
    assert "already a data set 'poem'" in upload(server, "POEM", (409,)).json()["detail"]
    detail = upload(server, "Tales", (409,)).json()["detail"]
    assert detail == "there is already a data set 'tales'; choose another name", "a built-in text cannot be deleted"
    detail = server.json("POST", "/lm/First/train", 409, json=TINY)["detail"]
    assert "already a model 'first'" in detail and "DELETE /lm/first" in detail and "resume" not in detail
    assert "no model 'First'" in server.json("GET", "/lm/First", 404)["detail"]


# At once


@pytest.mark.slow
def test_of_two_uploads_of_one_name_one_is_stored_whole(server):
    texts = [f"{letter * 50}\n" * 2000 for letter in "abcdef"]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda text: upload(server, "twin", (201, 409), text).status_code, texts))
    assert sorted(answers) == [201] + [409] * 5
    stored = (server.folder / "ds" / "twin.txt").read_text()
    assert stored == texts[answers.index(201)]
    server.json("DELETE", "/ds/twin")


@pytest.mark.slow
def test_train_delete_and_generate_at_once_leave_a_model_or_none(server):
    def hammer(number):
        method, path = [
            ("POST", "/train"),
            ("DELETE", ""),
            ("POST", "/generate"),
            ("GET", "/events"),
            ("POST", "/stop"),
        ][number % 5]
        response = server.client.request(
            method, f"/lm/busy{path}", json={**TINY, "max_iters": 1} if path == "/train" else None
        )
        return response.status_code

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        statuses = set(pool.map(hammer, range(60)))
    assert statuses <= {200, 202, 204, 404, 409, 422} and not tracebacks(server)
    if server.client.get("/lm/busy").status_code == 200:
        server.wait_until("busy", lambda facts: facts["state"] not in ("waiting", "training"))
        server.json("DELETE", "/lm/busy")
    server.json("POST", "/lm/busy/train", 202, json={**TINY, "max_iters": 1})
    list(server.events("busy"))
    assert server.json("GET", "/lm/busy")["state"] == "trained"
    server.json("DELETE", "/lm/busy")
    assert not [path for path in (server.folder / "lm").iterdir() if "busy" in path.name]


@pytest.mark.slow
@pytest.mark.parametrize("waits", ["generate", "eval"])
def test_a_request_that_waits_while_its_model_is_deleted_is_404(server, waits):
    for name in ("writes", "gone"):
        server.json("POST", f"/lm/{name}/train", 202, json=SLOW)
    list(server.events("gone"))
    method = "GET" if waits == "eval" else "POST"
    with (
        concurrent.futures.ThreadPoolExecutor(1) as pool,
        server.client.stream("POST", "/lm/writes/generate", json={"max_new_tokens": 10_000}) as response,
    ):
        pieces = response.iter_text()
        next(pieces)  # while something refers to `pieces`, the response stays open
        waiting = pool.submit(server.client.request, method, f"/lm/gone/{waits}")
        time.sleep(0.3)
        server.json("DELETE", "/lm/gone")
        response.close()
        answer = waiting.result()
    assert answer.status_code == 404 and "there is no model 'gone'" in answer.json()["detail"]
    assert str(server.folder) not in answer.text
    server.json("DELETE", "/lm/writes")


# Kills


@pytest.mark.slow
def test_an_evaluation_that_nobody_waits_for_is_given_up(start, tmp_path):
    """Clients that leave evaluations of many seconds do not make the next request wait for them."""
    serving = start(tmp_path)
    slow = {**SLOW, "dataset": "tales", "eval_iters": 1}
    serving.json("POST", "/lm/slow/train", 202, json=slow)
    serving.wait_until("slow", lambda facts: facts["state"] == "trained", seconds=60)
    began = time.monotonic()
    serving.json("GET", "/lm/slow/eval")
    takes = time.monotonic() - began
    for _request in range(4):
        with pytest.raises(httpx.ReadTimeout):
            serving.client.get("/lm/slow/eval", timeout=0.3)
    began = time.monotonic()
    serving.json("GET", "/lm/slow/eval")
    assert time.monotonic() - began < 2.5 * takes + 5, "one evaluation, not five"
    assert not tracebacks(serving)


@pytest.mark.slow
def test_a_killed_worker_fails_its_job_and_the_queue_goes_on(server):
    before = set(server.workers())
    server.json("POST", "/lm/killed/train", 202, json=ENDLESS)
    server.json("POST", "/lm/after/train", 202, json={**TINY, "max_iters": 2})
    server.wait_until("killed", lambda facts: facts["step"] > 0)
    (worker,) = set(server.workers()) - before
    os.kill(worker, signal.SIGKILL)
    failed = server.wait_until("killed", lambda facts: facts["state"] == "failed")
    assert failed["resumable"] and "log" not in failed["error"], "it says no more than the error"
    ended = "the worker process ended by signal 9 (SIGKILL)"
    assert failed["error"].startswith(f"{ended}, at step ")
    assert failed["error"].endswith("; POST /lm/killed/resume continues from the checkpoint of step 0")
    assert [line for line in server.output if "the training of 'killed': " + ended in line]
    server.wait_until("after", lambda facts: facts["state"] == "trained")
    server.json("POST", "/lm/killed/resume", 202)
    server.wait_until("killed", lambda facts: facts["state"] == "training" and facts["step"] > 0)
    copied = server.wait_until("killed", lambda facts: facts.get("kept", 0) > 0)["kept"]
    (worker,) = set(server.workers()) - before
    os.kill(worker, signal.SIGKILL)
    failed = server.wait_until("killed", lambda facts: facts["state"] == "failed")
    assert failed["step"] == failed["kept"] >= copied
    assert failed["error"].endswith(f"; POST /lm/killed/resume continues from the checkpoint of step {failed['kept']}")
    for name in ("killed", "after"):
        server.json("DELETE", f"/lm/{name}")


@pytest.mark.slow
def test_a_killed_server_loses_the_steps_of_ten_seconds_and_lists_nothing_unfinished(start, tmp_path):
    """Killed while it trains, with the rest of an upload, a deletion and a write in its folder."""
    serving = start(tmp_path)
    upload(serving, "poem")
    serving.json("POST", "/lm/long/train", 202, json=ENDLESS)
    serving.wait_until("long", lambda facts: facts.get("kept", 0) > 0, seconds=30)
    copied = serving.json("GET", "/lm/long")["kept"]
    trained = serving.wait_until("long", lambda facts: facts["step"] > copied)
    serving.end(signal.SIGKILL)
    (tmp_path / "ds" / "half.txt").write_text("the first half of an upl")
    (tmp_path / "ds" / "poem.json.123-0123abcd.new").write_text("{")
    (tmp_path / "lm" / "long" / "model.safetensors.123-0123abcd.new").write_text("half")
    (tmp_path / "lm" / ".deleted-old-0123").mkdir()
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "about.json.123-0123abcd.new").write_text("{")
    (tmp_path / "lm" / "half").mkdir()
    restarted = start(tmp_path)
    facts = restarted.json("GET", "/lm/long")
    assert facts["state"] == "interrupted" and facts["step"] == facts["kept"] == trained["kept"] and facts["resumable"]
    assert [model["name"] for model in restarted.json("GET", "/lm")["models"]] == ["long"]
    assert "half" not in [dataset["name"] for dataset in restarted.json("GET", "/ds")["datasets"]]
    assert not [*tmp_path.rglob("*.new"), *tmp_path.rglob(".deleted*")]
    restarted.json("POST", "/lm/long/resume", 202)
    restarted.wait_until("long", lambda facts: facts["step"] > trained["kept"])
    restarted.json("POST", "/lm/half/train", 202, json={**TINY, "max_iters": 2})
    restarted.json("POST", "/lm/long/stop")
    restarted.wait_until("half", lambda facts: facts["state"] == "trained")
    restarted.end()


# Full disks


def full_disk(folder):
    """A disk beneath a server's folder, and the environment that a server on it needs."""
    folder.mkdir()
    return Disk(folder), {"PYTHONPATH": str(FULL_DISK), "PYGPT_TEST_DISK": str(folder)}


@pytest.mark.slow
def test_a_full_disk_stops_no_queue_and_loses_no_training(start, tmp_path):
    disk, environment = full_disk(tmp_path / "served")
    serving = start(tmp_path / "served", environment=environment)
    upload(serving, "poem")
    serving.json("POST", "/lm/first/train", 202, json={**TINY, "max_iters": 5000})
    serving.wait_until("first", lambda facts: facts["step"] > 0)
    disk.refuse(1)
    # What begins is refused with a sentence, and leaves nothing behind that is neither there nor not there.
    for request in (
        lambda: serving.client.post("/lm/second/train", json=TINY),
        lambda: upload(serving, "other", (507,)),
    ):
        refused = request()
        assert refused.status_code == 507 and "No space left on device" in refused.json()["detail"]
    serving.json("GET", "/lm/second", 404)
    # What was trained waits for room.
    waiting = serving.wait_until("first", lambda facts: facts["step"] == 5000 and "error" in facts)
    assert waiting["state"] == "training" and "No space left on device" in waiting["error"]
    disk.free()
    trained = serving.wait_until("first", lambda facts: facts["state"] == "trained")
    assert trained["kept"] == 5000 and "error" not in trained
    serving.json("POST", "/lm/second/train", 202, json={**TINY, "max_iters": 2})
    serving.wait_until("second", lambda facts: facts["state"] == "trained")
    # A stop keeps what the disk refuses until there is room; a second one gives it up.
    for name in ("saved", "third"):
        serving.json("POST", f"/lm/{name}/train", 202, json=ENDLESS)
        serving.wait_until(name, lambda facts: facts["step"] > 0)
        disk.refuse(1)
        refused = serving.json("POST", f"/lm/{name}/stop", 507)["detail"]
        assert "has stopped, but is not saved" in refused and f"To give it up: POST /lm/{name}/stop" in refused
        waiting = serving.json("GET", f"/lm/{name}")
        assert waiting["state"] == "training" and waiting["step"] > 0 and waiting["error"] in refused
        if name == "saved":
            disk.free()
            stopped = serving.wait_until(name, lambda facts: facts["state"] == "stopped")
            assert stopped["kept"] == stopped["step"] == waiting["step"] and "error" not in stopped
    given_up = serving.json("POST", "/lm/third/stop")
    assert given_up["state"] == "stopped" and given_up["step"] == 0
    assert f"the training stopped at step {waiting['step']:,}; step 0 is saved: " in given_up["error"]
    # A server that is killed with an interrupted job starts again on the full disk, and remembers.
    serving.end(signal.SIGKILL)
    restarted = start(tmp_path / "served", environment=environment)
    facts = restarted.json("GET", "/lm/third")
    assert facts["state"] == "interrupted" and facts["resumable"]
    disk.free()
    restarted.json("POST", "/lm/third/resume", 202)
    restarted.wait_until("third", lambda facts: facts["state"] == "training" and facts["step"] > 0)
    restarted.end()
    assert json.loads((tmp_path / "served" / "lm" / "third" / "job.json").read_text())["state"] == "interrupted"
    assert not tracebacks(serving) and not tracebacks(restarted)


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_write_loses_nothing(start, tmp_path):
    """An upload, a training and a deletion, with each write of theirs refused in turn, and with all for a while."""
    disk, environment = full_disk(tmp_path / "served")
    serving = start(tmp_path / "served", environment=environment)

    def insist(request):
        """Send a request until the disk takes it."""
        while (response := request()).status_code == 507:
            assert "No space left on device" in response.json()["detail"]
        assert response.is_success, response.text

    def send(name):
        sent = {"files": {"file": ("poem.txt", POEM.encode())}, "data": {"name": name}}
        insist(lambda: serving.client.post("/ds/upload", **sent))

    def train(name):
        insist(lambda: serving.client.post(f"/lm/{name}/train", json={**TINY, "max_iters": 20}))
        while True:
            facts = serving.wait_until(name, lambda facts: facts["state"] not in ("waiting", "training"))
            if facts["state"] == "trained":
                break
            assert facts["state"] == "failed" and "No space left on device" in facts["error"]
            insist(lambda: serving.client.post(f"/lm/{name}/resume"))
        assert facts["kept"] == facts["step"] == 20
        assert open_run(tmp_path / "served" / "lm" / name).step == 20

    def sweep(work):
        disk.refuse(NEVER)
        work("poem")
        writes = disk.free()
        assert writes > 8
        for length, every in ((1, 1), (12, 5)):
            for number in range(1, writes + 1, every):
                disk.refuse(number, number + length - 1)
                work(f"w{number}-{length}")
                disk.free()

    sweep(send)
    sweep(train)
    # The record of a job is written again once there is room.
    deadline = time.perf_counter() + 30
    for job in (tmp_path / "served" / "lm").glob("*/job.json"):
        while json.loads(job.read_text())["state"] != "trained":
            assert time.perf_counter() < deadline
            time.sleep(0.05)
    assert not tracebacks(serving) and not [*tmp_path.rglob("*.new")]


# Folders and files


def test_a_model_whose_file_is_missing_damaged_or_a_folder_says_so(server):
    made = {"empty": b"", "cut": None, "folder": None, "missing": None}
    whole = (server.folder / "lm" / "first" / "model.safetensors").read_bytes()
    for name in made:
        folder = server.folder / "lm" / name
        folder.mkdir()
        (folder / "job.json").write_text(json.dumps({"state": "trained"}))
    (server.folder / "lm" / "empty" / "model.safetensors").write_bytes(b"")
    (server.folder / "lm" / "cut" / "model.safetensors").write_bytes(whole[:-1])
    (server.folder / "lm" / "folder" / "model.safetensors").mkdir()
    for name, status, expected in (
        ("empty", 422, "it has 0 bytes"),
        ("cut", 422, "cut short"),
        ("folder", 409, "is a folder or a device"),
        ("missing", 409, "is missing: put the file back"),
    ):
        answer = server.client.get(f"/lm/{name}/model.safetensors")
        assert answer.status_code == status and expected in answer.json()["detail"], answer.text
        assert str(server.folder) not in answer.text and "try again" not in answer.text
        server.json("DELETE", f"/lm/{name}")
    assert server.client.get("/lm/first/model.safetensors").content == whole and not tracebacks(server)


def test_a_damaged_job_file_leaves_a_model_that_works_and_resumes(server):
    folder = server.folder / "lm" / "torn"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes((server.folder / "lm" / "first" / "model.safetensors").read_bytes())
    (folder / "job.json").write_bytes(b"{")
    facts = server.json("GET", "/lm/torn")
    assert facts["state"] == "failed" and "job.json is damaged; the model can still be used" in facts["error"]
    assert server.client.post("/lm/torn/generate", json={"max_new_tokens": 3}).status_code == 200
    server.json("POST", "/lm/torn/resume", 202)
    server.wait_until("torn", lambda facts: facts["state"] == "trained")
    assert json.loads((folder / "job.json").read_text())["state"] == "trained"
    server.json("DELETE", "/lm/torn")


def test_a_file_that_is_too_large_for_its_disk_is_507_with_true_advice(tmp_path):
    with pytest.raises(RequestError, match="File too large.*ulimit") as refused, writing(tmp_path):
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    assert refused.value.status == 507 and "--folder" not in str(refused.value)


def test_an_upload_replaces_no_file_of_a_user(server):
    ds = server.folder / "ds"
    (ds / "mine.txt").write_text("a text of my own")
    (ds / "folder.txt").mkdir()
    (ds / "described.txt").write_text(POEM)
    (ds / "described.json").write_text("{")
    for name in ("mine", "folder"):
        assert f"already has {name}.txt" in upload(server, name, (409,)).json()["detail"]
    assert (ds / "mine.txt").read_text() == "a text of my own"
    upload(server, "mine", text="a text of my own")  # an upload that a crash has cut short is sent again
    sizes = {dataset["name"]: dataset["bytes"] for dataset in server.json("GET", "/ds")["datasets"]}
    assert sizes["described"] == len(POEM.encode())
    for name in ("mine", "described"):
        server.json("DELETE", f"/ds/{name}")
    (ds / "folder.txt").rmdir()


@pytest.mark.slow
def test_the_second_server_on_a_folder_is_refused(server):
    command = [sys.executable, "-m", "pygpt", "serve", "--folder", str(server.folder), "--port", "0", "--no-lab"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1 and "Traceback" not in second.stderr
    assert "is in use by another pygpt" in second.stderr and "--folder" in second.stderr


@pytest.mark.slow
def test_a_training_in_a_folder_that_another_process_writes_is_refused(server):
    server.json("POST", "/lm/shared/train", 202, json=ENDLESS)
    server.wait_until("shared", lambda facts: facts["step"] > 0)
    with pytest.raises(PygptError, match="is in use by another pygpt"):
        RunFolder(server.folder / "lm" / "shared").claim()
    server.json("POST", "/lm/shared/stop")
    with RunFolder(server.folder / "lm" / "shared").claim():
        server.json("POST", "/lm/shared/resume", 202)
        failed = server.wait_until("shared", lambda facts: facts["state"] == "failed")
    assert f"is in use by another pygpt (process {os.getpid()})" in failed["error"]
    server.json("POST", "/lm/shared/resume", 202)
    server.wait_until("shared", lambda facts: facts["state"] == "training" and "loss" in facts)
    server.json("POST", "/lm/shared/stop")
    server.json("DELETE", "/lm/shared")


DAMAGED = {
    "nothing": b"",
    "deep": b"[" * 100_000,
    "list": b"[1]",
    "binary": bytes(range(256)),
    "state": b'{"state": 5, "step": "many"}',
    "unknown": b'{"state": "dancing"}',
    "waiting": b'{"state": "waiting", "asked": "now"}',
    "training": b'{"state": "training", "kept": [], "step": NaN}',
    "experiment": b'{"state": "waiting", "dataset": "poem", "experiment": {"model": 3}}',
    "trained": b'{"state": "trained", "loss": NaN, "experiment": [], "error": "\\ud800", "dataset": 3}',
    "large": b'{"state": "trained", "error": "' + b"x" * 2_000_000 + b'"}',
}


@pytest.mark.slow
def test_a_job_file_of_any_content_is_read(start, tmp_path):
    for name, content in DAMAGED.items():
        (tmp_path / "lm" / name).mkdir(parents=True)
        (tmp_path / "lm" / name / "job.json").write_bytes(content)
        (tmp_path / "lm" / name / "metrics.jsonl").write_bytes(
            content + b'\n{"step": 1, "loss": "low"}\n{"step": 2, "loss": 1}\n'
        )
    (tmp_path / "ds").mkdir()
    (tmp_path / "ds" / "odd.json").write_text('{"name": "../x", "layout": 3}')
    (tmp_path / "ds" / "odd.txt").write_text(POEM)
    for file in (b"not utf-8 \xff.json", b"not utf-8 \xff.txt", b"two..dots.json", b"job.json"):
        (tmp_path / "ds" / os.fsdecode(file)).write_text("{}")
    serving = start(tmp_path)
    assert {model["name"] for model in serving.json("GET", "/lm")["models"]} == set(DAMAGED)
    uploaded = [dataset["name"] for dataset in serving.json("GET", "/ds")["datasets"] if not dataset["built_in"]]
    assert uploaded == ["odd"]
    for name in DAMAGED:
        interrupted = name in ("waiting", "training", "experiment")
        expected = name if name == "trained" else "interrupted" if interrupted else "failed"
        assert serving.json("GET", f"/lm/{name}")["state"] == expected, name
        assert serving.client.get(f"/lm/{name}/events").status_code == 200
        assert serving.client.post(f"/lm/{name}/resume").status_code == 409
        assert serving.client.post(f"/lm/{name}/stop").status_code == 409
        serving.json("DELETE", f"/lm/{name}")
    assert not tracebacks(serving)
    serving.end()
