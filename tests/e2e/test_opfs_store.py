"""Safety copies in the tab: one per run, a limited number, and none taken from an open tab."""

import pytest
from playwright.sync_api import expect

from tests.e2e.test_lab import READY, TINY, open_lab, read_chart, wait_for

FRESH = """
import json, js, opfs_store as kept

ABOUT = {"name": "baby on tales", "step": 1, "steps": 2, "size": 4}
root = await js.navigator.storage.getDirectory()

async def files():
    return sorted([entry.name async for entry in root.values() if entry.name.startswith("run")])

async def reopen():
    '''Reset the module, as in a newly opened tab.'''
    await kept.begin(None)
    kept.own_copy = ""

await reopen()
for name in await files():
    await root.removeEntry(name)
"""


@pytest.fixture
def store(python_in_tab):
    """A tab with the store module imported and no copies kept."""
    python_in_tab.run(FRESH)
    return python_in_tab


def test_each_run_has_one_copy_and_the_newest_runs_are_kept(store):
    result = store.run("""
for step in range(8):
    await kept.begin(None)
    await kept.keep(bytes([step] * 4), ABOUT | {"step": step})
    await kept.keep(bytes([step] * 5), ABOUT | {"step": step})
offered = await kept.find()
contents = [list(await kept.read_copy(about["copy"])) for about in offered[:2]]
[[about["step"] for about in offered], contents, len(await files())]
""")
    # The tab's own run is not offered.
    assert result == [[6, 5, 4, 3, 2], [[6] * 5, [5] * 5], 12]


def test_copies_over_the_size_limit_are_removed_oldest_first(store):
    assert store.run("""
most, kept.MAX_BYTES = kept.MAX_BYTES, 100
for step, size in enumerate((40, 40, 40, 101, 1)):
    await kept.begin(None)
    await kept.keep(bytes(size), ABOUT | {"step": step})
kept.MAX_BYTES = most
[about["step"] for about in await kept.find()]
""") == [3]  # over the limit by itself, but the newest


def test_the_oldest_copies_are_removed_when_the_disk_is_full(store):
    """The browser's storage quota is lowered, as on a nearly full disk."""
    session = store.context.new_cdp_session(store.page)

    def limit(**size):
        session.send("Storage.overrideQuotaForOrigin", {"origin": "/".join(store.site_root.split("/")[:3]), **size})

    used = store.run("(await js.navigator.storage.estimate()).usage")
    limit(quotaSize=used + 9_000_000)
    try:
        assert store.run("""
for step in range(6):
    await kept.begin(None)
    await kept.keep(bytes([step]) * 2_000_000, ABOUT | {"step": step})
try:
    await kept.keep(bytes(20_000_000), ABOUT)  # does not fit even if all other copies are removed
except kept.CheckpointError as error:
    refusal = str(error)
data = await kept.read_copy(kept.own_copy)
await reopen()
[refusal, [about["step"] for about in await kept.find()], len(data), set(data) == {5}]
""") == ["this browser has no room for 20.0 MB of files of this site", [5, 4, 3, 2], 2_000_000, True]
    finally:
        limit()


# Counts the writes to the file system, and refuses some of them as a full disk does. What write() returns then was seen
# in Chromium 156, where the quota was used up; the rest is from the File System standard.
FULL_DISK = """() => {
  const disk = { count: 0, first: Infinity, last: 0 };
  const refused = () => { disk.count += 1; return disk.first <= disk.count && disk.count <= disk.last; };
  const error = () => new DOMException("the quota is used up", "QuotaExceededError");
  const patch = (type, name, refuse, counts = () => true) => {
    const real = type.prototype[name];
    type.prototype[name] = function (...args) {
      return counts(...args) && refused() ? refuse() : real.apply(this, args);
    };
  };
  const reject = () => Promise.reject(error());
  const fail = () => { throw error(); };
  patch(FileSystemDirectoryHandle, "getFileHandle", reject, (_, options) => options?.create);
  patch(FileSystemFileHandle, "createSyncAccessHandle", reject);
  patch(FileSystemFileHandle, "move", reject);
  patch(FileSystemSyncAccessHandle, "truncate", fail);
  patch(FileSystemSyncAccessHandle, "write", () => 2 ** 32 - 8);
  patch(FileSystemSyncAccessHandle, "flush", fail);
  return disk;
}"""


def test_a_disk_that_is_full_at_any_write_leaves_a_whole_copy(fresh_python_in_tab):
    """One version of a copy is kept; the next one is refused at each of its writes; a third one is then kept."""
    fresh_python_in_tab.run(FRESH)
    wrong = fresh_python_in_tab.run(f"""
from pyodide.code import run_js

disk = run_js('''{FULL_DISK}''')()

async def keep(step):
    await kept.keep(bytes([step]) * 40, ABOUT | {{"step": step}})

async def attempt(first, last):
    await kept.begin(None)
    await keep(1)
    disk.count, disk.first, disk.last = 0, first, last
    error = ""
    try:
        await keep(2)
    except kept.CheckpointError as refusal:
        error = str(refusal)
    disk.first = float("inf")
    copy, after = kept.own_copy, list(await kept.read_copy(kept.own_copy))
    await keep(3)
    await reopen()
    offered = [about["step"] for about in await kept.find() if about["copy"] == copy]
    at_last = list(await kept.read_copy(copy))
    whole = after == [2] * 40 or (error and after == [1] * 40)
    said = not error or "no room" in error
    left = [name for name in await files() if name.endswith(".new")]
    return [] if whole and said and offered == [3] and at_last == [3] * 40 and not left else [
        first, last, error, after, offered, at_last, left]

await attempt(float("inf"), 0)
writes = disk.count
windows = [(first, last) for first in range(1, writes + 1) for last in (first, first + 30)]
[writes, *filter(None, [await attempt(first, last) for first, last in windows])]
""")
    assert wrong.pop(0) >= 10 and wrong == []


def test_a_single_copy_of_an_earlier_version_is_found(store):
    assert store.run("""
await kept._write(root, "run.safetensors", b"abcd")
await kept._write(root, "run.json", json.dumps(ABOUT | {"time": 1.0}).encode())
await kept._write(root, "run-torn.safetensors", b"abcd")  # its tab closed before it wrote run-torn.json
offered = await kept.find()
copy = offered[0]["copy"]
data = await kept.read_copy(copy)
await kept.begin(None, copy)
await kept.keep(b"efgh", ABOUT | {"step": 2})
own = await files()
await reopen()
later = await kept.find()
await kept.delete_copy(copy)
[len(offered), offered[0]["seconds_ago"] > 1000, data.decode(), own, later[0]["step"], await files()]
""") == [1, True, "abcd", ["run.json", "run.safetensors"], 2, []]


def test_a_copy_in_use_by_another_tab_is_not_touched(store):
    assert store.run("""
await kept.begin(None)
await kept.keep(b"abcd", ABOUT)
theirs, their_release = kept.own_copy, kept.release_lock
kept.own_copy, kept.release_lock = "", None       # from here on, act as another tab
offered = await kept.find()
await kept.delete_copy(theirs)
data = await kept.read_copy(theirs)          # offered just before the other tab took it
await kept.begin(None, theirs)
await kept.keep(b"efgh", ABOUT)
unchanged = (await kept.read_copy(theirs)).decode()
their_release()
[offered, data.decode(), unchanged, kept.own_copy != theirs, len(await kept.find())]
""") == [[], "abcd", "abcd", True, 1]
    with pytest.raises(AssertionError, match="CheckpointError: this copy is gone"):
        store.run("await kept.read_copy('run-nothing')")


def test_a_file_that_is_no_copy_is_neither_read_nor_removed_as_one(store):
    assert store.run("""
await kept.remember("tuning.json", "{}")
await kept._write(root, "tuning.safetensors", b"abcd")
said = []
for name in ("tuning", "", "run.json", "../run", "runner"):
    for act in (kept.read_copy, kept.delete_copy):
        try:
            said.append(await act(name))
        except kept.CheckpointError as error:
            said.append(str(error))
left = sorted([entry.name async for entry in root.values() if entry.name.startswith("tuning")])
await root.removeEntry("tuning.safetensors")
[len([each for each in said if "there is no safety copy" in each]), left]
""") == [10, ["tuning.json", "tuning.safetensors"]]


def test_a_copy_larger_than_one_write_is_complete(store):
    assert store.run("""
await kept.begin(None)
data = bytes(range(256)) * (2 * kept.PIECE // 256) + b"end"
await kept.keep(data, ABOUT)
await kept.read_copy(kept.own_copy) == data
""")


def test_without_room_the_page_says_once_that_no_copy_is_kept(page, site):
    """Training goes on, and the message goes away once a copy is kept."""
    session = page.context.new_cdp_session(page)
    origin = "/".join(site.url.split("/")[:3])
    open_lab(page, site, TINY.replace("train.steps=40", "train.steps=100000"))
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 1})
    page.click("#train")
    wait_for(page, "#copy-mistake", "This run cannot be kept now: this browser has no room", 30_000)
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin})
    expect(page.locator("#copy-mistake")).to_be_hidden(timeout=30_000)
    assert page.is_visible("#pause")


def test_a_copy_is_restored_once_however_often_it_is_asked_for(page, site):
    """Restore pressed twice and Discard at once: the run is opened once, goes on in its copy, and is not removed."""
    open_lab(page, site, TINY)
    page.click("#train")
    wait_for(page, "#where", "Finished")
    page.reload()
    wait_for(page, "#found", "There is a finished run from a moment ago: .*, step 40 of 40", READY)
    page.evaluate("""() => {
      const [restore, discard] = document.querySelectorAll("#found button");
      restore.click();
      restore.click();
      discard.click();
    }""")
    wait_for(page, "#where", "Finished 40 of 40")
    page.click("dialog button[value=go]")  # of a run that is open by now
    page.reload()
    wait_for(page, "#found", "step 40 of 40", READY)
    assert not page.is_visible("#found summary")  # one copy, not two


def test_the_focus_stays_on_the_page_after_a_copy_is_discarded(page, site):
    open_lab(page, site, TINY)
    page.click("#train")
    wait_for(page, "#where", "Finished")
    wait_for(page, "#parameters", "with safety copies")
    page.reload()
    wait_for(page, "#found", "step 40 of 40", READY)
    page.locator("#found button", has_text="Discard it").focus()
    page.keyboard.press("Enter")
    page.locator("dialog button[value=go]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_be_hidden()
    expect(page.locator("#train")).to_be_focused()


def test_two_tabs_keep_a_run_each(page, site):
    """Train in two tabs and close them: both runs are offered, the latest first, and can be restored or discarded."""
    first, second = page, page.context.new_page()
    for tab, steps in ((first, 40), (second, 60)):
        open_lab(tab, site, TINY.replace("train.steps=40", f"train.steps={steps}"))
        tab.click("#train")
        wait_for(tab, "#where", f"Finished {steps}")
    third = page.context.new_page()
    second.close()
    open_lab(third, site, device="")
    # The run of the open tab is not offered.
    wait_for(third, "#found", "There is a finished run from a moment ago: .*, step 60 of 60", READY)
    assert "40 of 40" not in third.inner_text("#found") and not third.is_visible("#found summary")
    first.close()
    third.reload()
    wait_for(
        third,
        "#found",
        r"ago \(\d\d:\d\d:\d\d\): .*step 60 of 60[^]*One more[^]*step 40 of 40, a moment ago \(\d\d:",
        READY,
    )
    third.click("#found summary")
    third.click("#found li >> text=Restore it")
    wait_for(third, "#where", "Finished 40 of 40")
    wait_for(third, "#val-loss", r"\d")
    assert read_chart(third, 0.999).startswith("step 40 · training")

    # The third tab owns that run now: a fourth tab is offered the other run, and discards it.
    fourth = page.context.new_page()
    open_lab(fourth, site, device="")
    wait_for(fourth, "#found", "step 60 of 60", READY)
    assert "40 of 40" not in fourth.inner_text("#found")
    fourth.click("#found >> text=Discard it")
    fourth.keyboard.press("Enter")  # on Cancel
    expect(fourth.locator("#found")).to_contain_text("step 60 of 60")
    fourth.click("#found >> text=Discard it")
    fourth.click("dialog button[value=go]")
    fourth.wait_for_selector("#found", state="hidden")
    third.close()
    fourth.reload()
    wait_for(fourth, "#found", "step 40 of 40", READY)
    assert "60 of 60" not in fourth.text_content("#found")  # it was discarded
