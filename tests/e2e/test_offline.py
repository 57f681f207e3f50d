"""The lab without a network, and from one version to the next: a version is served whole, or not at all."""

import re
import shutil

import pytest
from playwright.sync_api import expect

import build
from pygpt.server.local_site import serve
from tests.e2e.conftest import FLAGS, ROOT
from tests.e2e.controls import press
from tests.e2e.test_lab import READY, TINY, choose_device, wait_for

CACHES = "async () => (await caches.keys()).length"
KEPT = """async () => {
  const names = await caches.keys();
  const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
  return requests.flat().some(({ url }) => url.includes("/wheels/numpy"));
}"""
UPDATE = """async () => {
  const registration = await navigator.serviceWorker.getRegistration();
  await registration.update().catch(() => {});
  const coming = registration.installing;
  const over = (done) => coming.addEventListener("statechange", () => coming.state !== "installing" && done());
  if (coming) await new Promise(over);
  return coming?.state ?? registration.waiting?.state ?? "none";
}"""


@pytest.fixture
def visitor(chromium, browser):
    """A fresh profile in a browser that knows this machine by other names, too: on localhost no version is kept."""
    flags = [flag.replace("EXCLUDE 127.0.0.1", "EXCLUDE 127.0.0.1, EXCLUDE lab.localhost") for flag in FLAGS]
    launched = browser.browser_type.launch(executable_path=chromium, headless=True, args=flags)
    yield launched.new_context()
    launched.close()


def publish(folder, lead: str) -> None:
    """Make the folder another version of the site, with another first sentence."""
    labels = folder / "ui" / "labels" / "en.js"
    labels.write_text(re.sub(r'lead: ".*"', f'lead: "{lead}"', labels.read_text()))
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    (folder / "service_worker.js").write_bytes(build.service_worker(files))


def open_page(visitor, url: str):
    """The lab in a new tab, ready to train."""
    page = visitor.new_page()
    page.goto(f"{url}?on=numpy#{TINY}")
    page.wait_for_function("document.querySelector('#train')?.disabled === false", timeout=READY)
    return page


def test_a_second_visit_needs_no_network_and_a_new_version_comes_whole(site, visitor, tmp_path):
    folder = tmp_path / "dist"
    shutil.copytree(site.directory, folder, ignore=shutil.ignore_patterns("harness"))
    server = serve(folder, prefix="/lab/", netlify=ROOT / "netlify.toml").start()
    port = server.server.server_address[1]
    url = f"http://lab.localhost:{port}/lab/"

    page = open_page(visitor, url)
    page.wait_for_function(KEPT, timeout=READY)  # the device of the first visit, too
    page.close()
    server.stop()

    page = open_page(visitor, url)
    press(page, "#train")
    wait_for(page, "#where", "Finished 40")

    # A new version of which a file is missing is not taken.
    publish(folder, "The second version.")
    (folder / "styles" / "base.css").rename(tmp_path / "base.css")
    server = serve(folder, port, prefix="/lab/", netlify=ROOT / "netlify.toml").start()
    assert page.evaluate(UPDATE) == "redundant"
    assert page.evaluate(CACHES) == 1
    page.close()
    page = open_page(visitor, url)
    expect(page.locator(".lead")).to_contain_text("Train a small language model")
    line = page.get_by_text("A new version of the lab is ready.")
    expect(line).to_be_hidden()

    # A whole one waits to be asked for, and for the other tab, which is of the old one.
    (tmp_path / "base.css").rename(folder / "styles" / "base.css")
    assert page.evaluate(UPDATE) == "installed"
    expect(line).to_be_visible()
    other = visitor.new_page()
    other.goto(url)
    page.get_by_role("button", name="Reload", exact=True).click()
    expect(page.get_by_text("Close its other tabs first, then reload.")).to_be_visible()
    other.close()
    expect(page.locator(".lead")).to_contain_text("Train a small language model")
    page.get_by_role("button", name="Reload", exact=True).click()
    expect(page.locator(".lead")).to_have_text("The second version.")
    page.wait_for_function("document.querySelector('#train')?.disabled === false", timeout=READY)
    assert page.evaluate(CACHES) == 1
    expect(line).to_be_hidden()
    server.stop()

    page.reload()  # the second version without a network, NumPy included
    choose_device(page, "numpy")
    wait_for(page, "#device-name", "NumPy")
    expect(page.locator(".lead")).to_have_text("The second version.")
