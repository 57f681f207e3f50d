"""The lab on plain, broken and slow servers, and where the browser keeps no data: it trains, or says what is amiss."""

import http.server
import json
import threading
from functools import partial

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import FLAGS
from tests.e2e.controls import press
from tests.e2e.test_lab import READY, SLOW, TINY

# Of the files that a tab loads, Debian 12's nginx knows these types; it sends every other as application/octet-stream.
PLAIN_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class PlainHandler(http.server.SimpleHTTPRequestHandler):
    """A static server without settings. `faults` maps the end of a path to "missing", "stalled" or "page"."""

    protocol_version = "HTTP/1.1"
    faults: dict[str, str]

    def __init__(self, *args, faults: dict[str, str], released: threading.Event, **options):
        self.faults, self.released = faults, released
        super().__init__(*args, **options)

    def guess_type(self, path):
        """The type of a file, by its extension alone."""
        extension = "." + str(path).rpartition(".")[2]
        return PLAIN_TYPES.get(extension, "application/octet-stream")

    def do_GET(self):
        """Serve a file, or carry out the fault of its path."""
        fault = next((fault for end, fault in self.faults.items() if self.path.split("?")[0].endswith(end)), None)
        if fault == "missing":
            return self.send_error(404)
        if fault == "page":  # what a host of single-page applications answers for a missing file
            return self.answer(b"<!doctype html><title>Welcome</title>", "text/html")
        if fault == "stalled":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"x" * 1000)
            self.released.wait(120)
            return None
        return super().do_GET()

    def answer(self, body: bytes, kind: str):
        """Send a whole answer."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Log nothing."""


@pytest.fixture
def plain_server(site):
    """Serve the site without its headers; returns a function of the faults that gives the URL."""
    released, servers = threading.Event(), []

    def start(faults: dict[str, str] | None = None) -> str:
        handler = partial(PlainHandler, directory=str(site.directory), faults=faults or {}, released=released)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    released.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def train_tiny(frame) -> None:
    """Train the small run of the address to its end."""
    frame.wait_for_function("!document.querySelector('#train')?.disabled", timeout=READY)
    frame.locator("#train").click()
    frame.wait_for_function("/^40 of 40|finished/i.test(document.querySelector('#where')?.textContent)", timeout=SLOW)


def test_a_server_that_knows_few_types(page, plain_server):
    page.goto(f"{plain_server()}#{TINY}")
    train_tiny(page)
    expect(page.locator("#limit")).to_be_hidden()
    page.watch.errors.clear()  # the server is not the site that the fixture expects


@pytest.mark.page_errors_expected
@pytest.mark.parametrize(
    ("file", "fault", "words"),
    [
        ("pyodide/pyodide.asm.wasm", "missing", "is missing"),
        ("pyodide/pyodide.asm.wasm", "page", "came as text/html"),
        ("worker/interpreter.js", "missing", "is missing"),
        (".whl", "missing", "is missing"),
        ("site.json", "page", "came as text/html"),
    ],
)
def test_a_file_that_does_not_come_is_named(page, plain_server, file, fault, words):
    page.goto(plain_server({file: fault}))
    expect(page.locator("#stage")).to_contain_text(words)
    expect(page.locator("#stage")).to_contain_text(file)


@pytest.mark.page_errors_expected
@pytest.mark.parametrize("file", ["lab.json", "worker/lab.py", "pyodide/python_stdlib.zip"])
def test_a_download_that_stops_is_named(page, plain_server, file):
    page.clock.install()
    page.goto(plain_server({file: "stalled"}))
    for _ in range(2):  # nothing moves; then the file that is asked for again does not come either
        page.wait_for_timeout(1000)
        page.clock.fast_forward(21_000)
    expect(page.locator("#stage")).to_contain_text(f"{file} stopped: nothing came for 10 seconds")


@pytest.mark.page_errors_expected
def test_a_text_that_does_not_come_is_named(page, plain_server):
    page.goto(f"{plain_server({'names.txt': 'missing'})}#text=names&{TINY}")
    expect(page.locator("#text-mistake")).to_contain_text("names.txt cannot be fetched: the server answered 404")


def test_a_page_opened_as_a_file(page, site):
    page.goto((site.directory / "index.html").as_uri())
    expect(page.locator("#late-hint")).to_contain_text("python -m http.server")
    page.watch.errors.clear()  # the browser refuses the modules, as expected


def test_an_address_that_is_not_secure(browser, chromium, site):
    rules = "--host-resolver-rules=MAP classroom.test 127.0.0.1, EXCLUDE 127.0.0.1"
    flags = [flag for flag in FLAGS if "host-resolver" not in flag]
    other = browser.browser_type.launch(executable_path=chromium, args=[*flags, rules])
    page = other.new_page()
    page.goto(f"{site.url.replace('127.0.0.1', 'classroom.test')}#{TINY}")
    train_tiny(page)
    expect(page.locator("#limit")).to_contain_text("neither https nor localhost")
    other.close()


def test_blocked_cookies(browser, chromium, site, tmp_path):
    settings = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (tmp_path / "Default").mkdir()
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(settings))
    context = browser.browser_type.launch_persistent_context(tmp_path, executable_path=chromium, args=FLAGS)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(error))
    page.goto(f"{site.url}#{TINY}")
    train_tiny(page)
    expect(page.locator("#limit")).to_contain_text("no run is kept")
    assert "safety copies" not in page.inner_text("#parameters")
    press(page, "#train")
    question = page.locator("dialog.question[open]")
    expect(question).to_contain_text("have not been saved and would be lost")  # a second of training
    question.get_by_text("Cancel").click()
    expect(page.locator("#where")).to_have_text("Finished 40 of 40 steps")
    assert errors == []
    context.close()


@pytest.mark.page_errors_expected
def test_a_sandboxed_frame(page, site):
    frame = (
        f'<iframe sandbox="allow-scripts allow-downloads" width="1000" height="700" src="{site.url}#{TINY}"></iframe>'
    )
    page.route("**/outer.html", lambda route: route.fulfill(body=frame, content_type="text/html"))
    page.goto(f"{site.url}outer.html")
    inner = page.frames[1]
    train_tiny(inner)
    expect(inner.locator("#limit")).to_contain_text("no run is kept")
    # Chromium 156 reports two rejections without a reason while PyScript starts there.
    assert set(page.watch.errors) <= {"uncaught: undefined"}
