"""The screen stays on while a run trains in the tab."""

from tests.e2e.controls import press
from tests.e2e.test_lab import TINY, open_lab, wait_for

# Remembers the browser's locks; they are taken and released as ever.
WATCH = """
window.locks = [];
const request = WakeLock.prototype.request;
WakeLock.prototype.request = async function (...args) {
  const lock = await request.apply(this, args);
  window.locks.push(lock);
  return lock;
};
"""
HELD = "window.locks.filter(({ released }) => !released).length"


def test_the_screen_stays_on_while_a_run_trains(page, site):
    page.context.grant_permissions(["screen-wake-lock"])
    page.add_init_script(WATCH)
    open_lab(page, site, TINY.replace("train.steps=40", "train.steps=30000"), "numpy")
    assert page.evaluate(HELD) == 0
    press(page, "#train")
    wait_for(page, "#where", r"^[1-9]\d* of")
    page.wait_for_function(f"{HELD} === 1")
    page.evaluate("window.locks.at(-1).release()")  # as the browser does for a hidden page
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_function(f"window.locks.length === 2 && {HELD} === 1")
    press(page, "#pause")
    page.wait_for_function(f"{HELD} === 0")
