"""The built site, the peers' pages and Chromium: the fixtures of the browser tests, without pytest."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from build import find_npm
from pygpt.server.local_site import serve
from tests.bench.work import FOLDER
from tests.e2e.chromium import find_chromium
from tests.e2e.conftest import FLAGS, ROOT, PythonInTab

PEERS = ROOT / "tests" / "bench" / "peers"
ISOLATED = """[[headers]]
for = "/*"
[headers.values]
Cross-Origin-Opener-Policy = "same-origin"
Cross-Origin-Embedder-Policy = "require-corp"
"""


@contextlib.contextmanager
def open_site():
    """Build and serve the site and start the browser; yield (server, browser)."""
    from playwright.sync_api import sync_playwright

    executable = find_chromium()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        out = Path(folder) / "dist"
        subprocess.run([sys.executable, str(ROOT / "build.py"), "--out", str(out)], check=True, capture_output=True)
        shutil.copytree(ROOT / "tests" / "e2e" / "harness", out / "harness")
        server = serve(out, prefix="/lab/", netlify=ROOT / "netlify.toml").start()
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=FLAGS)
        try:
            yield server, browser
        finally:
            browser.close()
            server.stop()


@contextlib.contextmanager
def open_tab(server, browser):
    """Start Python in a fresh tab; `run(code, seconds)` executes code there."""
    tab = PythonInTab(browser, server)
    tab.boot()
    try:
        yield tab
    finally:
        tab.close()


@contextlib.contextmanager
def serve_peers(isolated: bool = False):
    """Serve the peers' pages with their packages, which the first call installs; yield the server.

    isolated: serve the pages cross-origin isolated. That gives the peers' WebAssembly threads, unlike our own page.
    """
    folder = FOLDER / "peers"
    folder.mkdir(parents=True, exist_ok=True)
    for path in PEERS.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    packages, stamp = (PEERS / "package.json").read_text(), folder / "node_modules" / ".installed"
    if not (stamp.is_file() and stamp.read_text() == packages):
        print("installing tests/bench/peers/package.json", flush=True)
        npm, environment = find_npm()
        subprocess.run(
            [npm, "install", "--ignore-scripts", "--no-package-lock", "--silent"],
            cwd=folder,
            env=environment,
            check=True,
        )
        stamp.write_text(packages)
    work = folder / "work"
    if not work.is_symlink():
        (FOLDER / "work").mkdir(exist_ok=True)
        work.symlink_to(FOLDER / "work")
    with tempfile.TemporaryDirectory() as headers:
        file = Path(headers) / "netlify.toml"
        file.write_text(ISOLATED if isolated else "")
        server = serve(folder, prefix="/peers/", netlify=file).start()
        try:
            yield server
        finally:
            server.stop()
