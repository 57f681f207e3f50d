"""A built site, served, and Chromium with Python in a tab: what the browser tests use, without pytest."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pygpt.cli.serve import serve
from tests.e2e.chromium import find_chromium
from tests.e2e.conftest import FLAGS, ROOT, PythonInTab


@contextlib.contextmanager
def open_site():
    """Build and serve the site, start the browser; yields (server, browser)."""
    from playwright.sync_api import sync_playwright

    executable = find_chromium()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        out = Path(folder) / "dist"
        subprocess.run([sys.executable, str(ROOT / "build.py"), "--out", str(out)], check=True, capture_output=True)
        shutil.copytree(ROOT / "tests" / "e2e" / "harness", out / "harness")
        server = serve(out, prefix="/lab/", netlify=ROOT / "netlify.toml").start()
        browser = playwright.chromium.launch(executable_path=executable, headless=True,
                                             args=FLAGS)
        try:
            yield server, browser
        finally:
            browser.close()
            server.stop()


@contextlib.contextmanager
def open_tab(server, browser):
    """Python in a fresh tab; `run(code, seconds)` executes code there."""
    tab = PythonInTab(browser, server)
    tab.boot()
    try:
        yield tab
    finally:
        tab.close()
