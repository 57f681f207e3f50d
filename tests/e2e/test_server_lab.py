"""The lab of `pygpt serve`: the page trains on the server over a WebSocket, and the run continues without the page."""

import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import watched_page
from tests.e2e.controls import press, put
from tests.e2e.test_lab import READY, SLOW, TINY, choose, step_of, wait_for
from tests.serving import Serving
from tests.tiny_runs import POEM

ENDLESS = TINY.replace("train.steps=40", "train.steps=1000000").replace("eval_every=20", "eval_every=1000")


@pytest.fixture(scope="module")
def serving(site, tmp_path_factory):
    """The server, with the site of the other browser tests."""
    serving = Serving(tmp_path_factory.mktemp("served"), "--site", str(site.directory))
    yield serving
    serving.end()


@pytest.fixture
def page(browser, serving, request):
    """A page of the server, with its errors recorded."""
    with watched_page(browser, serving.url, request.node) as page:
        yield page


def open_machine(page, serving, settings: str = TINY):
    page.goto(f"{serving.url}/?on=machine#{settings}")
    page.wait_for_function("!document.querySelector('#train')?.disabled", timeout=READY)


def test_the_page_trains_on_the_server(page, serving):
    open_machine(page, serving)
    expect(page.locator("input[name=device][value=machine]")).to_be_checked()
    wait_for(page, "#device-name", "NumPy")
    press(page, "#train")
    wait_for(page, "#where", "Finished 40 of 40 steps")
    wait_for(page, "#val-loss", r"^\d")
    page.wait_for_selector("#samples li")
    put(page, "#prompt", "The ")
    press(page, "#sample")
    page.wait_for_function("document.querySelector('#answer').textContent.length > 20", timeout=SLOW)
    with page.expect_download() as saved:
        page.click("#save")
    assert saved.value.suggested_filename.endswith("step40.safetensors")
    data = Path(saved.value.path()).read_bytes()
    assert len(data) > 10_000
    # The tab neither started nor requested Python.
    assert not [url for url in page.watch.requests if "pyodide.asm" in url or urlsplit(url).path.endswith(".whl")]

    # Runs and texts from files are uploaded as bytes.
    page.set_input_files(
        "#run-file", {"name": "run.safetensors", "mimeType": "application/octet-stream", "buffer": data}
    )
    wait_for(page, "#live", "Opened a run that has finished after 40 steps")
    wait_for(page, "#loss", r"\d")
    page.reload()  # the server sends the run's history again
    wait_for(page, "#loss", r"\d", READY)
    page.set_input_files("#text-file", {"name": "poem.txt", "mimeType": "text/plain", "buffer": POEM.encode()})
    page.wait_for_function("document.body.textContent.includes('poem.txt\\u2069: ')", timeout=SLOW)


def test_the_server_keeps_every_run_of_its_lab(page, serving):
    open_machine(page, serving)
    folder = serving.folder / "lab" / "runs"
    before = {path.name for path in folder.iterdir()} if folder.exists() else set()
    for layers in ("1", "2"):
        put(page, "#model-n_layer", layers)
        press(page, "#train")
        wait_for(page, "#live", "Training")
        wait_for(page, "#live", "Finished after 40 steps")
    first, second = sorted({path.name for path in folder.iterdir()} - before, key=lambda name: int(name.split("-")[1]))
    assert {path.name for path in (folder / first).iterdir()} >= {
        "about.json",
        "experiment.toml",
        "metrics.jsonl",
        "model.safetensors",
        "samples.jsonl",
    }
    page.get_by_role("tab", name="Runs").click()
    page.click(f"[data-copy={first}] [data-action=delete]")
    expect(page.locator(f"[data-copy={first}]")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    page.reload()
    page.click(f"[data-copy={first}] [data-action=open]", timeout=READY)
    wait_for(page, "#where", "Finished 40 of 40")
    expect(page.locator("#model-n_layer")).to_have_value("1")
    assert (folder / second / "model.safetensors").exists()


def test_a_reload_keeps_the_text_that_the_server_has(page, serving):
    open_machine(page, serving)
    long = {"name": "long.txt", "mimeType": "text/plain", "buffer": (POEM * (250_000 // len(POEM))).encode()}
    page.set_input_files("#text-file", long)
    wait_for(page, "#text-place .facts", r"long.txt\W: 2\d\d,\d{3} characters, .*too long to show here")
    page.wait_for_function("location.hash.includes('text=own')")
    page.reload()
    wait_for(page, "#text-place .facts", r"long.txt\W: 2\d\d,\d{3} characters, .*too long to show here", READY)
    expect(page.locator("input[name=text][value=own]")).to_be_checked()
    expect(page.locator("#link-mistake")).to_be_hidden()
    page.wait_for_function("!document.querySelector('#train')?.disabled")
    press(page, "#train")
    wait_for(page, "#summary", "long.txt")
    wait_for(page, "#where", "Finished 40 of 40 steps")

    # The run opened from its file: its text replaces what the visitor has written, and is too long to be shown.
    with page.expect_download() as saved:
        page.click("#save")
    put(page, "#own-text", "Something else, which is not what the run was trained on. " * 9)
    page.locator("#own-text").blur()
    wait_for(page, "#text-place .facts", "^5\\d\\d characters")
    page.set_input_files("#run-file", saved.value.path())
    wait_for(page, "#text-place .facts", r"long.txt\W: 2\d\d,\d{3} characters, .*too long to show here")
    expect(page.locator("#own-text")).to_have_value("")


def test_a_run_continues_without_the_page(page, serving, browser):
    open_machine(page, serving, ENDLESS)
    press(page, "#train")
    page.wait_for_function("/^[1-9]/.test(document.querySelector('#where').textContent)", timeout=SLOW)
    left_at = step_of(page)
    page.goto("about:blank")
    time.sleep(1)

    # A page that connects later shows the run and its curve.
    page.goto(f"{serving.url}/?on=machine")
    page.wait_for_function(
        f"Number(document.querySelector('#where')?.textContent.split(' ')[0].replaceAll(',', '')) > {left_at}",
        timeout=READY,
    )
    page.wait_for_selector("#pause")
    page.wait_for_selector("#samples li")
    expect(page.locator("#model-n_embd")).to_have_value("16")

    # Meanwhile a model requested over HTTP waits.
    facts = serving.json("POST", "/lm/second/train", 202, json={"max_iters": 1, "n_layer": 1, "n_embed": 16})
    assert facts["state"] == "waiting" and facts["waits_for"] == "the lab"

    # A second page takes over the machine; the first reports that and does not reconnect.
    other = browser.new_context().new_page()
    other.goto(f"{serving.url}/?on=machine")
    other.wait_for_function("document.querySelector('#pause')?.checkVisibility()", timeout=READY)
    wait_for(page, "#line-mistake", "nother page of the lab is using this machine now")
    other.click("#stop")
    wait_for(other, "#where", "Stopped")
    other.context.close()
    serving.wait_until("second", lambda facts: facts["state"] == "trained")
    while serving.json("GET", "/lm")["machine"] != "free":  # the training process is still ending
        time.sleep(0.1)


@pytest.mark.page_errors_expected
def test_a_dropped_connection_is_reopened(page, serving):
    record_sockets = """window.sockets = []; const Real = WebSocket;
    window.WebSocket = class extends Real { constructor(url) { super(url); window.sockets.push(this); } };"""
    page.add_init_script(record_sockets)
    open_machine(page, serving, ENDLESS)
    press(page, "#train")
    page.wait_for_function("/^[1-9]/.test(document.querySelector('#where').textContent)", timeout=SLOW)
    page.evaluate("window.sockets[0].close()")
    wait_for(page, "#line-mistake", "is not responding")
    left_at = step_of(page)
    page.wait_for_function("window.sockets.length > 1 && document.querySelector('#line-mistake').hidden", timeout=SLOW)
    page.wait_for_function(
        f"Number(document.querySelector('#where').textContent.split(' ')[0].replaceAll(',', '')) > {left_at}",
        timeout=SLOW,
    )
    press(page, "#pause")
    wait_for(page, "#where", "Paused")
    press(page, "#stop")
    wait_for(page, "#where", "Stopped")


def test_a_text_that_a_dropped_connection_lost_is_asked_for_again(page, serving):
    dropped = []

    def connect(socket):
        server, gone = socket.connect_to_server(), []

        def forward(message):
            if isinstance(message, bytes) and not dropped:
                dropped.append(len(message))
                gone.append(True)
                socket.close()
                server.close()
            elif not gone:
                server.send(message)

        socket.on_message(forward)

    page.route_web_socket("**/lab/socket", connect)
    open_machine(page, serving)
    poem = {"name": "poem.txt", "mimeType": "text/plain", "buffer": POEM.encode()}
    for _ in range(2):  # the second time there is no connection yet
        page.set_input_files("#text-file", poem)
        wait_for(page, "#text-mistake", "The connection broke before the text had arrived. Choose the text again.")
    wait_for(page, "#device-name", r"NumPy \d")
    page.wait_for_function("!document.body.textContent.includes('is not responding')")
    assert page.is_visible("#text-mistake")
    page.set_input_files("#text-file", poem)
    page.wait_for_function("document.body.textContent.includes('poem.txt\\u2069: ')", timeout=SLOW)
    assert dropped and not page.is_visible("#text-mistake")


def test_a_served_page_offers_the_server_as_a_device(page, serving):
    page.goto(f"{serving.url}/#{TINY}")
    page.wait_for_function("!document.querySelector('#train')?.disabled", timeout=READY)
    expect(page.locator("input[name=device][value=machine]")).not_to_be_checked()
    choose(page, "device", "machine")
    page.wait_for_url("**/?on=machine#*")
    page.wait_for_function("document.querySelector('input[name=device][value=machine]')?.checked", timeout=READY)
    expect(page.locator("#model-n_embd")).to_have_value("16")
    assert json.loads(serving.client.get("/site.json").text)["machine"] is True


def test_the_api_documentation_needs_no_other_host(page, serving):
    page.goto(f"{serving.url}/docs")
    page.wait_for_selector(".opblock", timeout=READY)
    page.wait_for_function(
        "document.querySelector('#swagger-ui').innerText.replaceAll('\u200b', '').includes('/lm/{name}/train')"
    )


def test_a_page_opened_with_the_token_uses_the_server_without_it_in_its_address(browser, site, tmp_path, request):
    token = "the-token-of-this-test"
    serving = Serving(tmp_path, "--site", str(site.directory), environment={"PYGPT_TOKEN": token})
    with watched_page(browser, serving.url, request.node) as page:
        page.goto(f"{serving.url}/?token={token}&on=machine#{TINY}")
        page.wait_for_function("!document.querySelector('#train')?.disabled", timeout=READY)
        assert page.url.startswith(f"{serving.url}/?on=machine#")
        wait_for(page, "#device-name", "NumPy")
    serving.end()


def test_a_static_site_offers_no_server_as_a_device(browser, site):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site.url}#{TINY}")
    page.wait_for_function("!document.querySelector('#train')?.disabled", timeout=READY)
    page.wait_for_selector("input[name=device][value=webgpu]", state="attached")
    expect(page.locator("input[name=device][value=machine]")).to_have_count(0)
    context.close()
