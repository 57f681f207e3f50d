"""The time line of a run: what it wrote at each of its checkpoints, and a branch from one of them."""

import re

from playwright.sync_api import expect

from tests.e2e.test_lab import TINY, open_lab, wait_for
from tests.e2e.test_runs_place import row, train

LONGER = TINY.replace("train.steps=40", "train.steps=6000")  # some seconds: there are checkpoints between its ends


def test_a_run_is_looked_at_along_its_steps_and_branched(page, site):
    open_lab(page, site, LONGER, device="numpy")
    train(page, "6,000")
    train(page, "6,000", **{"optim-learning_rate": 0.05})
    page.get_by_role("tab", name="Runs").press("Enter")
    page.get_by_role("checkbox", name="Compare baby 1").check()
    comparison = page.get_by_role("region", name="Comparison")
    line = comparison.get_by_role("region", name="Time line")
    slider = line.get_by_role("slider", name="Step")
    expect(slider).to_have_attribute("aria-valuetext", "step 6,000")
    expect(line.get_by_label("Steps of")).to_be_hidden()
    newest = line.locator(".prose").inner_text()
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "step 0")
    expect(line.get_by_role("heading", name="baby 1 \u00b7 Step 0")).to_be_visible()
    assert line.locator(".prose").inner_text() != newest
    slider.press("ArrowRight")
    step = int(re.sub(r"\D", "", slider.get_attribute("aria-valuetext")))
    assert 0 < step < 6000
    expect(line.get_by_role("heading", name=f"baby 1 \u00b7 Step {step:,}")).to_be_visible()

    # The other run's text beside it, at its nearest step; its own steps can be chosen too.
    page.get_by_role("checkbox", name="Compare baby 2").check()
    expect(line.locator(".prose")).to_have_count(2)
    expect(slider).to_have_attribute("aria-valuetext", f"step {step:,}")
    line.get_by_label("Steps of").select_option("baby 2")
    slider.press("Home")
    for name in ("baby 1", "baby 2"):
        expect(line.get_by_role("heading", name=f"{name} \u00b7 Step 0")).to_be_visible()
    line.get_by_label("Steps of").select_option("baby 1")
    slider.press("Home")  # it is elsewhere if the nearest step of baby 2 was already its first
    slider.press("ArrowRight")

    line.get_by_role("button", name=f"Branch from step {step:,}").click()
    expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")
    wait_for(page, "#live", f"A new run begins with the weights of step {step:,}")
    page.get_by_role("button", name="Resume").first.click()
    wait_for(page, "#where", "Finished 6,000")
    page.get_by_role("tab", name="Runs").press("Enter")
    expect(row(page, "baby 3")).to_contain_text(re.compile(f"From step {step:,} of \\W*baby 1"))
