"""Uses the page's controls as a visitor does who knows where they are: in a place, in the drawer, in a folded group."""

REVEAL = """(selector) => {
  const control = document.querySelector(selector);
  const tab = document.getElementById(control.closest("[role=tabpanel]")?.getAttribute("aria-labelledby"));
  if (tab && tab.getAttribute("aria-selected") !== "true") tab.click();
  if (control.closest("#settings")?.hidden) document.querySelector("#change-model").click();
  control.closest("[popover]:not(:popover-open)")?.showPopover();
  if (control.closest("details")) control.closest("details").open = true;
}"""


def reveal(page, selector: str):
    """Go to the place of a control, and open what hides it there."""
    page.wait_for_selector(selector, state="attached")
    page.evaluate(REVEAL, selector)


def press(page, selector: str, **options):
    """Click a control."""
    reveal(page, selector)
    page.click(selector, **options)


def put(page, selector: str, value: str):
    """Replace the value of a field."""
    reveal(page, selector)
    page.fill(selector, value)
