"""The loss of the GPU in every state of the page, and a GPU that the browser does not open."""

import re

from playwright.sync_api import expect

from tests.e2e.controls import press, put
from tests.e2e.test_lab import READY, TINY, choose, open_lab, step_of, wait_for

LOSE = """
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...args) {
    const device = await request.apply(this, args);
    globalThis.channel ??= new BroadcastChannel("lose");
    globalThis.channel.onmessage = () => device.destroy();
    return device;
  };
"""
REFUSE = """
  Object.defineProperty(GPUAdapterInfo.prototype, "architecture", { get: () => "real" });
  Object.defineProperty(GPUAdapterInfo.prototype, "device", { get: () => "" });
  Object.defineProperty(GPUAdapterInfo.prototype, "description", { get: () => "" });
  Object.defineProperty(GPUAdapterInfo.prototype, "isFallbackAdapter", { get: () => false });
  GPUAdapter.prototype.requestDevice = () => Promise.reject(new DOMException("the GPU is busy", "OperationError"));
"""


def patch(page, script: str):
    """Run a script in the worker before it asks for a GPU."""

    def answer(route):
        route.fulfill(body=script + route.fetch().text(), content_type="text/javascript")

    page.route("**/devices/browser.js", answer)


def lose_gpu(page):
    """Take the GPU away, and wait until the worker has heard of it."""
    page.evaluate("new BroadcastChannel('lose').postMessage(1)")
    page.wait_for_timeout(300)


def test_lost_while_training(page, site):
    """The page reports the loss and opens another GPU; Resume continues from the last checkpoint."""
    patch(page, LOSE)
    open_lab(page, site, TINY.replace("train.steps=40", "train.steps=1000"))
    press(page, "#train")
    wait_for(page, "#where", r"^[1-9]\d* of")
    lose_gpu(page)
    wait_for(page, "#run-mistake", r"^The GPU was lost while training .* back at step .* press Resume")
    wait_for(page, "#where", "Stopped")
    expect(page.locator("#device-mistake")).to_be_hidden()
    back = step_of(page)
    if back == 0:  # nothing of the weights that are gone is shown
        assert page.inner_text("#loss") == page.inner_text("#val-loss") == "–"
    assert all(int(step) <= back for step in re.findall(r"Step (\d+)", page.inner_text("#samples")))
    press(page, "#resume")
    expect(page.locator("#run-mistake")).to_be_hidden()
    wait_for(page, "#where", "Finished 1,000")


def test_lost_during_a_benchmark(page, site):
    """Its dialog, which covers the page, says why it ended, in words of the page; measuring again opens the GPU."""
    patch(page, LOSE)
    open_lab(page, site)
    press(page, "#benchmark")
    wait_for(page, "#benchmark-where", "takes about a minute")
    lose_gpu(page)
    wait_for(
        page, "#benchmark-mistake", "^The GPU was lost: the browser or its driver took it away. Try again: .* anew$"
    )
    expect(page.locator("#benchmark-mistake")).to_be_visible()
    page.get_by_text("Measure again").click()
    expect(page.locator("#benchmark-mistake")).to_be_hidden()
    wait_for(page, "#benchmark-where", "takes about a minute")
    page.click("#benchmark-close")


def test_lost_before_the_first_run(page, site):
    patch(page, LOSE)
    open_lab(page, site)
    lose_gpu(page)
    press(page, "#train")
    wait_for(page, "#where", "Finished 40")


def test_lost_at_the_start_of_a_run(page, site):
    """Whatever the run was doing, it ends at its last step or says that it stopped; Resume then ends it."""
    patch(page, LOSE)
    open_lab(page, site)
    press(page, "#train")
    page.evaluate("new BroadcastChannel('lose').postMessage(1)")
    wait_for(page, "#where", "Finished 40|Stopped")
    if page.locator("#resume").is_visible():
        press(page, "#resume")
    wait_for(page, "#where", "Finished 40")


def test_lost_after_a_run(page, site):
    """Sampling and saving still work: the run is restored from its last checkpoint."""
    patch(page, LOSE)
    open_lab(page, site)
    press(page, "#train")
    wait_for(page, "#where", "Finished 40")
    lose_gpu(page)
    with page.expect_download() as saved:
        page.click("#save")
    assert saved.value.suggested_filename.endswith("-step40.safetensors")
    put(page, "#length", "20")
    press(page, "#sample")
    wait_for(page, "#live", "sample is complete")
    lose_gpu(page)
    choose(page, "device", "numpy")
    wait_for(page, "#device-name", "NumPy")
    press(page, "#sample")
    wait_for(page, "#live", "sample is complete")


def test_a_gpu_that_the_browser_does_not_open(page, site):
    """The automatic choice falls back to NumPy and says why; chosen by name, the error names what to do."""
    patch(page, REFUSE)
    page.goto(site.url)
    page.wait_for_function("document.querySelector('#device-name').textContent.match(/NumPy|No device/)", timeout=READY)
    if page.locator("input[name=device][value=numpy]").count():
        wait_for(page, "#device-why", "did not open its GPU .the GPU is busy")
    choose(page, "device", "webgpu")
    wait_for(page, "#device-mistake", "did not open its GPU, .*the GPU is busy")
    expect(page.locator("#device-name")).not_to_have_text("Opening…")
