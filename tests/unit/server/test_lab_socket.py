"""The lab's WebSocket, without a page: its messages, refused origins, and runs that outlive a page or the server."""

import json
import signal
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from pygpt.config.experiment import Experiment
from tests.serving import Serving
from tests.tiny_runs import POEM

TINY = Experiment.preset("baby").with_fields(
    **{
        "model.n_layer": 1,
        "model.n_head": 1,
        "model.n_embd": 16,
        "model.block_size": 16,
        "train.batch_size": 4,
        "train.steps": 30,
        "train.eval_every": 10,
        "train.eval_batches": 1,
    }
)
ENDLESS = TINY.with_fields(**{"train.steps": 1_000_000, "train.eval_every": 1000})
BEGIN = {"type": "begin", "device": "machine"}


class Connection:
    """A connection to the lab's session; `until` reads events."""

    def __init__(self, serving, **options):
        self.opened = connect(f"ws://{urlsplit(serving.url).netloc}/lab/socket", max_size=None, **options)
        self.socket = self.opened.__enter__()
        self.data = None

    def send(self, command: dict, data: bytes | None = None):
        """Send a command after its bytes."""
        if data is not None:
            self.socket.send(data)
        self.socket.send(json.dumps(command))

    def until(self, *kinds: str, seconds: float = 60) -> list[dict]:
        """The events up to the first of these kinds; `data` holds the bytes sent with the last."""
        events, data = [], None
        while not events or events[-1]["type"] not in kinds:
            message = self.socket.recv(timeout=seconds)
            if isinstance(message, bytes):
                data = message
            else:
                events.append(json.loads(message))
                self.data, data = data, None
        return events


@pytest.fixture
def site(tmp_path):
    """A site of one page."""
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>The lab</title>")
    (folder / "app.js").write_text("export {};")
    (folder / "site.json").write_text(json.dumps({"version": "0", "numpy": None, "data": {}}))
    return folder


@pytest.fixture
def serving(tmp_path, site):
    serving = Serving(tmp_path / "served", "--site", str(site))
    yield serving
    serving.end()


def test_a_session_over_the_websocket(serving):
    connection = Connection(serving)
    connection.send(BEGIN)
    first_events = {event["type"]: event for event in connection.until("device")}
    assert first_events["ready"]["machine"] is True and first_events["text"]["text"]["name"] == "tales"
    assert first_events["device"]["choice"] == "machine" and first_events["device"]["kind"] == "numpy"
    connection.send({"type": "choose_text", "name": "poem", "built_in": False}, POEM.encode())
    assert connection.until("text")[-1]["text"]["characters"] == len(POEM)
    connection.send({"type": "start", "experiment": TINY.to_dict()})
    events = connection.until("finished")
    assert [step for event in events if event["type"] == "progress" for step in event["steps"]] == list(range(1, 31))
    connection.send({"type": "extend", "steps": 35})
    events = connection.until("finished")
    assert [step for event in events if event["type"] == "progress" for step in event["steps"]] == list(range(31, 36))
    connection = Connection(serving)  # a page that comes later sees the run with its new total
    connection.send(BEGIN)
    (started,) = [event for event in connection.until("finished") if event["type"] == "started"]
    assert started["run"]["experiment"]["train"]["steps"] == 35
    connection.send({"type": "save"})
    saved = connection.until("saved")[-1]
    assert saved["step"] == 35 and connection.data[8:9] == b"{"
    connection.send({"type": "open"}, connection.data)
    assert connection.until("opened")[-1]["run"]["step"] == 35

    # Only commands of the protocol are accepted, and no paths of files on the server.
    for command in (
        {"type": "_quiet"},
        {"type": "tell", "event": {}},
        {"type": "__init__"},
        {"type": "sample", "seed": "x"},
        {"type": "start"},
        {"type": "choose_text", "name": "/etc/hostname", "built_in": True},
        {"type": "nonsense"},
    ):
        connection.send(command)
        assert connection.until("error")[-1]["message"], command
    for text in ("nonsense", "[]", '"begin"', "{}", "[" * 100_000, '{"type": ' + "9" * 5000 + "}"):
        connection.socket.send(text)
        assert "a JSON object with a type" in connection.until("error")[-1]["message"]


@pytest.mark.slow
def test_a_run_continues_without_a_page(serving):
    first = Connection(serving)
    first.send(BEGIN)
    first.until("device")
    first.send({"type": "start", "experiment": ENDLESS.to_dict()})
    last_step = first.until("progress")[-1]["steps"][-1]
    first.socket.close()

    second = Connection(serving)
    second.send(BEGIN)
    past = second.until("curve")
    assert {"ready", "device", "text", "started"} <= {event["type"] for event in past}
    rows = past[-1]["training"]
    assert (
        rows[0][0] == rows[0][2]
        and rows[-1][0] >= last_step
        and [step for step, _, _ in past[-1]["validation"]][0] == 0
    )
    while max(second.until("progress")[-1]["steps"], default=0) <= rows[-1][0]:
        continue
    third = Connection(serving)
    third.send(BEGIN)
    third.until("progress")
    with pytest.raises(ConnectionClosed) as closed:
        second.until("finished")
    assert closed.value.rcvd.code == 4001

    # The lab and the HTTP API share one training slot.
    assert (
        serving.json("POST", "/lm/later/train", 202, json={"max_iters": 1_000_000, "n_embed": 16, "n_layer": 1})[
            "place"
        ]
        == 1
    )
    third.send({"type": "stop"})
    third.until("stopped")
    serving.wait_until("later", lambda facts: facts["state"] == "training")
    third.send({"type": "resume"})
    assert "busy with the training of 'later'" in third.until("error")[-1]["message"]
    serving.json("POST", "/lm/later/stop")


@pytest.mark.slow
def test_a_run_survives_a_server_restart(tmp_path, serving, site):
    connection = Connection(serving)
    connection.send(BEGIN)
    connection.until("device")
    connection.send({"type": "start", "experiment": ENDLESS.to_dict()})
    connection.until("progress")
    serving.end(signal.SIGINT)
    restarted = Serving(tmp_path / "served", "--site", str(site))
    connection = Connection(restarted)
    connection.send(BEGIN)
    (copy,) = connection.until("found")[-1]["runs"]
    assert copy["step"] > 0 and copy["steps"] == 1_000_000
    connection.send({"type": "open_kept", "copy": copy["copy"]})
    assert connection.until("opened")[-1]["run"]["step"] == copy["step"]
    restarted.end()


def test_pages_of_other_sites_are_refused(serving):
    host = urlsplit(serving.url).netloc
    Connection(serving, origin=f"http://{host}").socket.close()
    for origin in ("https://evil.example", "null", f"http://{host}0"):
        with pytest.raises(InvalidStatus) as refused:
            Connection(serving, origin=origin)
        assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus):
        Connection(serving, additional_headers={"Host": "evil.example"})


def test_the_site_has_the_headers_of_its_host(serving):
    page = serving.client.get("/")
    assert "The lab" in page.text and "default-src 'none'" in page.headers["content-security-policy"]
    script = serving.client.get("/app.js")
    assert (
        script.headers["content-type"].startswith("text/javascript")
        and "must-revalidate" in script.headers["cache-control"]
    )
    assert serving.client.get("/app.js", headers={"If-None-Match": script.headers["etag"]}).status_code == 304
    assert serving.json("GET", "/site.json")["machine"] is True
    assert serving.client.get("/nothing.js").status_code == 404
    assert serving.client.get("/..%2fserved/lab/run").status_code == 404
