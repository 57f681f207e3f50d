"""Train the page's default for 60 s and count the real words in five samples: those that occur in the training text."""

import time

from pygpt.data import load_text
from pygpt.training.real_words import real_share, words_of
from tests.bench.site import open_site

SECONDS = 60
SAMPLES = 5
DEVICES = ("numpy", "webgpu")


def measure(options) -> None:
    """Press Train, Pause after 60 s unless the run has ended, and Continue five times, all at the page's defaults."""
    with open_site() as (server, browser):
        for device in DEVICES:
            _measure(server, browser, device)


def open_lab(server, browser, device: str, settings: str = ""):
    """Open the lab in a fresh profile, with settings in its address, and wait until the device is open."""
    page = browser.new_context().new_page()
    page.goto(server.url + settings)
    page.wait_for_function("!document.querySelector('#train')?.disabled", timeout=60_000)
    page.locator(f"input[name=device][value={device}]").evaluate("(radio) => radio.click()")
    page.wait_for_function("document.querySelector('#device-name').textContent !== 'Opening…'", timeout=60_000)
    return page


def _measure(server, browser, device):
    known = words_of(load_text("tales").text)
    page = open_lab(server, browser, device)
    began = time.perf_counter()
    page.click("#train")
    ended = "document.querySelector('#where').textContent.startsWith('Finished')"
    while time.perf_counter() - began < SECONDS and not page.evaluate(ended):
        page.wait_for_timeout(50)
    seconds = time.perf_counter() - began
    if page.is_visible("#pause"):
        page.click("#pause")
    page.wait_for_function("/^(Finished|Paused)/.test(document.querySelector('#where').textContent)", timeout=600_000)
    page.click("#write-tab")
    shares = []
    for _ in range(SAMPLES):
        page.click("#sample")
        page.wait_for_timeout(200)  # the page shows in its next frame that it samples
        page.wait_for_function(
            "document.querySelector('#answer').getAttribute('aria-busy') !== 'true'", timeout=600_000
        )
        shares.append(real_share(page.inner_text("#answer"), known) or 0.0)
    print(
        f"{page.inner_text('#device-name')}: {page.inner_text('#where')} after {seconds:.0f} s; real words "
        f"{', '.join(f'{share:.0%}' for share in shares)}, mean {sum(shares) / SAMPLES:.0%}",
        flush=True,
    )
    page.context.close()
