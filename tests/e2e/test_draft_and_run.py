"""The settings of the next run and the run on the screen are told apart; a finished run goes on; links are taken."""

import re

from playwright.sync_api import expect

from tests.e2e.controls import press, put
from tests.e2e.test_lab import TINY, choose, fill, open_lab, wait_for

RATE = "optim.learning_rate=0.002&optim.min_learning_rate=0.0002"

FIRST_CHANGE = """(words) => {
  const paragraph = document.querySelector("#changes p");
  const text = paragraph.firstChild.firstChild;
  const range = document.createRange();
  const start = text.data.indexOf(words);
  range.setStart(text, start);
  range.setEnd(text, start + words.length);
  return { bottom: range.getBoundingClientRect().bottom, end: paragraph.getBoundingClientRect().bottom };
}"""


def copied(page, button: str) -> str:
    """What a button copies, without the site's address."""
    page.click(button)
    wait_for(page, button, "Copied")
    return page.evaluate("navigator.clipboard.readText()").partition("#")[2]


def copied_link(page) -> str:
    """The link that the dialog Share copies, without the site's address."""
    page.click("#share")
    wait_for(page, "#copy-link", "Copy link")
    link = copied(page, "#copy-link")
    page.keyboard.press("Escape")
    return link


def train(page):
    """Train the tiny run of the address on NumPy to its end."""
    press(page, "#train")
    wait_for(page, "#where", "Finished 40 of 40 steps")


def test_changes_after_a_run_are_for_the_next_one(page, site):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_lab(page, site, f"{TINY}&{RATE}", device="numpy")
    wait_for(page, "#parameters", "here$")
    train(page)
    expect(page.locator("#changes")).to_be_hidden()
    link = copied_link(page)
    parameters = page.inner_text("#parameters")
    fill(page, **{"optim-learning_rate": 0.1})
    choose(page, "text", "python")
    wait_for(page, "#changes", r"Your changes \(text tales → python, learning rate 0.002 → 0.1\) are for the next run")
    wait_for(page, "#live", "Your changes are for the next run")
    fill(page, **{"model-n_embd": 32, "model-n_layer": 2})
    wait_for(page, "#changes", r"\(text tales → python, layers 1 → 2 and 2 more\)")
    title = page.get_attribute("#changes p", "title")
    assert "embedding width 16 → 32, learning rate 0.002 → 0.1" in title and title in page.inner_text(
        "#changes .unseen"
    )
    for width in (320, 390):
        page.set_viewport_size({"width": width, "height": 844})
        first = page.evaluate(FIRST_CHANGE, "text tales → python")
        assert first["bottom"] <= first["end"], "the first change is whole"
    page.set_viewport_size({"width": 1440, "height": 900})
    fill(page, **{"model-n_embd": 16, "model-n_layer": 1})
    wait_for(page, "#parameters", "^Next run: ")
    expect(page.locator(".field[data-changed]")).to_have_count(1)
    assert copied_link(page) == link and "learning_rate=0.002" in link and "text=" not in link
    changed = copied(page, "#copy-changes")
    assert "optim.learning_rate=0.1" in changed and "text=python" in changed
    expect(page.locator("#summary")).to_contain_text("baby on \u2068tales\u2069")

    press(page, "#undo-changes")
    expect(page.locator("#changes")).to_be_hidden()
    expect(page.locator("#optim-learning_rate")).to_have_value("0.002")
    expect(page.locator("input[name=text][value=tales]")).to_be_checked()
    expect(page.locator("#parameters")).to_have_text(parameters)
    fill(page, **{"optim-learning_rate": 0.1})
    expect(page.locator("#train-changes")).to_be_hidden()  # Train does the same
    press(page, "#train")
    expect(page.locator("#changes")).to_be_hidden()
    wait_for(page, "#where", "Finished 40 of 40 steps")
    assert "optim.learning_rate=0.1" in copied_link(page)


def train_on_own_text(page, site) -> str:
    """Train on a text of the visitor's own, and return it."""
    open_lab(page, site, f"{TINY}&{RATE}", device="numpy")
    choose(page, "text", "own")
    own = "The quick brown fox jumps over the lazy dog. " * 9
    put(page, "#own-text", own)
    page.locator("#own-text").blur()
    wait_for(page, "#text-place .facts", "405 characters")
    train(page)
    return own


def test_undo_brings_back_the_own_text_of_the_run(page, site):
    own = train_on_own_text(page, site)
    put(page, "#own-text", own[:-45])
    wait_for(page, "#changes", r"\(text edited\)")
    press(page, "#undo-changes")
    expect(page.locator("#own-text")).to_have_value(own)
    wait_for(page, "#text-place .facts", "405 characters")
    expect(page.locator("#changes")).to_be_hidden()


def test_an_opened_run_is_the_next_one_too(page, site, tmp_path):
    """Its settings and its text, whatever was chosen before; so nothing is said to be changed."""
    own = train_on_own_text(page, site)
    with page.expect_download() as saved:
        page.click("#save")
    saved.value.save_as(tmp_path / "run.safetensors")
    for text in ("python", "task"):
        choose(page, "text", text)
        fill(page, **{"optim-learning_rate": 0.1})
        wait_for(page, "#changes", "for the next run")
        page.set_input_files("#run-file", tmp_path / "run.safetensors")
        expect(page.locator("#changes")).to_be_hidden()
        expect(page.locator("#own-text")).to_have_value(own)
        expect(page.locator("input[name=text][value=own]")).to_be_checked()
        expect(page.locator("#optim-learning_rate")).to_have_value("0.002")
        wait_for(page, "#text-place .facts", "405 characters")
    press(page, "#train")
    wait_for(page, "#summary", "my text")
    wait_for(page, "#where", "Finished 40 of 40 steps")


def test_a_file_ends_no_training_without_a_question(page, site, tmp_path):
    open_lab(page, site, TINY, device="numpy")
    train(page)
    with page.expect_download() as saved:
        page.click("#save")
    saved.value.save_as(tmp_path / "run.safetensors")
    fill(page, **{"train-steps": 100_000})
    press(page, "#train")
    wait_for(page, "#where", "[1-9] of 100,000")
    page.set_input_files("#run-file", tmp_path / "run.safetensors")
    question = page.locator("dialog.question[open]")
    expect(question).to_contain_text("Training is under way")
    question.get_by_text("Cancel").click()
    wait_for(page, "#where", "of 100,000 steps,.* left")
    page.set_input_files("#run-file", tmp_path / "run.safetensors")
    page.click("dialog.question[open] button[value=go]")
    wait_for(page, "#where", "Finished 40 of 40 steps")


def test_a_finished_run_goes_on(page, site):
    open_lab(page, site, f"{TINY}&{RATE}", device="numpy")
    train(page)
    rows = page.locator("#samples li").count()
    expect(page.locator(".rule")).to_contain_text("its learning rate is that of a run of the new length")
    press(page, "#more-1000")
    wait_for(page, "#where", "Finished 1,040 of 1,040 steps")
    assert page.locator("#samples li").count() > rows, "it is the same run, with its samples and its curve"
    expect(page.locator("#changes")).to_be_hidden()
    expect(page.locator("#train-steps")).to_have_value("1040")
    expect(page.locator("#more-1000")).to_be_visible()


def test_a_link_pasted_into_the_open_page_is_taken(page, site):
    """At once if nothing is lost; during a run after a question, and for the next run."""
    open_lab(page, site, f"{TINY}&{RATE}", device="numpy")
    page.evaluate("location.hash = '#text=python&model.n_layer=2&model.nonsense=1'")
    expect(page.locator("#model-n_layer")).to_have_value("2")
    expect(page.locator("input[name=text][value=python]")).to_be_checked()
    wait_for(page, "#link-mistake", "model.nonsense")
    page.evaluate(f"location.hash = '#{TINY.replace('train.steps=40', 'train.steps=100000')}'")
    expect(page.locator("#link-mistake")).to_be_hidden()
    wait_for(page, "#text-place .facts", "characters")
    address = page.evaluate("location.hash")

    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'run'")
    assert page.evaluate("location.hash") == address, "the skip link leaves the settings in the address"

    press(page, "#train")
    wait_for(page, "#where", "[1-9] of 100,000")
    for answer, layers in (("Cancel", "1"), ("Use them", "2")):
        for link in ("#model.n_layer=3", "#model.n_layer=2"):  # the newest is asked about
            page.evaluate(f"location.hash = '{link}'")
        expect(page.locator("dialog[open]")).to_contain_text("A run is under way")
        page.click(f"dialog[open] >> text={answer}")
        expect(page.locator("#model-n_layer")).to_have_value(layers)
    page.wait_for_function("location.hash === '#model.n_layer=2'")
    wait_for(page, "#changes", "layers 1 → 2")
    assert re.search("of 100,000", page.inner_text("#where")), "the run goes on"
    press(page, "#stop")


def test_the_time_of_a_run_is_shown_before_it_starts_and_hours_are_confirmed(page, site):
    open_lab(page, site, TINY, device="numpy")
    wait_for(page, "#where", r"^About 1\ss here, 40 steps$")
    wait_for(page, "#parameters", r"about 1\ss here$")
    choose(page, "preset", "small")
    fill(page, **{"train-steps": 1_000_000})
    wait_for(page, "#where", r"^About .*\s(h|days) here, 1,000,000 steps$")
    press(page, "#train")
    question = page.locator("dialog[open]")
    expect(question).to_contain_text(re.compile(r"On NumPy .* this run would take about .*\s(h|days)"))
    question.get_by_text("Cancel").click()
    expect(page.locator("#train")).to_have_text("Train")
    wait_for(page, "#where", "here, 1,000,000 steps$")
