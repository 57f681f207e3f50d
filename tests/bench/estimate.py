"""Compare the page's estimate of a run's time, before Start, with the time that the run takes in the tab."""

import re
import time

from tests.bench.site import open_site
from tests.bench.words import open_lab

PRESETS = ("bigram", "baby", "small")
LIMIT = 45.0  # seconds; a longer run is stopped, and its time extrapolated from the steps done
UNITS = {"s": 1, "min": 60, "h": 3600, "days": 86400}


def measure(options) -> None:
    """Print estimate, time and their ratio for each preset on NumPy and on WebGPU; `--sizes` selects presets."""
    with open_site() as (server, browser):
        for device in ("numpy", "webgpu"):
            for preset in PRESETS:
                if options.wants_size(preset):
                    _compare(server, browser, device, preset)


def _compare(server, browser, device, preset):
    page = open_lab(server, browser, device, f"#preset={preset}")
    page.wait_for_function("/About .* here/.test(document.querySelector('#where').textContent)", timeout=60_000)
    number, unit = re.search(r"About ([\d.]+)\s(\w+) here", page.inner_text("#where")).groups()
    estimate = float(number) * UNITS[unit]
    began = time.perf_counter()
    page.click("#train")
    if page.locator("dialog[open]").count():
        page.click("dialog[open] button.primary")
    pattern = r"(\d[\d,]*) of ([\d,]+)"
    done = total = 0
    while done < max(1, total) and (time.perf_counter() - began < LIMIT or not done):
        page.wait_for_timeout(20)
        if found := re.search(pattern, page.inner_text("#where")):
            done, total = (int(figure.replace(",", "")) for figure in found.groups())
    taken = time.perf_counter() - began
    whole = taken if done == total else taken * total / done
    print(
        f"{page.inner_text('#device-name'):<32}{preset:<8}estimate {estimate:>6,.0f} s, {done:,} of {total:,} steps in "
        f"{taken:.1f} s, so {whole:,.1f} s in all: ratio {estimate / whole:.2f}",
        flush=True,
    )
    page.context.close()
