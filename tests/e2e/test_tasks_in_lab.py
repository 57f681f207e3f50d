"""A task in the lab: chosen, learned, scored, shared by a link; and the finer controls of sampling."""

import re

from tests.e2e.test_lab import READY, SLOW, choose, choose_device, wait_for


def test_a_task_is_chosen_learned_and_scored(page, site):
    page.goto(site.url)
    page.wait_for_function("!document.querySelector('#train')?.disabled", timeout=READY)
    choose_device(page, "numpy")
    choose(page, "preset", "reverse")
    page.wait_for_selector("#task-length")
    page.fill("#task-length", "3")
    page.locator("#task-length").press("Tab")
    wait_for(page, ".facts", "characters, 12 distinct")
    page.fill("#train-steps", "400")
    page.fill("#model-n_layer", "1")
    page.wait_for_function("location.hash.includes('length%3D3') && location.hash.includes('train.steps=400')")
    link = page.url
    page.click("#train")
    wait_for(page, "#words", "Who only counts characters is at [0-9.]+, pairs of them at [0-9.]+, triples at")
    wait_for(page, "#where", "Finished", timeout=2 * SLOW)
    assert float(page.inner_text("#accuracy").rstrip(" %")) >= 80
    assert re.search(r"=\w+ +(right|wrong: )", page.inner_text("#samples"))

    page.click("summary:has-text('Finer control')")
    page.fill("#prompt", "cab=")
    page.fill("#temperature", "0")
    page.click("#sample")
    wait_for(page, "#answer", "^cab=bac$")
    page.fill("#stop-text", "ac")
    page.fill("#top-p", "0.5")
    page.click("#sample")
    wait_for(page, "#answer", "^cab=b$")
    page.fill("#top-p", "2")
    page.click("#sample")
    wait_for(page, "#prompt-mistake", "2 is outside 1e-06 to 1")

    page.goto("about:blank")
    page.goto(link)
    page.wait_for_function("!document.querySelector('#train')?.disabled", timeout=READY)
    page.wait_for_selector("#task-length")
    assert page.input_value("#task-length") == "3" and page.input_value("#task") == "reverse"
    assert page.input_value("#train-steps") == "400" and page.is_checked("input[name=text][value=task]")


def test_a_task_without_enough_questions_says_so(page, site):
    page.goto(f"{site.url}#text=task:parity,length=2")
    page.wait_for_function("document.querySelector('#text-mistake')?.textContent", timeout=READY)
    assert "has only 6 different questions" in page.inner_text("#text-mistake")
    page.select_option("#task", "lookup")
    wait_for(page, ".facts", "characters,")
    assert page.is_hidden("#text-mistake")
