"""Fixtures of the browser tests: the built site served as in production, Chromium, and Python in a tab.

    site            the lab, built from this checkout and served below /lab/ with netlify.toml's headers; `site.url`
    browser         Chromium with WebGPU on its software adapter
    page            a page in a fresh profile; the test fails on console errors, failed requests and requests to other
                    hosts (opt out with @pytest.mark.page_errors_expected)
    python_in_tab   one worker with the product's configuration, booted once; `run("1 + 1")` is 2. Top-level await
                    works, `run` returns the value of the last expression, and a Python error fails the test

PYGPT_CHROMIUM names the browser to use. If the browser or npm is missing, the tests fail when CI=true, else they skip.
"""

import contextlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pygpt.server.local_site import StaticServer, serve
from tests.conftest import unavailable
from tests.e2e.chromium import find_chromium

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    # Only the site is reachable: requests to other hosts fail as they would offline.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
BOOT = """async (name) => {
  const { whenDefined } = await import(new URL("../pyscript/core.js", location.href).href);
  await whenDefined("py");
  const script = document.querySelector(`script[name=${name}]`);
  while (!script.xworker) await new Promise((resolve) => setTimeout(resolve, 5));
  window.tab = (await script.xworker.ready).sync;
}"""
IN_TIME = """([milliseconds, code]) => Promise.race([
  window.tab.run(code),
  new Promise((_, reject) => setTimeout(() => reject(new Error(`no answer in ${milliseconds} ms`)), milliseconds)),
])"""


def pytest_configure(config):
    """Register the marker of this folder."""
    config.addinivalue_line("markers", "page_errors_expected: the page may log errors and fail requests in this test")


def pytest_collection_modifyitems(items):
    """Run the browser tests last: Playwright leaves its event loop running, so a later asyncio.run() would fail."""
    items.sort(key=lambda item: Path(__file__).parent in item.path.parents)


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> StaticServer:
    """The lab, built from this checkout and served below /lab/."""
    out = tmp_path_factory.mktemp("site") / "dist"
    command = [sys.executable, str(ROOT / "build.py"), "--out", str(out)]
    process = subprocess.run(command, capture_output=True, text=True)
    if "npm was not found" in process.stderr:
        unavailable(process.stderr.strip())
    assert process.returncode == 0, process.stdout + process.stderr
    shutil.copytree(ROOT / "tests" / "e2e" / "harness", out / "harness")
    server = serve(out, prefix="/lab/", netlify=ROOT / "netlify.toml").start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser, for tests that start one with other settings."""
    return find_chromium() or unavailable(
        "Chromium was not found: run `python -m playwright install chromium`, or set PYGPT_CHROMIUM to its path"
    )


@pytest.fixture(scope="session")
def browser(chromium):
    """Chromium, headless, with WebGPU on SwiftShader."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=60_000)  # as long as the other waits: the machine may be busy
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        yield browser
        browser.close()


class Watch:
    """Records a browser context: `errors` are its errors and failed requests, `requests` all URLs."""

    def __init__(self, context, url: str):
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.host = urlsplit(url).netloc
        context.on("request", self.request)
        context.on("requestfailed", self.failed)
        context.on("response", self.response)
        context.on("console", self.console)
        context.on("weberror", lambda error: self.errors.append(f"uncaught: {error.error}"))

    def request(self, request):
        """Record a request, and an error if it leaves the site."""
        self.requests.append(request.url)
        parts = urlsplit(request.url)
        if parts.scheme not in ("blob", "data") and parts.netloc != self.host:
            self.errors.append(f"request to another host: {request.url}")

    def failed(self, request):
        """Record a failed request, unless the page itself aborted it."""
        if "ERR_ABORTED" not in (request.failure or ""):
            self.errors.append(f"request failed: {request.url} ({request.failure})")

    def response(self, response):
        """Record an error response."""
        if response.status >= 400:
            self.errors.append(f"{response.status}: {response.url}")

    def console(self, message):
        """Record an error in the console."""
        if message.type == "error":
            self.errors.append(f"console: {message.text}")


@contextlib.contextmanager
def watched_page(browser, url: str, test):
    """A page in a fresh profile for a test of the site at a URL; the test fails on any `page.watch.errors`."""
    context = browser.new_context()
    watch = Watch(context, url)
    page = context.new_page()
    page.watch = watch
    yield page
    context.close()
    if not test.get_closest_marker("page_errors_expected"):
        assert not watch.errors, "the page had errors:\n" + "\n".join(watch.errors)


@pytest.fixture
def page(browser, site, request):
    """A page for the site, with its errors recorded."""
    with watched_page(browser, site.url, request.node) as page:
        yield page


class PythonInTab:
    """Python in a worker with the product's configuration; tests send code to it."""

    def __init__(self, browser, site: StaticServer):
        self.context = browser.new_context()
        self.watch = Watch(self.context, site.url)
        self.page = self.context.new_page()
        self.site_root = site.url
        self.boot_seconds = 0.0

    def boot(self) -> None:
        """Load the page and wait until Python answers; set `boot_seconds` to the time taken."""
        start = time.perf_counter()
        self.page.goto(f"{self.site_root}harness/")
        self.page.evaluate(f"Promise.race([({BOOT})('harness'), new Promise((_, no) => setTimeout(no, 120000))])")
        self.boot_seconds = time.perf_counter() - start

    def run(self, code: str, seconds: float = 120):
        """Execute code in the worker; return the value of its last expression, which must be JSON-serializable.

        Raises: AssertionError with the worker's traceback; TimeoutError after restarting the worker.
        """
        try:
            answer = json.loads(self.page.evaluate(IN_TIME, [seconds * 1000, code]))
        except Exception as error:
            if "no answer in" not in str(error):
                raise
            self.boot()
            raise TimeoutError(f"Python in the tab gave no answer in {seconds} s and was restarted") from None
        assert "error" not in answer, "in the tab:\n" + answer["error"]
        return answer["value"]

    def close(self) -> None:
        """Close the tab."""
        self.context.close()


def start_python(browser, site) -> PythonInTab:
    """Start a new worker; if it does not boot, fail with the page's errors."""
    tab = PythonInTab(browser, site)
    try:
        tab.boot()
    except Exception as error:
        tab.close()
        pytest.fail("\n".join([f"Python did not boot in the tab: {error}", *tab.watch.errors]), pytrace=False)
    return tab


@pytest.fixture(scope="session")
def python_in_tab(browser, site) -> PythonInTab:
    """The worker that all tests of Python in the tab share: names persist from one test to the next."""
    tab = start_python(browser, site)
    yield tab
    tab.close()


@pytest.fixture(scope="module")
def fresh_python_in_tab(browser, site) -> PythonInTab:
    """A worker for one test file, free of state from other tests."""
    tab = start_python(browser, site)
    yield tab
    tab.close()
