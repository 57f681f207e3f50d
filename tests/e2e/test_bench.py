"""The benchmark page produces measurements; their values are not tested."""

import pytest
from playwright.sync_api import expect

from tests.e2e.controls import press
from tests.e2e.test_lab import PICTURES, open_lab


def open_bench(page, site, device: str):
    """Open the page and wait until its device is open."""
    page.goto(f"{site.url}bench.html?device={device}")
    page.wait_for_function("window.ready === true", timeout=60_000)


@pytest.mark.parametrize("device", ["numpy", "webgpu"])
def test_a_program_can_run_measurements(page, site, device):
    open_bench(page, site, device)
    assert page.evaluate("window.device.kind") == device
    curves = {}
    for size in ("bigram", "micro"):
        result = page.evaluate(
            "(options) => window.runBench(options)",
            {"size": size, "steps": 6, "warmup": 1, "min_steps": 2, "max_ms": 5000, "sample_tokens": 8},
        )
        assert result["ms_per_step"] and all(milliseconds > 0 for milliseconds in result["ms_per_step"])
        assert result["first_step_ms"] > 0 and result["sample_tok_s"] > 0 and result["peak_bytes"] > 0
        assert len(result["loss"]) >= 4 and 3.9 < result["loss"][0] < 4.5
        assert (result["host_ms"] is None) == (device == "numpy")
        curves[size] = result["loss"]
    result = page.evaluate("window.runMatmul({m: 48, k: 32, n: 16, reps: 2, transpose_w: true})")
    assert result["ms"] > 0 and result["gflops"] == pytest.approx(2 * 48 * 32 * 16 / result["ms"] / 1e6)


def test_an_unknown_size_is_refused(page, site):
    open_bench(page, site, "webgpu")
    message = page.evaluate("window.runBench({size: 'huge'}).catch((error) => String(error))")
    assert "bigram, micro, baby, small, nano" in message


def test_the_button_runs_all_measurements(page, site):
    open_bench(page, site, "numpy")
    # The real measurements take a minute; these replacements are short.
    page.evaluate("""() => {
      const run = window.runBench;
      window.runBench = (options) => run({...options, size: 'micro', steps: 2, max_ms: 1, sample_tokens: 4});
      window.runMatmul = async () => ({ms: 1, gflops: 1});
    }""")
    page.click("#measure")
    page.wait_for_function("document.querySelector('#where').textContent === 'Done.'", timeout=60_000)
    assert page.locator("#results tr").count() == 8


def test_the_lab_runs_a_benchmark(page, site):
    open_lab(page, site, device="numpy")
    press(page, "#benchmark")
    # Wait for one product and one preset only: the whole benchmark takes a minute.
    page.wait_for_function("/GFLOP/.test(document.querySelector('#benchmark-peak').textContent)", timeout=60_000)
    page.wait_for_function("document.querySelectorAll('#benchmark-rows tr').length >= 2", timeout=120_000)
    expect(page.locator("#benchmark-rows tr:first-child th")).to_have_text("bigram")
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=str(PICTURES / "benchmark.png"))
    page.click("#benchmark-close")
    page.wait_for_function("!document.querySelector('dialog.measuring').open")
    # After the early stop the device is free: training starts.
    press(page, "#train")
    page.wait_for_function("Number(document.querySelector('#loss').textContent) > 0", timeout=60_000)
    assert page.is_disabled("#benchmark") or "Finished" in page.inner_text("#where")
