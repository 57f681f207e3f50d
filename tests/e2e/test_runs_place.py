"""The place Runs: every run is kept, found again, renamed, compared, deleted and brought back."""

import json
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import ROOT
from tests.e2e.controls import press
from tests.e2e.test_lab import READY, TINY, fill, open_lab, wait_for

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


def train(page, steps: int | str = 40, **fields):
    """Train a run with these settings to its end."""
    fill(page, **fields)
    press(page, "#train")
    wait_for(page, "#where", f"Finished {steps}")


def row(page, name: str):
    """The row of a run."""
    return page.locator("tr[data-copy]").filter(has=page.locator(".run-title", has_text=re.compile(f"^{name}$")))


def compare(page, *names: str):
    """Check runs, by the keyboard: the comparison opens above the table, which moves."""
    for name in names:
        page.get_by_role("checkbox", name=f"Compare {name}").press("Space")
        expect(page.get_by_role("checkbox", name=f"Compare {name}")).to_be_checked()


@pytest.fixture
def runs(page, site):
    """The place Runs with two runs, of which the second has another learning rate and is open."""
    open_lab(page, site, TINY, device="numpy")
    train(page)
    train(page, **{"optim-learning_rate": 0.05})
    page.get_by_role("tab", name="Runs").press("Enter")  # the settings can cover it
    expect(row(page, "baby 2")).to_contain_text("Learning rate 0.004 → 0.05")
    return page


def test_a_run_is_named_starred_noted_and_found_again(runs):
    page = runs
    expect(page.locator("#runs-summary")).to_contain_text(re.compile(r"2 runs, \d+ kB"))
    expect(row(page, "baby 2")).to_contain_text("tales")
    expect(row(page, "baby 1")).to_contain_text("5 more")  # what differs from the preset
    page.get_by_role("button", name="Rename baby 1").click()
    page.keyboard.type("my first")
    page.get_by_role("textbox", name="Notes").fill("to show in class")
    page.get_by_role("button", name="Rename baby 2").click()  # what was typed for the first one stays
    expect(page.get_by_label("Name", exact=True)).to_have_count(2)
    page.keyboard.press("Escape")
    page.get_by_role("textbox", name="Notes").press("Enter")
    expect(row(page, "my first")).to_contain_text("to show in class")
    expect(page.get_by_role("button", name="Rename my first")).to_be_focused()
    page.get_by_role("button", name="Star my first").click()
    expect(page.get_by_role("button", name="Star my first")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("tr[data-copy]").first).to_contain_text("my first")  # before the newer one

    page.reload()
    expect(row(page, "my first")).to_contain_text("to show in class", timeout=READY)
    page.get_by_role("button", name="Open my first").click()
    expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")
    wait_for(page, "#where", "Finished 40 of 40")
    wait_for(page, "#samples li:first-child h3", "Step 40")
    expect(page.locator("#optim-learning_rate")).to_have_value("0.004")


def test_a_run_is_deleted_and_brought_back(runs):
    page = runs
    expect(page.get_by_role("button", name="Delete baby 2")).to_be_disabled()  # it is open
    page.get_by_role("button", name="Delete baby 1").click()
    expect(row(page, "baby 1")).to_have_count(0)
    expect(page.locator("#undo-delete")).to_contain_text("baby 1")
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "baby 1")).to_have_count(1)
    expect(page.locator("#undo-delete")).to_be_hidden()
    page.get_by_role("button", name="Delete baby 1").click()
    expect(row(page, "baby 1")).to_have_count(0)
    page.reload()
    expect(row(page, "baby 2")).to_have_count(1, timeout=READY)
    expect(row(page, "baby 1")).to_have_count(0)


def test_what_differs_between_two_runs_is_seen(runs):
    page = runs
    compare(page, "baby 1", "baby 2")
    comparison = page.get_by_role("region", name="Comparison")
    expect(comparison.locator("canvas")).to_be_visible()
    settings = comparison.locator(".settings-table tbody tr")
    expect(settings).to_have_count(1)
    expect(settings).to_have_text("Learning rate0.0040.05")
    comparison.get_by_label("Show all settings").check()
    assert settings.count() > 30
    expect(comparison.get_by_role("heading", name="baby 1 · Step 40")).to_be_visible()
    # Each run has the curve that its own file has: the pointer on it lights up its row.
    comparison.locator(".u-over").scroll_into_view_if_needed()
    box = comparison.locator(".u-over").bounding_box()
    lit = set()
    for height in range(0, int(box["height"]), 3):
        page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + height)
        lit.update(page.locator("tr.lit").evaluate_all("(rows) => rows.map((row) => row.dataset.copy)"))
    assert lit == {"baby-1", "baby-2"}
    expect(comparison.locator(".readout").first).to_contain_text("baby 1")
    comparison.get_by_label("Perplexity").check(force=True)
    comparison.get_by_label("Token positions").check(force=True)
    row(page, "baby 1").hover()
    assert page.locator("tr.lit").evaluate_all("(rows) => rows.map((row) => row.dataset.copy)") == ["baby-1"]
    comparison.get_by_role("button", name="Clear").click()
    expect(comparison).to_be_hidden()


def test_charts_are_read_by_keys_zoomed_and_saved(runs):
    page = runs
    compare(page, "baby 1", "baby 2")
    comparison = page.get_by_role("region", name="Comparison")
    chart = comparison.get_by_role("application", name=re.compile("Loss, nats per token"))
    aloud = comparison.get_by_role("status").first
    expect(comparison.locator(".settings-table thead th")).to_have_count(3)  # both are drawn
    chart.focus()
    page.keyboard.press("End")
    expect(aloud).to_have_text(re.compile(r"^step 40 · baby 1 \d\.\d+ · baby 1, validation \d\.\d+ · baby 2 "))
    page.keyboard.press("ArrowLeft")
    expect(aloud).to_contain_text("step 39")
    page.keyboard.press("+")
    expect(comparison.get_by_role("button", name="Show all")).to_be_visible()
    expect(aloud).to_contain_text(re.compile(r"From [12]\d\.?\d* to (39\.5|40)"))
    page.keyboard.press("Escape")
    expect(comparison.get_by_role("button", name="Show all")).to_be_hidden()
    over = comparison.locator(".u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 30, steps=3)
    page.mouse.up()
    comparison.get_by_role("button", name="Show as table").click()
    expect(comparison.locator(".chart-table tbody th").first).to_have_text("9")  # and on to 21: what leaves the chart
    comparison.get_by_role("button", name="Show all").click()
    expect(comparison.locator(".chart-table tbody th").first).to_have_text("1")

    comparison.get_by_label("Seconds of training").check(force=True)
    comparison.get_by_label("Bits per byte").check(force=True)
    expect(comparison.get_by_role("application", name=re.compile("bits per byte"))).to_be_visible()
    expect(comparison.locator(".chart-table tbody tr")).not_to_have_count(0)
    comparison.get_by_label("Smoothing").select_option("EMA, weight 0.9")
    expect(comparison).to_contain_text("the past weighs 0.9")
    comparison.get_by_text("Learning rate", exact=True).first.click()
    expect(comparison.locator("canvas")).to_have_count(2)
    for kind, beginning in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with page.expect_download() as caught:
            comparison.get_by_role("button", name=f"Save as {kind}").first.click()
        content = Path(caught.value.path()).read_bytes()
        assert content.startswith(beginning) and len(content) > 2000


def test_the_table_has_the_columns_that_are_chosen(runs):
    """Results and settings; the choice outlives a reload, and the table can be carried away."""
    page = runs
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("group", name="Results").get_by_label("Training time").check()
    page.get_by_role("group", name="Results").get_by_label("Kept").uncheck()
    page.get_by_role("group", name="Settings").get_by_label("Learning rate", exact=True).check()
    table = page.get_by_role("table", name="Runs")
    expect(row(page, "baby 2")).to_contain_text("0.05")
    page.reload()
    table.get_by_role("button", name="Learning rate").click(timeout=READY)
    expect(page.locator("tr[data-copy] .run-title")).to_have_text(["baby 1", "baby 2"])
    table.get_by_role("button", name="Learning rate").click()
    expect(page.locator("tr[data-copy] .run-title")).to_have_text(["baby 2", "baby 1"])
    expect(table.get_by_role("columnheader", name="Kept")).to_have_count(0)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for kind, line in (
        ("CSV", "name,text,steps,loss,val_loss,parameters,size,seconds,optim.learning_rate"),
        ("Markdown", "| Name |"),
    ):
        page.get_by_role("button", name=f"Copy as {kind}").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith(line) and "baby 2" in copied
        expect(page.get_by_role("button", name=f"Copy as {kind}")).to_be_visible()


def test_a_place_has_an_address(runs):
    page = runs
    assert "place=runs" in page.url
    page.go_back()
    expect(page.locator("#train")).to_be_visible()
    expect(page.locator("#runs-list")).to_be_hidden()
    page.go_forward()
    expect(row(page, "baby 1")).to_be_visible()
    page.get_by_role("tab", name="Runs").press("ArrowLeft")
    expect(page.get_by_role("tab", name="Train")).to_be_focused()
    expect(page.locator("#train")).to_be_visible()


def test_the_run_under_way_is_seen_and_paused_from_another_place(page, site):
    open_lab(page, site, TINY.replace("train.steps=40", "train.steps=100000"), device="numpy")
    press(page, "#train")
    wait_for(page, "#where", r"\d of")
    page.get_by_role("tab", name="Runs").click()
    line = page.locator(".run-line")
    expect(line).to_contain_text(re.compile(r"step [\d,]+ of 100,000"))
    line.get_by_role("button", name="Pause").click()
    line.get_by_role("button", name="Resume").click()
    line.get_by_role("button", name="Pause").click()
    expect(line.get_by_role("button", name="Resume")).to_be_visible()
    expect(row(page, "baby 1")).to_contain_text("of 100,000")
    # A long name is cut, and leaves their words to the step and the button; so does the table to the text.
    line.locator("bdi").evaluate("(name) => { name.textContent = 'x'.repeat(180); }")
    row(page, "baby 1").locator(".run-title").evaluate("(name) => { name.textContent = 'x'.repeat(180); }")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert line.get_by_role("button", name="Resume").bounding_box()["height"] < 50, width
        expect(line.locator("bdi + span"), str(width)).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": 1280, "height": 800})
    assert page.locator("tr[data-copy] td:nth-child(3)").first.bounding_box()["width"] >= 120


@pytest.mark.parametrize("width", [1440, 390, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_places_have_no_serious_fault_of_access(runs, scheme, width):
    page = runs
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    compare(page, "baby 1", "baby 2")
    for place in ("Runs", "Write", "Train"):
        page.get_by_role("tab", name=place).click()
        page.evaluate(AXE.read_text())  # not by a script element, which the page's policy forbids
        found = page.evaluate("axe.run()")["violations"]
        serious = [
            (fault["id"], [node["target"] for node in fault["nodes"]])
            for fault in found
            if fault["impact"] in ("serious", "critical")
        ]
        assert not serious, json.dumps(serious, indent=1)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place


def test_the_settings_on_the_page_stay_its_address_after_back(page, site):
    """Back to a place takes no settings from its entry; a link that is pasted is taken."""
    page.goto(site.url)
    page.wait_for_function("!document.querySelector('#train')?.disabled", timeout=READY)
    page.get_by_role("tab", name="Runs").click()
    page.get_by_role("tab", name="Train").click()
    fill(page, **{"model-n_layer": 2})
    page.wait_for_function("location.hash.includes('n_layer=2')")
    page.go_back()
    page.go_back()
    expect(page.locator("#train")).to_be_visible()
    page.wait_for_function("location.hash.includes('n_layer=2')")
    expect(page.locator("#model-n_layer")).to_have_value("2")
    page.evaluate("location.hash = '#model.n_layer=1'")
    expect(page.locator("#model-n_layer")).to_have_value("1")


def test_deletions_are_undone_one_after_the_other(runs):
    page = runs
    train_again = page.get_by_role("tab", name="Train")
    train_again.click()
    train(page, **{"optim-learning_rate": 0.01})
    page.get_by_role("tab", name="Runs").click()
    for name in ("baby 1", "baby 2"):
        page.get_by_role("button", name=f"Delete {name}").click()
        expect(page.get_by_role("button", name="Undo")).to_be_focused()
    for name in ("baby 2", "baby 1"):
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("button", name=f"Delete {name}")).to_be_focused()
    expect(page.locator("#undo-delete")).to_be_hidden()


def test_runs_leave_the_page_and_come_back(runs, tmp_path):
    """A run is exported in a chosen format. Files that are dropped together become kept runs and are compared."""
    page = runs

    def export(name, kind):
        page.get_by_role("button", name=f"Export {name}").click()
        page.get_by_role("dialog").get_by_label(kind).check()
        with page.expect_download() as caught:
            page.get_by_role("dialog").get_by_role("button", name="Export").click()
        path = tmp_path / caught.value.suggested_filename
        caught.value.save_as(path)
        return path

    archive, file = export("baby 1", "Run folder"), export("baby 2", "Run file")
    model = export("baby 1", "Hugging Face folder")
    assert json.loads(zipfile.ZipFile(model).read("config.json"))["vocab_size"] > 20
    assert export("baby 1", "Metrics as CSV").read_text().startswith("step,loss,learning_rate,")
    assert export("baby 1", "Samples as text").read_text().startswith("Step 0\n")
    page.get_by_role("button", name="Delete baby 1").click()
    expect(row(page, "baby 1")).to_have_count(0)
    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:3000])
    page.locator("#runs-file").set_input_files([archive, file, tmp_path / "cut.safetensors"])
    notice = page.locator("#imports")
    expect(notice).to_contain_text("1 run was added. 1 run was here already.")
    expect(notice.get_by_role("listitem")).to_contain_text("cut.safetensors: ")
    expect(row(page, "baby 1")).to_have_count(1)
    expect(row(page, "baby 2")).to_contain_text("On the page")  # and stays there
    for name in ("baby 1", "baby 2"):
        expect(page.get_by_role("checkbox", name=f"Compare {name}")).to_be_checked()
    page.get_by_role("button", name="Open baby 1").click()
    wait_for(page, "#where", "Finished 40 of 40")
