"""Differences of other browsers, simulated in Chromium. The lab works around each of them."""

import re

import pytest

from tests.e2e.conftest import Watch
from tests.e2e.controls import press, put
from tests.e2e.test_lab import READY, TINY, open_lab, wait_for

# Firefox checks for finished GPU work at each submission and every 100 ms; here it checks at submissions only.
COMPLETE_AT_SUBMISSION = """
const pending = [];
function delayed(wait) {
  return function (...args) {
    const entry = { finished: false, settle: () => {} };
    const done = wait.apply(this, args).finally(() => { entry.finished = true; });
    pending.push(entry);
    return new Promise((resolve, reject) => { entry.settle = () => done.then(resolve, reject); });
  };
}
GPUBuffer.prototype.mapAsync = delayed(GPUBuffer.prototype.mapAsync);
GPUQueue.prototype.onSubmittedWorkDone = delayed(GPUQueue.prototype.onSubmittedWorkDone);
const submit = GPUQueue.prototype.submit;
GPUQueue.prototype.submit = function (...commands) {
  submit.apply(this, commands);
  for (const entry of pending.splice(0)) (entry.finished ? entry.settle() : pending.push(entry));
};
"""
NO_TIMESTAMPS = """
Object.defineProperty(GPUAdapter.prototype, "features", { get: () => new Set() });
"""
NO_STORE = """
for (const name of ["storage", "locks"]) {
  Object.defineProperty(WorkerNavigator.prototype, name, { get: () => undefined });
}
Object.defineProperty(Crypto.prototype, "randomUUID", { get: () => undefined }); // as on a page loaded over plain http
"""
# The resolution of performance.now, the source of Python's clock, in Firefox and Safari if the page is not isolated.
COARSE_CLOCK = """
const now = Performance.prototype.now;
Performance.prototype.now = function () { return Math.floor(now.call(this)); };
"""
# Whether the page would have the browser ask for confirmation before closing the tab.
ASKS = "!dispatchEvent(new Event('beforeunload', { cancelable: true }))"
LONG = TINY.replace("train.steps=40", "train.steps=30000").replace("eval_every=20", "eval_every=10000")


def run_before_device(page, script: str):
    """Run a script in the worker before the device's script."""
    page.route(
        "**/devices/browser.js",
        lambda route: route.fulfill(body=script + route.fetch().text(), content_type="text/javascript"),
    )


def profile(page, site, device: str) -> str:
    """Profile a long run; return the page's summary."""
    open_lab(page, site, LONG, device)
    press(page, "#train")
    wait_for(page, "#where", r"^[1-9]\d* of")
    press(page, "#profile")
    wait_for(page, "#profile-where", "launches takes")
    wait_for(page, "#profile-rows", "matmul")
    return page.inner_text("#profile-where")


@pytest.mark.parametrize("timestamps", [True, False], ids=["timestamps", "no timestamps"])
def test_a_browser_that_reports_finished_gpu_work_only_at_submissions(page, site, timestamps):
    """Training, sampling and the profile wait for the GPU; none of them hangs."""
    run_before_device(page, COMPLETE_AT_SUBMISSION + ("" if timestamps else NO_TIMESTAMPS))
    open_lab(page, site, TINY)
    press(page, "#train")
    wait_for(page, "#where", "Finished 40")
    put(page, "#length", "16")
    press(page, "#sample")
    wait_for(page, "#live", "sample is complete")
    page.goto("about:blank")
    profile(page, site, "webgpu")


def test_the_profile_works_with_a_clock_of_one_millisecond(page, site):
    """Most launches on NumPy take less, but the profile and the time per step still have figures."""
    run_before_device(page, COARSE_CLOCK)
    summary = profile(page, site, "numpy")
    assert "Infinity" not in summary and "NaN" not in summary
    assert float(re.search(r"takes ([\d.]+) ms", summary)[1]) > 0


@pytest.mark.parametrize("store", [True, False], ids=["a store", "no store"])
def test_closing_the_tab_asks_for_confirmation_if_no_copy_is_kept(page, site, store, tmp_path):
    """GNOME Web and Firefox's private windows have no private file system: closing the tab loses the run."""
    run_before_device(page, "" if store else NO_STORE)
    open_lab(page, site, TINY)
    assert not page.evaluate(ASKS)
    press(page, "#train")
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
def test_the_page_shows_a_notice_if_its_script_does_not_start(browser, site, missing):
    """If a module is missing or the browser cannot parse it, the notice in index.html stays visible."""
    context = browser.new_context()
    watch = Watch(context, site.url)
    page = context.new_page()
    page.route(f"**/{missing}", lambda route: route.fulfill(body="}", content_type="text/javascript"))
    page.goto(site.url)
    page.wait_for_selector("#late", state="visible", timeout=READY)
    assert "current Chrome" in page.inner_text(".late")
    assert watch.errors
    context.close()
