"""Byte-level BPE and GPT-2's tokenizer in the lab."""

import pytest
from playwright.sync_api import expect

import pygpt
from pygpt.data import load_text
from pygpt.tokenizers import BPETokenizer, make_tokenizer
from tests.e2e.controls import press, put, reveal
from tests.e2e.test_lab import READY, TINY, WATCH_TASKS, figure, fill, open_lab, wait_for

WATCH_STATUS = """window.statuses = [];
new MutationObserver(() => window.statuses.push(document.querySelector("#where").textContent))
  .observe(document.querySelector("#where"), { childList: true, characterData: true, subtree: true });"""


@pytest.mark.parametrize("device", ["numpy", "webgpu"])
def test_a_vocabulary_is_learned_from_the_text(device, page, site, tmp_path):
    """Train with bpe: the page shows progress and stays responsive, and the tokenizer equals a native one."""
    open_lab(page, site, f"text=python&{TINY}", device)  # the tales are learned too fast for two frames to be drawn
    wait_for(page, "#text-place .facts", "characters,")
    expect(page.locator("#data-vocab_size")).to_be_disabled()
    reveal(page, "#data-tokenizer")
    page.select_option("#data-tokenizer", "bpe")
    fill(page, **{"data-vocab_size": 3})
    wait_for(page, "#data-vocab_size-mistake", "3 is outside 257 to 65,536")
    fill(page, **{"data-vocab_size": 2000})
    page.wait_for_selector("#data-vocab_size-mistake", state="hidden")
    page.evaluate(WATCH_STATUS)
    page.evaluate(WATCH_TASKS)
    press(page, "#train")
    wait_for(page, "#where", "Finished")
    assert "Learning 2,000 tokens from python" in page.evaluate("window.statuses")
    assert not [task for task in page.evaluate("window.longTasks") if task > 500]
    wait_for(page, "#words", "at random among 2,000 tokens")
    assert figure(page, "#loss") < 9
    wait_for(page, "#samples", ".")
    with page.expect_download() as download:
        page.click("#save")
    saved = tmp_path / "run.safetensors"
    download.value.save_as(saved)
    model = pygpt.load(saved, "numpy")
    assert isinstance(model.tokenizer, BPETokenizer)
    assert model.tokenizer == make_tokenizer(model.experiment.data, load_text("python").text)

    # Training again reuses the vocabulary, and any prompt can be encoded.
    page.evaluate("window.statuses.length = 0")
    press(page, "#train")
    page.wait_for_function("window.statuses.some((status) => status.startsWith('Finished'))", timeout=READY)
    assert not any("Learning" in status for status in page.evaluate("window.statuses"))
    put(page, "#prompt", "Zoë 東京")
    press(page, "#sample")
    wait_for(page, "#live", "sample is complete")


def test_gpt2s_tokenizer_is_not_offered_in_a_page(page, site):
    """It needs files, which a page does not have: the page hides it and its preset, and reports a link to it."""
    open_lab(page, site, f"{TINY}&data.tokenizer=gpt2", "numpy")
    wait_for(page, "#data-tokenizer-mistake", "a browser tab does not have")
    assert page.locator("#data-tokenizer option").all_inner_texts() == ["char", "byte", "bpe"]
    assert (
        page.locator("input[name=preset][value=nano]").count()
        and not page.locator("input[name=preset][value=gpt2]").count()
    )
    reveal(page, "#data-tokenizer")
    page.select_option("#data-tokenizer", "byte")
    page.wait_for_selector("#data-tokenizer-mistake", state="hidden")
    page.wait_for_function("location.hash.includes('data.tokenizer=byte')")
