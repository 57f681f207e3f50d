"""Texts in the lab: fetched, called off and asked for again; dropped, dragged and pasted."""

import time

import pytest
from playwright.sync_api import expect

from tests.conftest import unavailable
from tests.e2e.controls import press, put
from tests.e2e.test_lab import READY, TINY, WATCH_TASKS, choose, choose_device, open_lab, wait_for

DROP = """([type, texts, dragged]) => {
  const carried = new DataTransfer();
  for (const [name, text] of Object.entries(texts)) carried.items.add(new File([text], name));
  if (dragged) carried.setData("text/plain", dragged);
  const target = document.querySelector("#prompt");
  const event = new DragEvent(type, { dataTransfer: carried, bubbles: true, cancelable: true });
  target.dispatchEvent(event);
  return [event.defaultPrevented, document.body.classList.contains("dropping")];
}"""
LONG = "The cat sat on the mat, and the dog lay on the log.\n" * 20_000  # a megabyte


@pytest.mark.page_errors_expected
def test_what_failed_is_asked_for_again_with_a_click(page, site):
    """A text and NumPy whose download fails: a sentence, and a button that fetches them."""
    open_lab(page, site, TINY, device="")
    if not page.locator("input[name=text][value=shakespeare]").count():
        unavailable("the site was built without data sets; PYGPT_DATA may name a folder that has them")
    page.route("**/data/shakespeare*", lambda route: route.abort())
    choose(page, "text", "shakespeare")
    wait_for(page, "#text-mistake", "did not arrive")
    page.unroute("**/data/shakespeare*")
    press(page, "#retry-text")
    wait_for(page, "#text-place .facts", r"1,115,394 characters")
    expect(page.locator("#retry-text")).to_be_hidden()
    expect(page.locator("#text-mistake")).to_be_hidden()


@pytest.mark.page_errors_expected
def test_a_device_that_failed_is_opened_again_with_a_click(page, site):
    page.route("**/wheels/numpy*", lambda route: route.abort())
    page.goto(f"{site.url}?on=webgpu#{TINY}")
    wait_for(page, "#device-name", "^(?!Opening|No device).{4}", READY)
    if not page.locator("input[name=device][value=numpy]").count():
        unavailable("the site was built without NumPy's wheel; PYGPT_WHEELS may name a folder that has it")
    choose(page, "device", "numpy")
    wait_for(page, "#device-mistake", "NumPy did not arrive")
    page.unroute("**/wheels/numpy*")
    page.click("#retry-device")
    wait_for(page, "#device-name", "NumPy")
    expect(page.locator("#retry-device")).to_be_hidden()
    expect(page.locator("#device-mistake")).to_be_hidden()


def test_train_waits_for_a_text_on_its_way(page, site):
    """Train is pressed while a text is fetched. Cancel beside the text ends its download."""
    held = []
    page.route("**/data/shakespeare*", lambda route: held.append(route))
    open_lab(page, site, TINY, device="")
    if not page.locator("input[name=text][value=shakespeare]").count():
        unavailable("the site was built without data sets; PYGPT_DATA may name a folder that has them")
    choose(page, "text", "shakespeare")
    press(page, "#cancel-text")
    wait_for(page, "#text-place .facts", "Cancelled")
    expect(page.locator("#text-mistake")).to_be_hidden()
    expect(page.locator("#retry-text")).to_be_focused()
    press(page, "#retry-text")
    press(page, "#train")
    wait_for(page, "#train", "Starting")
    expect(page.locator("#call-off")).to_be_visible()
    page.wait_for_timeout(500)
    wait_for(page, "#train", "Starting")
    held[-1].continue_()
    wait_for(page, "#summary", "shakespeare")
    wait_for(page, "#where", "Finished 40")


def test_a_long_preparation_can_be_called_off(page, site):
    """Learning a large vocabulary takes minutes: Cancel ends it at once, and the page is as before."""
    open_lab(page, site, f"{TINY}&data.tokenizer=bpe&data.vocab_size=60000", device="")
    choose(page, "text", "own")
    words = " ".join(f"word{number} other{7 * number}" for number in range(60_000))
    page.set_input_files("#text-file", {"name": "words.txt", "mimeType": "text/plain", "buffer": words.encode()})
    wait_for(page, "#text-place .facts", "characters")
    press(page, "#train")
    wait_for(page, "#where", "Learning 60,000 tokens")
    assert page.title() == "Preparing · pygpt lab"
    began = time.monotonic()
    press(page, "#call-off")
    wait_for(page, "#train", "^Train$")
    assert time.monotonic() - began < 2
    expect(page.locator("#run-mistake")).to_be_hidden()
    assert page.title() == "pygpt lab"
    expect(page.locator("#call-off")).to_be_hidden()


def test_only_files_are_taken_from_a_drag(page, site):
    """Dragged text is left to the browser, which puts it into the field below; several text files are one text."""
    open_lab(page, site, TINY, device="")
    for kind in ("dragover", "drop"):
        assert page.evaluate(DROP, [kind, {}, "some words"]) == [False, False]
    assert page.evaluate(DROP, ["dragover", {"a.txt": "a"}, ""]) == [True, True]
    words = "one two three four five. " * 20
    assert page.evaluate(DROP, ["drop", {"b.txt": words, "a.txt": words}, ""]) == [True, False]
    wait_for(page, "#text-place .facts", r"a.txt and b.txt\W: 1,001 characters")
    assert page.evaluate(DROP, ["drop", {"b.txt": "b", "run.safetensors": "r"}, ""])[0]
    wait_for(page, "#file-mistake", r"run.safetensors\W is a saved run and 1 other file came with it")
    wait_for(page, "#text-place .facts", "a.txt and b.txt")
    # One of two files is no text: its own offset is named, and the text before stays.
    page.evaluate(DROP, ["drop", {"a.txt": words, "b.bin": "12\0"}, ""])
    wait_for(page, "#text-mistake", r"b.bin\W is a binary file: it has a zero byte at offset 2.*still .a.txt and b")
    wait_for(page, "#text-place .facts", "a.txt and b.txt")
    # A folder, or a file that is gone, too.
    page.evaluate("() => { File.prototype.arrayBuffer = () => Promise.reject(new DOMException('', 'NotFoundError')); }")
    page.evaluate(DROP, ["drop", {"poems": ""}, ""])
    wait_for(page, "#text-mistake", r"poems\W could not be read: it is a folder")
    # Train takes no other text than the last one chosen, unless the visitor has read which.
    press(page, "#train")
    wait_for(page, "#text-mistake", r"poems.*has not started.*still \Wa.txt and b.txt\W\..*press Train again")
    expect(page.locator("#train")).to_have_text("Train")
    press(page, "#train")
    wait_for(page, "#summary", "a.txt and b.txt")
    expect(page.locator("#text-mistake")).to_be_hidden()


def test_a_pasted_megabyte_costs_the_page_nothing(page, site):
    """It is kept beside the field and can be removed, and no task of the page takes 50 ms while it trains. A shorter
    text can be edited."""
    page.add_init_script(WATCH_TASKS)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_lab(page, site, TINY.replace("train.steps=40", "train.steps=4000"), device="")
    choose_device(page, "webgpu")
    choose(page, "text", "own")
    put(page, "#own-text", "Once. ")
    page.evaluate("(text) => navigator.clipboard.writeText(text)", LONG)
    page.focus("#own-text")
    page.keyboard.press("Control+End")
    page.keyboard.press("Control+V")
    wait_for(page, "#text-place .facts", f"Pasted text.*: {len(LONG) + 6:,} characters")
    wait_for(page, "#text-place .excerpt", "^Once. The cat sat")
    expect(page.locator("#own-text")).to_be_hidden()
    press(page, "#train")
    wait_for(page, "#where", r"^[1-9]\d* of")
    for _ in range(3):
        page.evaluate("window.longTasks.length = 0")
        page.wait_for_timeout(3000)
        long_tasks = page.evaluate("window.longTasks")
        if not long_tasks:
            break
    assert long_tasks == []
    press(page, "#stop")
    wait_for(page, "#text-place .facts", "too long to edit here; remove it to paste another")
    expect(page.locator("#edit-pasted")).to_be_hidden()
    press(page, "#remove-pasted")
    page.evaluate("(text) => navigator.clipboard.writeText(text)", LONG[:90_000])
    page.keyboard.press("Control+V")
    wait_for(page, "#text-place .facts", r"Pasted text.*: 90,000 characters, \d+ distinct$")
    press(page, "#edit-pasted")
    expect(page.locator("#own-text")).to_be_focused()
    assert page.input_value("#own-text") == LONG[:90_000]
    page.evaluate("document.activeElement.blur()")
    expect(page.locator("#own-text")).to_be_hidden()
    wait_for(page, "#text-place .facts", "Pasted text.*: 90,000 characters")
    press(page, "#remove-pasted")
    expect(page.locator("#own-text")).to_be_focused()
    assert page.input_value("#own-text") == ""


def test_a_typed_text_is_there_after_a_reload(page, site):
    open_lab(page, site, TINY, device="")
    choose(page, "text", "own")
    typed = "The fox ran home. " * 40
    put(page, "#own-text", typed)
    wait_for(page, "#text-place .facts", "720 characters")
    page.wait_for_function("location.hash.includes('text=own')")
    page.reload()
    page.wait_for_function("!document.querySelector('#train')?.disabled", timeout=READY)
    wait_for(page, "#text-place .facts", "720 characters")
    expect(page.locator("#own-text")).to_have_value(typed)
    expect(page.locator("#link-mistake")).to_be_hidden()
