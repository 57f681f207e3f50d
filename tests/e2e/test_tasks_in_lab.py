"""Tasks in the lab: choosing, training, accuracy and links; and the folded sampling settings."""

from playwright.sync_api import expect

from tests.e2e.controls import press, put, reveal
from tests.e2e.test_lab import READY, SLOW, choose, choose_device, wait_for


def test_a_task_is_trained_scored_and_shared(page, site):
    page.goto(site.url)
    page.wait_for_function("!document.querySelector('#train')?.disabled", timeout=READY)
    choose_device(page, "numpy")
    choose(page, "text", "task")
    reveal(page, "#task")
    page.select_option("#task", "reverse")
    expect(page.locator("#model-name")).to_have_text("Reverse")  # the model made for it
    put(page, "#task-length", "3")
    page.locator("#task-length").press("Tab")
    wait_for(page, "#text-place .facts", "characters, 12 distinct")
    put(page, "#train-steps", "400")
    put(page, "#model-n_layer", "1")
    page.wait_for_function("location.hash.includes('length%3D3') && location.hash.includes('train.steps=400')")
    link = page.url
    press(page, "#train")
    wait_for(page, "#words", "Character frequencies alone give a loss of [0-9.]+, pairs of characters [0-9.]+, triples")
    wait_for(page, "#where", "Finished", timeout=2 * SLOW)
    page.wait_for_function("parseFloat(document.querySelector('#accuracy').textContent) >= 80")
    wait_for(page, "#samples", r"=\w+ +(right|wrong: )")

    put(page, "#prompt", "cab=")
    put(page, "#temperature", "0")
    press(page, "#sample")
    wait_for(page, "#answer", "^cab=bac$")
    put(page, "#stop-text", "ac")
    put(page, "#top-p", "0.5")
    press(page, "#sample")
    wait_for(page, "#answer", "^cab=b$")
    put(page, "#top-p", "2")
    press(page, "#sample")
    wait_for(page, "#top-p-mistake", "outside 1e-6 to 1")

    page.goto("about:blank")
    page.goto(link)
    page.wait_for_function("!document.querySelector('#train')?.disabled", timeout=READY)
    page.wait_for_selector("#task-length")
    for control, value in {"#task": "reverse", "#task-length": "3", "#train-steps": "400"}.items():
        expect(page.locator(control)).to_have_value(value)
    expect(page.locator("input[name=text][value=task]")).to_be_checked()

    choose(page, "text", "tales")  # has no answers
    expect(page.locator("#model-name")).to_have_text("Baby")
    page.wait_for_function("!document.querySelector('#train-answers_only').checked")
    wait_for(page, "#parameters", "parameters")
    assert page.is_hidden("#train-answers_only-mistake") and page.is_hidden("#run-mistake")
    choose(page, "text", "task")
    page.wait_for_function("document.querySelector('#train-answers_only').checked")


def test_a_variant_of_a_task_is_offered_and_linked(page, site):
    page.goto(f"{site.url}#text=task:addition,length=3,format=mingpt")
    wait_for(page, "#task-place .hint", "8550531", READY)
    expect(page.locator("#task")).to_have_value("addition,format=mingpt")
    expect(page.locator("#task option:checked")).to_have_text("addition, format mingpt")
    expect(page.locator("#task-length")).to_have_value("3")
    reveal(page, "#task")
    page.select_option("#task", "sort,format=mingpt")
    expect(page.locator("#task-length")).to_have_value("6")
    wait_for(page, "#text-place .facts", "characters, 4 distinct")
    page.wait_for_function("decodeURIComponent(location.hash).includes('text=task:sort,format=mingpt')")


def test_a_task_with_too_few_questions_is_reported(page, site):
    page.goto(f"{site.url}#text=task:parity,length=2")
    wait_for(page, "#text-mistake", "has only 6 different questions", READY)
    reveal(page, "#task")
    page.select_option("#task", "lookup")
    expect(page.locator("#text-mistake")).to_be_hidden()
    wait_for(page, "#text-place .facts", "characters,")
