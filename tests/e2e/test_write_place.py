"""The place Write: the model on the page, kept runs and their earlier steps continue one prompt, side by side."""

from playwright.sync_api import expect

from tests.e2e.controls import press, put
from tests.e2e.test_lab import READY, TINY, choose_device, open_lab, wait_for


def test_two_models_continue_one_prompt(page, site):
    """The run on the page beside its own first step; after a reload, a kept run writes without being opened."""
    open_lab(page, site, TINY.replace("train.steps=40", "train.steps=400"), device="numpy")
    press(page, "#train")
    wait_for(page, "#where", "Finished 400")

    page.get_by_role("button", name="Write with it").click()
    expect(page.get_by_role("tab", name="Write")).to_have_attribute("aria-selected", "true")
    second = page.get_by_role("combobox", name="Model beside it")
    second.select_option(label="\u2068baby 1\u2069 on \u2068tales\u2069, step 400")
    page.get_by_role("combobox", name="Step of the model").last.select_option(label="at step 0")
    page.get_by_label("Prompt").fill("The")
    put(page, "#length", "60")
    put(page, "#sample-seed", "7")
    page.get_by_role("button", name="Continue").click()
    for answer in ("#answer", "#answer-2"):
        wait_for(page, answer, r"^The[\s\S]{60}")
    trained, untrained = (page.inner_text(answer) for answer in ("#answer", "#answer-2"))
    assert trained != untrained

    # The newest step of the kept run is the run on the page.
    page.get_by_role("combobox", name="Step of the model").last.select_option(label="newest")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_function(
        "([before]) => !document.querySelector('#answer-2').textContent.startsWith(before)", arg=[untrained]
    )
    wait_for(page, "#answer-2", r"^The[\s\S]{60}")
    assert page.inner_text("#answer-2") == page.inner_text("#answer") == trained

    page.reload()
    page.wait_for_function("document.querySelector('#writer option') !== null", timeout=READY)
    choose_device(page, "numpy")
    assert "Write" in page.get_by_role("tab", selected=True).inner_text()
    page.get_by_label("Prompt").fill("The")
    put(page, "#length", "60")
    put(page, "#sample-seed", "7")
    page.get_by_role("button", name="Continue").click()
    wait_for(page, "#answer", r"^The[\s\S]{60}")
    assert page.inner_text("#answer") == trained
