"""The README's row for ChadGPT: data sets and models over HTTP, with its eleven settings, against `pygpt serve`."""

import json
import signal
import socket
import statistics
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

import pygpt
from pygpt.optim.schedules import learning_rate
from tests.serving import Serving
from tests.tiny_runs import NAMES, POEM

TINY = {
    "n_layer": 1,
    "n_embed": 16,
    "n_head": 2,
    "block_size": 8,
    "dropout": 0.1,
    "learning_rate": 0.01,
    "max_iters": 40,
    "batch_size": 4,
    "vocab_size": len(set(POEM)),
    "eval_interval": 20,
    "eval_iters": 2,
}
ENDLESS = {**TINY, "max_iters": 1_000_000, "dataset": "poem"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    serving = Serving(tmp_path_factory.mktemp("served"), "--max-upload", "2")
    upload(serving)
    yield serving
    serving.end()


def upload(serving, name="poem", text=POEM, status=201, **fields):
    return serving.json("POST", "/ds/upload", status, files={"file": (f"{name}.txt", text.encode())}, data=fields)


def test_upload_train_watch_evaluate_and_generate(server):
    assert [dataset["name"] for dataset in server.json("GET", "/ds")["datasets"]][-1] == "poem"
    queued = server.json("POST", "/lm/first/train", 202, json={**TINY, "dataset": "poem", "seed": 7})
    assert queued["state"] in ("waiting", "training")
    events = list(server.events("first"))
    steps = [step for event in events if event["type"] == "progress" for step in event["steps"]]
    losses = [loss for event in events if event["type"] == "progress" for loss in event["losses"]]
    assert steps == list(range(1, 41)) and losses[-1] < losses[0]
    assert [event["step"] for event in events if event["type"] == "evaluated"] == [0, 20, 40]
    assert events[-1]["state"] == "trained"

    facts = server.json("GET", "/lm/first")
    model, train = facts["experiment"]["model"], facts["experiment"]["train"]
    assert (model["n_layer"], model["n_embd"], model["n_head"], model["block_size"], model["dropout"]) == (
        1,
        16,
        2,
        8,
        0.1,
    )
    assert (train["steps"], train["batch_size"], train["eval_every"], train["eval_batches"], train["seed"]) == (
        40,
        4,
        20,
        2,
        7,
    )
    assert facts["experiment"]["optim"]["learning_rate"] == 0.01 and facts["vocabulary"] == TINY["vocab_size"]
    assert facts["state"] == "trained" and facts["step"] == 40 and not facts["resumable"]

    measured = server.json("GET", "/lm/first/eval")
    assert (
        measured["baselines"]["uniform"]["loss"] > measured["baselines"]["bigram"]["loss"]
        and measured["bits_per_byte"] > 0
    )
    assert (
        measured["dataset"] == "poem" and measured["perplexity"] > 1 and abs(measured["loss"] - facts["val_loss"]) < 1
    )
    request = {"prompt": "Twin", "max_new_tokens": 60, "seed": 3}
    with server.client.stream("POST", "/lm/first/generate", json=request) as response:
        pieces = [piece for piece in response.iter_text() if piece]
    assert len("".join(pieces)) == 60 and len(pieces) > 1
    assert "".join(pieces) == server.client.post("/lm/first/generate", json=request).text
    defaults = {"top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0}
    stop = "".join(pieces)[3:5]
    shorter = server.client.post("/lm/first/generate", json={**request, **defaults, "stop": [stop]}).text
    assert shorter == "".join(pieces).partition(stop)[0]
    assert "top_p" in server.json("POST", "/lm/first/generate", 422, json={"top_p": 2.0})["detail"]


def test_losses_and_log_equal_those_of_the_command_line(server, tmp_path):
    server.json("POST", "/lm/same/train", 202, json={**TINY, "dataset": "poem"})
    list(server.events("same"))
    folder = tmp_path / "run"
    file = tmp_path / "same.safetensors"
    file.write_bytes(server.client.get("/lm/same/model.safetensors").content)
    model = pygpt.load(file, "numpy")
    (tmp_path / "poem.txt").write_text(POEM)
    experiment = model.experiment.with_fields(**{"data.source": str(tmp_path / "poem.txt")})
    (tmp_path / "same.toml").write_text(experiment.to_toml())
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pygpt",
            "train",
            str(tmp_path / "same.toml"),
            "--device",
            "numpy",
            "--out",
            str(folder),
        ],
        check=True,
        capture_output=True,
    )
    logged, served = (
        [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        for path in (folder, server.folder / "lm" / "same")
    )
    assert [line["step"] for line in logged] == [10, 20, 30, 40] and len(logged) == len(served)
    for ours, theirs in zip(logged, served):
        assert ours.keys() == theirs.keys() and theirs["ms"] > 0
        timed = ("ms", "tokens_per_second", "seconds")
        assert all(ours[key] == theirs[key] for key in ours if key not in timed)
        assert theirs["lr"] == learning_rate(experiment.optim, 40, theirs["step"] - 1)
    assert len({line["lr"] for line in served}) == 4
    losses = {
        step: loss
        for event in server.events("same")
        if event["type"] == "progress"
        for step, loss in zip(event["steps"], event["losses"])
    }
    assert {row["step"]: row["loss"] for row in logged}.items() <= losses.items()


def test_a_data_set_of_documents(server):
    assert upload(server, "list", NAMES, layout="documents")["layout"] == "documents"
    server.json("POST", "/lm/named/train", 202, json={**TINY, "vocab_size": 256, "dataset": "list"})
    list(server.events("named"))
    facts = server.json("GET", "/lm/named")
    assert facts["experiment"]["data"]["layout"] == "documents" and facts["experiment"]["data"]["tokenizer"] == "byte"
    assert facts["vocabulary"] == 257
    assert upload(server, "odd", POEM, 422, layout="heap")["field"] == "layout"


def test_a_bpe_vocabulary_and_a_task(server):
    server.json("POST", "/lm/pairs/train", 202, json={**TINY, "dataset": "poem", "vocab_size": 280})
    server.json(
        "POST",
        "/lm/sums/train",
        202,
        json={
            "dataset": "task:addition,length=1,examples=50",
            "max_iters": 2,
            "n_embed": 16,
            "n_layer": 1,
            "block_size": 16,
        },
    )
    list(server.events("sums"))
    facts = server.json("GET", "/lm/pairs")
    assert facts["experiment"]["data"]["tokenizer"] == "bpe" and facts["vocabulary"] == 280
    measured = server.json("GET", "/lm/sums/eval")
    assert 0 <= measured["accuracy"] <= 1 and "bits_per_byte" in measured
    stopped = server.client.post(
        "/lm/pairs/generate", json={"max_new_tokens": 200, "stop": ["e"], "top_p": 0.9, "seed": 2}
    ).text
    assert "e" not in stopped
    assert "task" in server.json("POST", "/lm/refused/train", 422, json={"dataset": "task:nothing"})["detail"]


def test_queue_stop_resume_and_delete(server):
    server.json("POST", "/lm/long/train", 202, json=ENDLESS)
    server.wait_until("long", lambda facts: facts["step"] > 10)
    second = server.json("POST", "/lm/later/train", 202, json=ENDLESS)
    third = server.json("POST", "/lm/last/train", 202, json=ENDLESS)
    assert (second["place"], third["place"]) == (1, 2) and "long" in second["waits_for"]
    assert server.json("GET", "/lm")["queue"] == ["later", "last"]
    assert "stop it first" in server.json("DELETE", "/lm/long", 409)["detail"]
    assert "in use by" in server.json("DELETE", "/ds/poem", 409)["detail"]
    assert server.json("POST", "/lm/later/stop")["state"] == "stopped"
    assert server.json("GET", "/lm/last")["place"] == 1
    stopped = server.json("POST", "/lm/long/stop")
    assert stopped["state"] == "stopped" and stopped["step"] > 10 and stopped["resumable"]
    server.wait_until("last", lambda facts: facts["step"] > 0)
    server.json("POST", "/lm/last/stop")

    # A resumed training continues at its last step, and its curve has no gap and no repeated step.
    server.json("POST", "/lm/long/resume", 202)
    server.wait_until("long", lambda facts: facts["step"] > stopped["step"])
    resumed = server.json("POST", "/lm/long/stop")
    steps = [step for event in server.events("long") if event["type"] == "progress" for step in event["steps"]]
    assert resumed["step"] > stopped["step"] and steps == sorted(set(steps))
    first_event = next(iter(server.events("long", **{"Last-Event-ID": str(stopped["step"])})))
    assert first_event["type"] == "state"
    assert server.client.get("/lm/long/events", headers={"Last-Event-ID": str(resumed["step"])}).status_code == 204
    for name in ("long", "later", "last"):
        server.json("DELETE", f"/lm/{name}")
        assert "no model" in server.json("GET", f"/lm/{name}", 404)["detail"]


def test_a_text_that_is_too_short_is_an_error(server):
    upload(server, "short", "Only a few words.\n")
    server.json("POST", "/lm/hopeless/train", 202, json={"dataset": "short"})
    list(server.events("hopeless"))
    facts = server.json("GET", "/lm/hopeless")
    assert facts["state"] == "failed" and "longer text" in facts["error"]
    assert "ended before the model was saved" in server.json("GET", "/lm/hopeless/eval", 409)["detail"]
    server.json("DELETE", "/lm/hopeless")
    server.json("DELETE", "/ds/short")


@pytest.mark.parametrize(
    "body, field, message",
    [
        ({"n_layers": 2}, "n_layers", "did you mean 'n_layer'"),
        ({"n_embd": 32}, "n_embd", "did you mean 'n_embed'"),
        ({"n_layer": "two"}, "n_layer", "valid integer"),
        ({"n_layer": 0}, "n_layer", "n_layer: 0 is outside 1 to 512"),
        ({"n_embed": 30, "n_head": 4}, "n_embed", "multiple of n_head"),
        ({"dropout": 1.5}, "dropout", "outside"),
        ({"preset": "smal"}, "preset", "did you mean 'small'"),
        ({"dataset": "tails"}, "dataset", "there is no data set 'tails'"),
        ({"dataset": "../poem"}, "dataset", "there is no data set"),
        ({"dataset": "poem", "tokenizer": "char", "vocab_size": 999}, "vocab_size", "leave one of the two out"),
        ({"dataset": "poem", "vocab_size": 100}, "vocab_size", "outside 257"),
        ({"tokenizer": "words"}, "tokenizer", "is not one of"),
        ({"tokenizer": "words", "vocab_size": 300}, "tokenizer", "is not one of"),
        ({"dataset": "poem", "tokenizer": "byte", "vocab_size": 300}, "vocab_size", "has 256 tokens on this text"),
        ({"dataset": "poem", "tokenizer": "gpt2", "vocab_size": 300}, "vocab_size", "has 50,257 tokens on this text"),
    ],
)
def test_errors_use_the_field_names_of_the_request(server, body, field, message):
    status = 404 if field == "dataset" else 422
    error = server.json("POST", "/lm/refused/train", status, json=body)
    assert error["field"] == field and message in error["detail"]
    assert "no model" in server.json("GET", "/lm/refused", 404)["detail"]


@pytest.mark.parametrize(
    "name", ["..", ".hidden", "a/b", "..%2Fup", "a%5Cb", "con", "nul.txt", "a" * 65, "a..b", "a%00", "é"]
)
def test_names_cannot_be_paths(server, name):
    for method, path in (
        ("POST", f"/lm/{name}/train"),
        ("GET", f"/lm/{name}/eval"),
        ("DELETE", f"/lm/{name}"),
        ("DELETE", f"/ds/{name}"),
    ):
        assert raw(server, f"{method} {path}") in (400, 404, 405, 422)
    plain = name.replace("%2F", "/").replace("%5C", "\\").replace("%00", "\0")
    assert "cannot be the name" in upload(server, plain, status=422)["detail"]
    error = server.json("POST", "/ds/upload", 422, files={"file": ("poem.txt", POEM.encode())}, data={"name": plain})
    assert "cannot be the name" in error["detail"]


def raw(server, request: str, *headers: str, body: bytes = b"") -> int:
    """The status of a request sent unchanged: an HTTP client would normalize the path."""
    parts = urlsplit(server.url)
    lines = [f"{request} HTTP/1.1", f"Content-Length: {len(body)}", "Connection: close", *headers]
    if not any(header.lower().startswith("host:") for header in headers):
        lines.append(f"Host: {parts.netloc}")
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return int(connection.makefile("rb").readline().split()[1])


def test_taken_and_unknown_names_are_refused(server):
    assert "already" in upload(server, status=409)["detail"]
    assert "already" in upload(server, "tales", status=409)["detail"]
    assert "built in" in server.json("DELETE", "/ds/tales", 409)["detail"]
    upload(server, "another")
    server.json("DELETE", "/ds/another")
    assert "no data set" in server.json("DELETE", "/ds/another", 404)["detail"]
    assert "UTF-8" in server.json("POST", "/ds/upload", 422, files={"file": ("x.txt", b"\xff\xff")})["detail"]


def test_large_bodies_are_refused_before_they_are_read(server):
    assert "2 MB" in upload(server, "huge", "x" * 2_100_000, 413)["detail"]
    assert raw(server, "POST /ds/upload", "Content-Length: 999999999999") in (400, 413)

    def endless():
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="endless.txt"\r\n\r\n'
        for _ in range(100_000):
            sent.append(1)
            yield b"x" * 65_536

    sent = []
    try:
        response = server.client.post(
            "/ds/upload", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=b"}
        )
        assert response.status_code == 413
    except Exception as error:
        # The server closed the connection while the client was sending.
        assert "httpx" in type(error).__module__
    assert len(sent) < 5000
    assert "1 MB" in server.json("POST", "/lm/first/generate", 413, json={"prompt": "x" * 1_100_000})["detail"]
    assert [dataset["name"] for dataset in server.json("GET", "/ds")["datasets"]].count("huge") == 0


def test_pages_of_other_sites_are_refused(server):
    host = urlsplit(server.url).netloc
    port = host.split(":")[1]
    assert raw(server, "GET /ds") == 200
    assert raw(server, "GET /ds", f"Host: localhost:{port}", f"Origin: http://localhost:{port}") == 200
    for name in (
        "evil.example",
        f"evil.example:{port}",
        f"127.0.0.1.evil.example:{port}",
        "192.168.1.2",
        "",
        "localhost:x",
    ):
        assert raw(server, "GET /ds", f"Host: {name}") in (400, 421), name
    for origin in ("https://evil.example", "null", f"http://localhost:{int(port) + 1}", f"http://{host}.evil.example"):
        assert raw(server, "GET /ds", f"Origin: {origin}") == 403
        assert raw(server, "DELETE /ds/poem", f"Origin: {origin}") == 403
    assert raw(server, "GET /lm/first/eval", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors") == 403
    assert raw(server, "GET /lm", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate") == 200


def test_the_documentation_page_needs_no_network(server):
    page = server.client.get("/docs")
    assert page.status_code == 200 and "https://" not in page.text
    for path in ("/static-offline-docs/swagger-ui-bundle.js", "/static-offline-docs/swagger-ui.css"):
        assert len(server.client.get(path).content) > 10_000
    schema = server.json("GET", "/openapi.json")
    assert {"/ds", "/ds/upload", "/lm", "/lm/{name}/train", "/lm/{name}/eval", "/lm/{name}/generate"} <= schema[
        "paths"
    ].keys()
    fields = schema["components"]["schemas"]["TrainRequest"]["properties"]
    assert set(TINY) | {"dataset", "preset", "tokenizer", "seed"} == fields.keys()


def test_requests_are_answered_while_a_model_trains(server):
    server.json("POST", "/lm/busy/train", 202, json={**ENDLESS, "preset": "small"})
    server.wait_until("busy", lambda facts: facts["step"] > 0)
    seconds = []
    for _ in range(40):
        start = time.perf_counter()
        server.json("GET", "/lm")
        seconds.append(time.perf_counter() - start)
        time.sleep(0.01)
    server.json("POST", "/lm/busy/stop")
    server.json("DELETE", "/lm/busy")
    assert statistics.median(seconds) < 0.1


def test_a_client_that_disconnects_stops_the_generation(server):
    server.json("POST", "/lm/reader/train", 202, json={**TINY, "dataset": "poem", "max_iters": 1})
    list(server.events("reader"))
    with server.client.stream("POST", "/lm/reader/generate", json={"max_new_tokens": 10_000}) as response:
        next(response.iter_raw())
    start = time.perf_counter()
    assert len(server.client.post("/lm/reader/generate", json={"max_new_tokens": 5}).text) == 5
    assert time.perf_counter() - start < 5
    refused = server.json("POST", "/lm/reader/generate", 422, json={"prompt": "☃"})
    assert refused["detail"]
    assert "temperature" in server.json("POST", "/lm/reader/generate", 422, json={"temperature": -1.0})["detail"]
    assert server.json("POST", "/lm/reader/generate", 422, json={"max_new_tokens": 10**6})["field"] == "max_new_tokens"
    assert "did you mean 'top_k'" in server.json("POST", "/lm/reader/generate", 422, json={"topk": 3})["detail"]


def test_models_and_data_survive_a_restart(tmp_path):
    serving = Serving(tmp_path)
    upload(serving)
    serving.json("POST", "/lm/done/train", 202, json={**TINY, "dataset": "poem"})
    list(serving.events("done"))
    text = serving.client.post("/lm/done/generate", json={"seed": 5, "max_new_tokens": 40}).text
    serving.json("POST", "/lm/cut/train", 202, json=ENDLESS)
    serving.wait_until("cut", lambda facts: facts["step"] > 5)
    serving.json("POST", "/lm/waiting/train", 202, json={**TINY, "dataset": "poem"})
    serving.end()
    assert serving.process.returncode == 0, serving.output

    serving = Serving(tmp_path)
    assert [dataset["name"] for dataset in serving.json("GET", "/ds")["datasets"]][-1] == "poem"
    assert serving.client.post("/lm/done/generate", json={"seed": 5, "max_new_tokens": 40}).text == text
    cut = serving.json("GET", "/lm/cut")
    assert cut["state"] == "interrupted" and cut["resumable"] and cut["step"] > 5 and "/lm/cut/resume" in cut["error"]
    serving.wait_until("waiting", lambda facts: facts["state"] == "trained")

    # After SIGKILL, the last checkpoint is available.
    serving.json("POST", "/lm/cut/resume", 202)
    serving.wait_until("cut", lambda facts: facts["step"] > cut["step"])
    serving.end(signal.SIGKILL)
    serving = Serving(tmp_path)
    killed = serving.json("GET", "/lm/cut")
    assert killed["state"] == "interrupted" and killed["step"] >= cut["step"]
    serving.json("POST", "/lm/cut/resume", 202)
    resumed = serving.wait_until("cut", lambda facts: facts["step"] > killed["step"])
    assert "error" not in resumed
    serving.end()


def test_without_the_extra_the_error_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['fastapi'] = None; sys.modules['uvicorn'] = None\n"
        "from pygpt.cli import main; sys.exit(main(['serve', '--folder', sys.argv[1]]))"
    )
    result = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert result.returncode == 1 and "pip install 'pygpt-lab[serve]'" in result.stderr
    code = (
        "import sys; from pygpt.cli import main; main(['devices', '--json'])\n"
        "sys.exit(any(name.split('.')[0] in ('fastapi', 'uvicorn', 'pydantic') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
