"""The runs in the tab: a folder each in the browser's private file system, and none written by two tabs."""

import functools
import re
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import FLAGS, start_python
from tests.e2e.controls import press
from tests.e2e.test_lab import READY, TINY, open_lab, read_chart, wait_for

FRESH = """
import asyncio, json, js, opfs_files as files
from pygpt.config.experiment import Experiment
from pygpt.errors import CheckpointError
from pygpt.runs import run_store
from pygpt.runs.run_store import RunStore
from pygpt.tokenizers import ByteTokenizer

class Metrics:
    held, taken = None, 0

class Run:
    id, step, experiment, tokenizer, metrics = "1", 0, Experiment.preset("baby"), ByteTokenizer(), Metrics

ABOUT = {"text": "tales", "step": 1, "steps": 2}
root = await js.navigator.storage.getDirectory()

async def listing(folder=root):
    return sorted([entry.name async for entry in folder.values()])

async def reopen():
    '''A new store, as in a newly opened tab.'''
    for folder in [*files._held]:
        await files.release(folder)
    return RunStore(files)

store = await reopen()
for name in await listing():
    await root.removeEntry(name, js.JSON.parse('{"recursive": true}'))
"""


@pytest.fixture
def store(python_in_tab):
    """A tab with a store of runs, of which there are none yet."""
    python_in_tab.run(FRESH)
    return python_in_tab


def limit(store, **size):
    """Limit the storage of the site, as a nearly full disk does; without a size, lift the limit."""
    session = store.context.new_cdp_session(store.page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": "/".join(store.site_root.split("/")[:3]), **size})


def test_every_run_is_kept(store):
    """Six short runs after a long one remove nothing."""
    assert store.run("""
for step in range(8):
    await store.begin(Run)
    await store.keep(bytes([step] * 4), ABOUT | {"step": step})
    await store.keep(bytes([step] * 5), ABOUT | {"step": step})
runs = await store.find()
contents = [list(await store.read_copy(run["copy"])) for run in runs[:2]]
states = [run["open"] for run in runs][:2]
[[run["step"] for run in runs], contents, states, await files.names() == {run["copy"] for run in runs}]
""") == [[7, 6, 5, 4, 3, 2, 1, 0], [[7] * 5, [6] * 5], ["here", ""], True]


def test_a_run_has_files_in_a_folder_of_its_own(store):
    """The checkpoints along a run: written, read in part, counted, and removed one by one or with the run."""
    assert store.run("""
await files.claim("baby-1")
none = await files.sizes("baby-1", "checkpoints")
for step in (0, 7):
    await files.write("baby-1", f"checkpoints/{step}.safetensors", bytes(step + 3))
both = await files.sizes("baby-1", "checkpoints")
part = len(await files.read("baby-1", "checkpoints/7.safetensors", 2, 9))
for _ in range(2):
    await files.remove_file("baby-1", "checkpoints/7.safetensors")
try:
    await files.read("baby-1", "checkpoints/7.safetensors")
except FileNotFoundError:
    gone = True
left = await files.sizes("baby-1", "checkpoints")
await files.remove("baby-1")
[none, both, part, gone, left, await files.sizes("baby-1", "checkpoints"), sorted(await files.names())]
""") == [{}, {"0.safetensors": 3, "7.safetensors": 10}, 7, True, {"0.safetensors": 3}, {}, []]


def test_a_full_disk_removes_no_run(store):
    """The browser's storage quota is lowered: the run that does not fit is refused, and all others stay."""
    used = store.run("(await js.navigator.storage.estimate()).usage")
    limit(store, quotaSize=used + 9_000_000)
    try:
        assert store.run("""
refused = []
for step in range(6):
    await store.begin(Run)
    try:
        await store.keep(bytes([step]) * 2_000_000, ABOUT | {"step": step})
    except CheckpointError as error:
        refused.append([step, str(error)])
runs = await store.find()
[refused, [[run["step"], len(await store.read_copy(run["copy"]))] for run in runs]]
""") == [
            [
                [step, "this browser has no room for 2.0 MB of files of this site; delete runs that you no longer need"]
                for step in (4, 5)
            ],
            [[step, 2_000_000] for step in (3, 2, 1, 0)],
        ]
    finally:
        limit(store)


# Counts the writes to the file system, and refuses some of them as a full disk does. What write() returns then was seen
# in Chromium 156, where the quota was used up; the rest is from the File System standard.
FULL_DISK = """() => {
  const disk = { count: 0, first: Infinity, last: 0 };
  const refused = () => { disk.count += 1; return disk.first <= disk.count && disk.count <= disk.last; };
  const error = () => new DOMException("the quota is used up", "QuotaExceededError");
  const patch = (type, name, refuse, counts = () => true) => {
    const real = type.prototype[name];
    type.prototype[name] = function (...args) {
      return counts(...args, this) && refused() ? refuse() : real.apply(this, args);
    };
  };
  const reject = () => Promise.reject(error());
  const fail = () => { throw error(); };
  patch(FileSystemDirectoryHandle, "getFileHandle", reject, (_, options) => options?.create);
  patch(FileSystemFileHandle, "createSyncAccessHandle", reject);
  patch(FileSystemFileHandle, "move", reject);
  patch(FileSystemFileHandle, "createWritable", reject);
  for (const name of ["write", "close"]) patch(FileSystemWritableFileStream, name, reject);
  const grows = (size, handle) => size > handle.getSize();
  patch(FileSystemSyncAccessHandle, "truncate", fail, grows);
  patch(FileSystemSyncAccessHandle, "write", () => 2 ** 32 - 8);
  patch(FileSystemSyncAccessHandle, "flush", fail);
  return disk;
}"""


def test_a_disk_that_is_full_at_any_write_leaves_a_whole_run(fresh_python_in_tab):
    """One version of a run is kept; the next one is refused at each of its writes; a third one is then kept."""
    fresh_python_in_tab.run(FRESH)
    wrong = fresh_python_in_tab.run(f"""
from pyodide.code import run_js

disk = run_js('''{FULL_DISK}''')()

async def attempt(first, last):
    store = await reopen()
    disk.first = float("inf")
    async def keep(step):
        store.note_sample(step, "text")
        await store.keep(bytes([step]) * 40, ABOUT | {{"step": step}})
    await store.begin(Run)
    await keep(1)
    disk.count, disk.first, disk.last = 0, first, last
    error = ""
    try:
        await keep(2)
    except CheckpointError as refusal:
        error = str(refusal)
    disk.first = float("inf")
    copy = store.current
    after = list(await store.read_copy(copy))
    await keep(3)
    steps = [sample["step"] for sample in await store.samples(copy)]
    store = await reopen()
    listed = [run["step"] for run in await store.find() if run["copy"] == copy]
    at_last = list(await store.read_copy(copy))
    whole = after == [2] * 40 or (error and after == [1] * 40)
    said = not error or "no room" in error
    left = [name for name in await listing(await files._folder(copy)) if name.endswith((".new", ".crswap"))]
    return [] if whole and said and listed == [3] and at_last == [3] * 40 and steps == [1, 2, 3] and not left else [
        first, last, error, after, listed, at_last, steps, left]

await attempt(float("inf"), 0)
writes = disk.count
windows = [(first, last) for first in range(1, writes + 1) for last in (first, first + 30)]
found = [writes, *filter(None, [await attempt(first, last) for first, last in windows])]
del js.FileSystemFileHandle.prototype.createWritable  # as in Safari before 26
await attempt(float("inf"), 0)
found + [*filter(None, [await attempt(first, first) for first in range(1, disk.count + 1)])]
""")
    assert wrong.pop(0) >= 10 and wrong == []


def test_the_browser_counts_what_is_kept_also_after_its_restart(browser, chromium, site, tmp_path):
    """Chromium forgot what was written by createSyncAccessHandle, and subtracted it when it was replaced: 4.29 GB."""
    start = functools.partial(
        browser.browser_type.launch_persistent_context, tmp_path, executable_path=chromium, args=FLAGS
    )
    context = start()
    tab = start_python(SimpleNamespace(new_context=lambda: context), site)
    tab.run(FRESH)
    tab.run("""
await store.begin(Run)
for size in (300_000, 400_000, 500_000):
    store.note_sample(1, "x" * 50_000)
    await store.keep(bytes(size), ABOUT)
await store.resume(Run)
""")
    tab.close()
    context = start()
    context.pages[0].goto(f"{site.url}harness/")
    used = context.pages[0].evaluate("navigator.storage.estimate().then(({ usage }) => usage)")
    context.close()
    assert 500_000 < used < 1_000_000


def test_a_run_can_be_deleted_when_the_browser_is_full(store):
    """That makes room at once, for the run that trains."""
    used = store.run("(await js.navigator.storage.estimate()).usage")
    limit(store, quotaSize=used + 5_000_000)
    try:
        assert store.run("""
for size in (2_000_000, 2_000_000):
    await store.begin(Run)
    await store.keep(bytes(size), ABOUT)
first = (await store.find())[-1]["copy"]
await store.begin(Run)
said = ""
try:
    await store.keep(bytes(2_000_000), ABOUT)
except CheckpointError as error:
    said = str(error)
await store.delete(first)
await store.keep(bytes(2_000_000), ABOUT)
left = [run["copy"] for run in await store.find() if "deleted" not in run]
["no room" in said, first not in left, len(left)]
""") == [True, True, 2]
    finally:
        limit(store)


def test_the_copies_of_earlier_versions_become_runs(store):
    """Except for one whose tab is open, and one whose tab closed before it was complete."""
    assert store.run("""
for name, step in (("run", 1), ("run-1234-abcd", 2), ("run-open", 3), ("run-5", 4)):
    await files._write(root, name + ".safetensors", b"data%d" % step)
    about = {"name": "a/b on x/y.txt" if step == 4 else "baby on tales", "step": step, "steps": 9, "time": step}
    await files._write(root, name + ".json", json.dumps(about).encode())
await files._write(root, "run-torn.safetensors", b"abcd")
granted, their_release = await files._lock("run-open")
await store.tidy()
runs = await store.find()
contents = [(await store.read_copy(run["copy"])).decode() for run in runs]
found = [[run["name"], run["text"], run["step"], run["open"], data] for run, data in zip(runs, contents)]
left = await listing()
their_release()
await store.tidy()
[sorted(found), left, len(await store.find())]
""") == [
        [
            ["a b 1", "x/y.txt", 4, "", "data4"],
            ["baby 1", "tales", 1, "", "data1"],
            ["baby 2", "tales", 2, "", "data2"],
        ],
        ["run-open.json", "run-open.safetensors", "run-torn.safetensors", "runs"],
        4,
    ]


def test_a_run_in_use_by_another_tab_is_not_touched(store):
    assert store.run("""
await store.begin(Run)
await store.keep(b"abcd", ABOUT)
theirs, held = store.current, dict(files._held)
files._held.clear()  # from here on, act as another tab
other = RunStore(files)
states = [run["open"] for run in await other.find()]
refused = ""
try:
    await other.delete(theirs)
except CheckpointError as error:
    refused = str(error)
await other.begin(Run, theirs)
await other.keep(b"efgh", ABOUT)
unchanged = (await other.read_copy(theirs)).decode()
await other.tidy()
held[theirs]()
while await files.claimed():  # the browser takes a moment
    await asyncio.sleep(0.01)
[states, refused, unchanged, other.current != theirs, sorted(run["open"] for run in await other.find())]
""") == [["elsewhere"], "baby 1 is open in another tab; close that tab first", "abcd", True, ["", "here"]]
    with pytest.raises(AssertionError, match="CheckpointError: there is no run 'baby-99'"):
        store.run("await store.read_copy('baby-99')")


def test_what_is_no_run_is_neither_read_nor_removed_as_one(store):
    assert store.run("""
await store.remember("tuning.json", "{}")
await store.begin(Run)
await store.keep(b"abcd", ABOUT)
store = await reopen()
said = []
for name in ("tuning", "", "tuning.json", "../tuning.json", "runs", ".."):
    for act in (store.read_copy, store.delete):
        try:
            said.append(await act(name))
        except CheckpointError as error:
            said.append(str(error))
[len([each for each in said if "there is no run" in each]), await store.recall("tuning.json"), len(await store.find())]
""") == [12, "{}", 1]


def test_a_deleted_run_is_removed_after_a_while(store):
    assert store.run("""
await store.begin(Run)
await store.keep(b"abcd", ABOUT)
copy = store.current
await files.claim("baby-7")  # and what a tab began that closed at once
store = await reopen()
await store.delete(copy)
before = [len([run for run in await store.find() if "deleted" not in run]), sorted(await files.names())]
await store.tidy()
after = sorted(await files.names())
run_store.UNDO_SECONDS = 0
await store.tidy()
run_store.UNDO_SECONDS = 600
[before, after, sorted(await files.names())]
""") == [[0, ["baby-1", "baby-7"]], ["baby-1"], []]


def test_a_copy_larger_than_one_write_is_complete(store):
    assert store.run("""
await store.begin(Run)
data = bytes(range(256)) * (2 * files.PIECE // 256) + b"end"
await store.keep(data, ABOUT)
await store.read_copy(store.current) == data
""")


def test_without_room_the_page_says_once_that_no_copy_is_kept(page, site):
    """Training goes on, and the message goes away once a copy is kept."""
    session = page.context.new_cdp_session(page)
    origin = "/".join(site.url.split("/")[:3])
    open_lab(page, site, TINY.replace("train.steps=40", "train.steps=100000"))
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 1})
    press(page, "#train")
    wait_for(page, "#copy-mistake", "This run cannot be kept now: this browser has no room", 30_000)
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin})
    expect(page.locator("#copy-mistake")).to_be_hidden(timeout=30_000)
    assert page.is_visible("#pause")


def test_a_run_is_opened_once_however_often_it_is_asked_for(page, site):
    open_lab(page, site, TINY)
    press(page, "#train")
    wait_for(page, "#where", "Finished")
    page.reload()
    wait_for(page, "#found", "There is a finished run from a moment ago: .*baby 1.* on .*tales.*, step 40 of 40", READY)
    page.evaluate("""() => {
      const [open] = document.querySelectorAll("#found button");
      open.click();
      open.click();
    }""")
    wait_for(page, "#where", "Finished 40 of 40")
    wait_for(page, "#samples li:last-child h3", "Step 0")
    page.click("#runs-tab")
    expect(page.locator("tr[data-copy]")).to_have_count(1)
    expect(page.locator("[data-copy=baby-1] [data-action=delete]")).to_be_disabled()


def test_two_tabs_keep_a_run_each(page, site):
    """Train in two tabs and close them: both runs are there, and each tab writes its own."""
    first, second = page, page.context.new_page()
    for tab, steps in ((first, 40), (second, 60)):
        open_lab(tab, site, TINY.replace("train.steps=40", f"train.steps={steps}"))
        tab.click("#train")
        wait_for(tab, "#where", f"Finished {steps}")
    third = page.context.new_page()
    second.close()
    open_lab(third, site, device="")
    # The run of the open tab is not offered, and cannot be deleted.
    wait_for(third, "#found", "There is a finished run from a moment ago: .*step 60 of 60", READY)
    third.click("#found >> text=Your runs")
    theirs = third.locator("tr", has_text="baby 1")
    expect(theirs).to_contain_text("In another tab")
    expect(theirs.get_by_role("button", name="Delete baby 1")).to_be_disabled()
    first.close()
    third.reload()
    theirs.get_by_role("button", name="Open baby 1").click(timeout=READY)
    wait_for(third, "#where", "Finished 40 of 40")
    wait_for(third, "#val-loss", r"\d")
    assert read_chart(third, 0.999).startswith("step 40 · training")

    # The third tab writes that run now: a fourth tab is offered the other run, and deletes it.
    fourth = page.context.new_page()
    open_lab(fourth, site, device="")
    wait_for(fourth, "#found", "step 60 of 60", READY)
    fourth.goto(re.sub("#.*", "", fourth.url) + "?place=runs")
    fourth.get_by_role("button", name="Delete baby 2").click(timeout=READY)
    expect(fourth.locator("tr[data-copy]")).to_have_count(1)
    third.close()
    fourth.reload()
    expect(fourth.locator("tr[data-copy]")).to_have_count(1)
    expect(fourth.locator("tr[data-copy]")).to_contain_text("baby 1")
