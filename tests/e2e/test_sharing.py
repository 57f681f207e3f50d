"""A run is shared: a link that is reproduced natively and back, a QR code, and a web page that needs no network."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.test_lab import TINY, fill, open_lab, wait_for

ROOT = str(Path(__file__).resolve().parents[2])
SAME = "The same to 6 digits for all 40 steps."
OWN = "The quick brown fox jumps over the lazy dog. " * 9


def share(page, button: str) -> str:
    """What a button of the dialog Share copies."""
    page.get_by_role("button", name="Share", exact=True).click()
    dialog = page.get_by_role("dialog", name="Share")
    named = dialog.get_by_role("button", name=button, exact=True)
    expect(named).to_be_enabled()
    place = page.locator(f"#{named.get_attribute('id')}")
    place.click()
    expect(place).to_have_text("Copied")
    dialog.get_by_role("button", name="Close").click()
    return page.evaluate("navigator.clipboard.readText()")


def pygpt(folder, *arguments) -> str:
    """Run a command in a folder, in a process of its own, and return what it prints."""
    command = [sys.executable, "-m", "pygpt", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ROOT})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_run_is_shared_reproduced_and_carried_away(page, site, browser, tmp_path):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_lab(page, site, TINY, device="numpy")
    page.get_by_role("button", name="Share", exact=True).click()
    dialog = page.get_by_role("dialog", name="Share")
    expect(dialog.get_by_role("button", name="Copy link with curve")).to_be_disabled()
    expect(dialog.get_by_role("button", name="Export as a web page")).to_be_disabled()
    dialog.get_by_role("button", name="Close").click()
    page.click("#train")
    wait_for(page, "#where", "Finished 40 of 40 steps")

    link = share(page, "Copy link")
    assert link.startswith(site.url) and re.search(
        r"#model\.n_layer=1&.*train\.seed=1337&sha256=\w{64}&pygpt=[\d.]+$", link
    )
    with_curve = share(page, "Copy link with curve")
    assert with_curve.startswith(link) and "&device=numpy&curve=1." in with_curve

    # The link of the tab is reproduced natively.
    assert pygpt(tmp_path, "reproduce", with_curve, "--device=numpy", "--out=there").endswith(f"{SAME}\n")

    page.get_by_role("button", name="Share", exact=True).click()
    dialog.get_by_role("button", name="Show QR code").click()
    code = page.get_by_role("dialog", name="QR code")
    expect(code.get_by_role("img", name=f"QR code of {link}")).to_be_visible()
    modules = page.locator(".qr").get_attribute("viewBox")
    code.get_by_label("With the curve").check()
    expect(page.locator(".qr")).not_to_have_attribute("viewBox", modules)
    code.get_by_role("button", name="Close").click()

    with page.expect_download() as exported:
        dialog.get_by_role("button", name="Export as a web page").click()
    assert exported.value.suggested_filename == "baby-step40.html"
    exported.value.save_as(tmp_path / "model.html")
    dialog.get_by_role("button", name="Close").click()
    check_web_page(browser, tmp_path, page)

    # And back: the link of a native run is opened in the tab, which waits to be asked, and reproduces it.
    native = pygpt(tmp_path, "share", "there", "--curve").strip().partition("#")[2]
    page.evaluate("(hash) => { location.hash = hash; }", native)
    offer = page.get_by_role("region", name="Shared link")
    expect(offer).to_contain_text("This link sets: baby, layers 1, heads 2,")
    expect(offer).to_contain_text("text: Tales. It was made with pygpt")
    expect(offer).to_contain_text("40 steps.")
    expect(page.locator("#where")).to_have_text(re.compile("Finished"))
    offer.get_by_role("button", name="Use these settings").click()
    wait_for(page, "#text-place .facts", "characters")
    page.click("#train")
    expect(offer.get_by_text(SAME)).to_be_visible()
    expect(page.get_by_role("status").filter(has_text=re.compile("Finished|same"))).to_have_count(1)
    fill(page, **{"model-n_layer": 2})
    expect(offer).to_contain_text("You have changed what the link sets (layers)")
    offer.get_by_role("button", name="Dismiss").click()
    expect(offer).to_be_hidden()

    # A private text is asked for, and checked by its hash.
    sha256 = hashlib.sha256(OWN.encode()).hexdigest()
    page.evaluate("(hash) => { location.hash = hash; }", f"text=own&train.seed=3&sha256={sha256}&pygpt=0.0.1")
    expect(offer).to_contain_text(f"Its SHA-256 begins with {sha256[:12]}")
    expect(offer).to_contain_text("whose presets may differ")
    offer.get_by_role("button", name="Use these settings").click()
    expect(page.locator("input[name=text][value=own]")).to_be_checked()
    page.fill("#own-text", OWN[:-9])
    expect(offer).to_contain_text("The chosen text is not the link's")
    page.fill("#own-text", OWN)
    expect(offer).to_contain_text("The chosen text is the sender's.")
    expect(page.locator("#train-seed")).to_have_value("3")


def check_web_page(browser, folder, lab):
    """The exported page writes what `pygpt sample` does, from a disk and without a network."""
    with lab.expect_download() as saved:
        lab.click("#save")
    saved.value.save_as(folder / "run.safetensors")
    sample = ("--device=numpy", "--prompt=The ", "--temperature=0", "--max-new-tokens=120")
    expected = pygpt(folder, "sample", "run.safetensors", *sample)
    context = browser.new_context(offline=True, color_scheme="dark", viewport={"width": 390, "height": 844})
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: errors.append(request.url) if not request.url.startswith("file:") else None)
    page.goto(f"file://{folder}/model.html")
    output = page.get_by_role("region", name="What it writes")
    page.get_by_label("Prompt").fill("The ")
    page.get_by_label("Temperature").fill("0")
    page.get_by_label("Length in tokens").fill("120")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("status")).to_have_text("The text is complete.")
    expect(output).to_have_attribute("aria-busy", "false")
    assert page.locator("#given").text_content() + page.locator("#written").text_content() == expected.removesuffix(
        "\n"
    )
    page.get_by_label("Prompt").fill("東京")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("has never seen the character “東”")
    page.get_by_label("Temperature").fill("hot")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_have_text("Temperature is a number from 0 to 100.")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    link = page.get_by_role("link", name="Train it again in the lab").get_attribute("href")
    assert link.startswith(f"{lab.url.partition('#')[0].partition('?')[0]}#model.n_layer=1")
    assert errors == []
    context.close()
