"""Measure how long the lab's commands wait while `baby` trains in the tab, on NumPy and WebGPU.

A command is timed as a visitor sees it: from the click or key to the first change of the page that answers it. A
changed setting and preset include the 120 ms that the page waits for the next key.
"""

import time

from tests.bench.site import open_site

DEVICES = ("numpy", "webgpu")
SECONDS = (5, 60, 300)
ENDLESS = "#preset=baby&train.steps=1000000"
# Milliseconds from an action to the page's answer, or to the first file that it creates.
TIME = """async ([act, answered]) => {
  const run = (code) => new Function(code)();
  window.files ??= 0;
  window.createURL ??= URL.createObjectURL;
  URL.createObjectURL = (blob) => {
    document.body.dataset.files = window.files += 1;
    return window.createURL(blob);
  };
  const text = (selector) => document.querySelector(selector)?.textContent ?? "";
  window.parameters = () => text("#parameters").match(/([0-9,]+) parameters/)?.[1];
  window.before = { parameters: window.parameters(), made: text("#answer .made"), files: window.files };
  const began = performance.now();
  await new Promise((done, fail) => {
    setTimeout(() => fail(new Error(`no answer in 60 s to ${act}`)), 60_000);
    const watch = new MutationObserver(() => { if (run(answered)) { watch.disconnect(); done(); } });
    watch.observe(document.documentElement, { subtree: true, childList: true, characterData: true, attributes: true });
    run(act);
  });
  return performance.now() - began;
}"""
NEW_SIZE = "return parameters() && parameters() !== before.parameters"
EDIT = """const field = document.querySelector("#model-n_layer");
field.value = Number(field.value) === 2 ? 3 : 2;
field.dispatchEvent(new InputEvent("input", { bubbles: true }));"""
PRESET = """const other = document.querySelector("input[name=preset][value=small]");
(other.checked ? document.querySelector("input[name=preset][value=baby]") : other).click();"""
COMMANDS = {
    "check": (EDIT, NEW_SIZE),
    "preset": (PRESET, NEW_SIZE),
    "sample": (
        'document.querySelector("#length").value = 20; document.querySelector("#sample").click();',
        'return ![before.made, ""].includes(document.querySelector("#answer .made").textContent)',
    ),
    "save": ('document.querySelector("#save").click()', "return window.files > before.files"),
    "pause": ('document.querySelector("#pause").click()', 'return !document.querySelector("#resume").hidden'),
}
STEP = 'Number(document.querySelector("#where").textContent.match(/[0-9,]+/)?.[0].replaceAll(",", ""))'


def train(page, address: str, device: str) -> None:
    """Open the lab at an address and train on a device."""
    page.set_default_timeout(600_000)
    page.goto(address)
    radio = f"input[name=device][value={device}]"
    page.wait_for_function("(radio) => document.querySelector(radio)?.disabled === false", arg=radio)
    page.evaluate("(radio) => document.querySelector(radio).click()", radio)
    page.wait_for_function("document.querySelector('#device-name').textContent !== 'Opening…'")
    page.click("#train")
    page.wait_for_function(f"{STEP} > 0")


def answer_times(page, commands=COMMANDS) -> dict[str, float]:
    """The milliseconds until the page answers each command, one after the other. The run goes on afterwards."""
    found = {}
    for name in commands:
        found[name] = page.evaluate(TIME, list(COMMANDS[name]))
        if name == "sample":
            page.wait_for_selector("#stop-sampling", state="hidden")
        if name == "pause":
            page.click("#resume")
            page.wait_for_selector("#pause", state="visible")
    return found


def measure(options) -> None:
    """Print the milliseconds of each command after each duration, and the steps per second between them."""
    durations = [int(seconds) for seconds in options.sizes] or SECONDS
    with open_site() as (server, browser):
        print(f"{'':<22}" + "".join(f"{name:>9}" for name in COMMANDS) + "   steps/s")
        for device in options.contenders(DEVICES):
            page = browser.new_context().new_page()
            train(page, f"{server.url}{ENDLESS}", device)
            began, step, trained = time.perf_counter(), page.evaluate(STEP), time.perf_counter()
            for seconds in durations:
                page.wait_for_timeout(1000 * max(0.0, began + seconds - time.perf_counter()))
                rate = (page.evaluate(STEP) - step) / (time.perf_counter() - trained)
                times = answer_times(page)
                print(
                    f"{device:<8} after {seconds:>4} s "
                    + "".join(f"{times[name]:>6.0f} ms" for name in COMMANDS)
                    + f"{rate:>10.1f}",
                    flush=True,
                )
                step, trained = page.evaluate(STEP), time.perf_counter()
            page.context.close()
