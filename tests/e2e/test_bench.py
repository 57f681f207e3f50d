"""The benchmark page: that it measures, not what."""

import pytest
from playwright.sync_api import expect

from tests.e2e.test_lab import PICTURES, open_lab


def open_bench(page, site, device: str):
    """The page with a device open."""
    page.goto(f"{site.url}bench.html?device={device}")
    page.wait_for_function("window.ready === true", timeout=60_000)


@pytest.mark.parametrize("device", ["numpy", "webgpu"])
def test_runs_for_a_program(page, site, device):
    open_bench(page, site, device)
    assert page.evaluate("window.device.kind") == device
    curves = {}
    for size in ("bigram", "micro"):
        found = page.evaluate(
            "(wanted) => window.runBench(wanted)",
            {"size": size, "steps": 6, "warmup": 1, "min_steps": 2, "max_ms": 5000, "sample_tokens": 8},
        )
        assert found["ms_per_step"] and all(milliseconds > 0 for milliseconds in found["ms_per_step"])
        assert found["first_step_ms"] > 0 and found["sample_tok_s"] > 0 and found["peak_bytes"] > 0
        assert len(found["loss"]) >= 4 and 3.9 < found["loss"][0] < 4.5
        assert (found["host_ms"] is None) == (device == "numpy")
        curves[size] = found["loss"]
    found = page.evaluate("window.runMatmul({m: 48, k: 32, n: 16, reps: 2, transpose_w: true})")
    assert found["ms"] > 0 and found["gflops"] == pytest.approx(2 * 48 * 32 * 16 / found["ms"] / 1e6)


def test_unknown_size_is_refused(page, site):
    open_bench(page, site, "webgpu")
    message = page.evaluate("window.runBench({size: 'huge'}).catch((error) => String(error))")
    assert "bigram, micro, baby, small, nano" in message


def test_runs_for_a_person(page, site):
    open_bench(page, site, "numpy")
    # A minute of measuring is for people; here the same button takes a moment.
    page.evaluate("""() => {
      const run = window.runBench;
      window.runBench = (wanted) => run({...wanted, size: 'micro', steps: 2, max_ms: 1, sample_tokens: 4});
      window.runMatmul = async () => ({ms: 1, gflops: 1});
    }""")
    page.click("#measure")
    page.wait_for_function("document.querySelector('#where').textContent === 'Done.'", timeout=60_000)
    assert page.locator("#results tr").count() == 8


def test_the_button_in_the_lab(page, site):
    open_lab(page, site, device="numpy")
    page.click("#benchmark")
    # A product, and a preset; the whole minute is for people.
    page.wait_for_function("/GFLOP/.test(document.querySelector('#benchmark-peak').textContent)", timeout=60_000)
    page.wait_for_function("document.querySelectorAll('#benchmark-rows tr').length >= 2", timeout=120_000)
    expect(page.locator("#benchmark-rows tr:first-child th")).to_have_text("bigram")
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=str(PICTURES / "benchmark.png"))
    page.click("#benchmark-close")
    page.wait_for_function("!document.querySelector('dialog.measuring').open")
    # Ended early, it leaves the device free: training starts.
    page.click("#train")
    page.wait_for_function("Number(document.querySelector('#loss').textContent) > 0", timeout=60_000)
    assert page.is_disabled("#benchmark") or "Finished" in page.inner_text("#where")
