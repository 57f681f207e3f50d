"""What other browsers do otherwise, done to Chromium: each of these was found in one of them, and is repaired in the lab."""

import re

import pytest

from tests.e2e.conftest import Watch
from tests.e2e.test_lab import READY, TINY, open_lab, wait_for

# Firefox looks whether the GPU is done when something is submitted, and else every 100 ms. Here it does not look else.
TELL_AT_SUBMISSION = """
const waiting = [];
function told(wait) {
  return function (...asked) {
    const found = { over: false, tell: () => {} };
    const done = wait.apply(this, asked).finally(() => { found.over = true; });
    waiting.push(found);
    return new Promise((resolve, reject) => { found.tell = () => done.then(resolve, reject); });
  };
}
GPUBuffer.prototype.mapAsync = told(GPUBuffer.prototype.mapAsync);
GPUQueue.prototype.onSubmittedWorkDone = told(GPUQueue.prototype.onSubmittedWorkDone);
const submit = GPUQueue.prototype.submit;
GPUQueue.prototype.submit = function (...commands) {
  submit.apply(this, commands);
  for (const found of waiting.splice(0)) (found.over ? found.tell() : waiting.push(found));
};
"""
NO_TIMESTAMPS = """
Object.defineProperty(GPUAdapter.prototype, "features", { get: () => new Set() });
"""
NO_STORE = """
for (const name of ["storage", "locks"]) Object.defineProperty(WorkerNavigator.prototype, name, { get: () => undefined });
Object.defineProperty(Crypto.prototype, "randomUUID", { get: () => undefined }); // as on a page that came over plain http
"""
# performance.now, from which Python's clock comes, in Firefox and in Safari, as long as a page is not isolated.
COARSE_CLOCK = """
const now = Performance.prototype.now;
Performance.prototype.now = function () { return Math.floor(now.call(this)); };
"""
# Whether the page would have the browser ask, were its tab closed now.
ASKS = "!dispatchEvent(new Event('beforeunload', { cancelable: true }))"
LONG = TINY.replace("train.steps=40", "train.steps=30000").replace("eval_every=20", "eval_every=10000")


def before_the_device(page, script: str):
    """Let a script run in the worker, before the device's own."""
    page.route(
        "**/devices/browser.js",
        lambda route: route.fulfill(body=script + route.fetch().text(), content_type="text/javascript"),
    )


def profile(page, site, device: str) -> str:
    """Profile a long run; what the page says of it."""
    open_lab(page, site, LONG, device)
    page.click("#train")
    wait_for(page, "#where", r"^[1-9]\d* of")
    page.click("#profile")
    wait_for(page, "#profile-where", "launches takes")
    wait_for(page, "#profile-rows", "matmul")
    return page.inner_text("#profile-where")


@pytest.mark.parametrize("timestamps", [True, False], ids=["timestamps", "no timestamps"])
def test_a_browser_that_tells_of_the_gpu_at_a_submission_only(page, site, timestamps):
    """Training, sampling and the profile all wait for the GPU, and all hear of it."""
    before_the_device(page, TELL_AT_SUBMISSION + ("" if timestamps else NO_TIMESTAMPS))
    open_lab(page, site, TINY)
    page.click("#train")
    wait_for(page, "#where", "Finished 40")
    page.fill("#length", "16")
    page.click("#sample")
    wait_for(page, "#live", "sample is complete")
    page.goto("about:blank")
    profile(page, site, "webgpu")


def test_a_clock_that_moves_a_millisecond_at_a_time(page, site):
    """Most launches on NumPy take less: their profile has figures all the same, and so has the time of a step."""
    before_the_device(page, COARSE_CLOCK)
    said = profile(page, site, "numpy")
    assert "Infinity" not in said and "NaN" not in said
    assert float(re.search(r"takes ([\d.]+) ms", said)[1]) > 0


@pytest.mark.parametrize("store", [True, False], ids=["a store", "no store"])
def test_leaving_is_asked_about_where_no_copy_is_kept(page, site, store, tmp_path):
    """GNOME Web has no private file system, nor has a private window of Firefox: there a run goes with its tab."""
    before_the_device(page, "" if store else NO_STORE)
    open_lab(page, site, TINY)
    assert not page.evaluate(ASKS)
    page.click("#train")
    wait_for(page, "#where", "Finished 40")
    page.wait_for_function(ASKS if not store else f"!{ASKS}")
    with page.expect_download() as download:
        page.click("#save")
    page.wait_for_function(f"!{ASKS}")
    page.reload()
    page.wait_for_function("!document.querySelector('#train')?.disabled", timeout=READY)
    download.value.save_as(tmp_path / "run.safetensors")
    page.set_input_files("#run-file", tmp_path / "run.safetensors")
    wait_for(page, "#where", "Finished 40")
    page.wait_for_function(f"!{ASKS}")


@pytest.mark.parametrize("missing", ["app.js", "uplot/uPlot.esm.js"])
def test_a_page_whose_program_does_not_start_is_not_empty(browser, site, missing):
    """A module that is missing, or that this browser cannot read: nobody is left to say so but the page itself."""
    context = browser.new_context()
    watch = Watch(context, site.url)
    page = context.new_page()
    page.route(f"**/{missing}", lambda route: route.fulfill(body="}", content_type="text/javascript"))
    page.goto(site.url)
    page.wait_for_selector("#late", state="visible", timeout=READY)
    assert "current Chrome" in page.inner_text(".late")
    assert watch.complaints
    context.close()
