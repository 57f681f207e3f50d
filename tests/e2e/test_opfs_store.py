"""Safety copies in the tab: one a run, a few of them, none taken from under a tab that is open."""

import pytest

from tests.e2e.test_lab import READY, TINY, open_lab, read_chart, wait_for

FRESH = """
import json, js, opfs_store as kept

ABOUT = {"name": "baby on tales", "step": 1, "steps": 2, "size": 4}
root = await js.navigator.storage.getDirectory()

async def files():
    return sorted([entry.name async for entry in root.values() if entry.name.startswith("run")])

async def again():
    '''As a tab that was just opened.'''
    await kept.begin(None)
    kept.own = ""

await again()
for name in await files():
    await root.removeEntry(name)
"""


@pytest.fixture
def store(python_in_tab):
    """The module that keeps copies, and nothing kept."""
    python_in_tab.run(FRESH)
    return python_in_tab


def test_each_run_has_its_own_and_the_newest_stay(store):
    found = store.run("""
for step in range(8):
    await kept.begin(None)
    assert await kept.keep(bytes([step] * 4), ABOUT | {"step": step})
    assert await kept.keep(bytes([step] * 5), ABOUT | {"step": step})
offered = await kept.find()
[[about["step"] for about in offered], [list(await kept.take(about["copy"])) for about in offered[:2]], len(await files())]
""")
    # What the tab itself goes on with is not offered.
    assert found == [[6, 5, 4, 3, 2], [[6] * 5, [5] * 5], 12]


def test_what_is_too_much_goes_the_oldest_first(store):
    assert store.run("""
most, kept.MOST_BYTES = kept.MOST_BYTES, 100
for step, size in enumerate((40, 40, 40, 101, 1)):
    await kept.begin(None)
    await kept.keep(bytes(size), ABOUT | {"step": step})
kept.MOST_BYTES = most
[about["step"] for about in await kept.find()]
""") == [3]  # too large by itself, and yet the newest


def test_a_full_disk_makes_room_of_the_oldest(store):
    """With the browser's own limit lowered, as on a disk that is nearly full."""
    line = store.context.new_cdp_session(store.page)

    def limit(**size):
        line.send("Storage.overrideQuotaForOrigin", {"origin": "/".join(store.site_root.split("/")[:3]), **size})

    used = store.run("(await js.navigator.storage.estimate()).usage")
    limit(quotaSize=used + 9_000_000)
    try:
        assert store.run("""
done = []
for step in range(6):
    await kept.begin(None)
    done.append(await kept.keep(bytes([step]) * 2_000_000, ABOUT | {"step": step}))
done.append(await kept.keep(bytes(20_000_000), ABOUT))  # more than all of them would make room for
whole = await kept.take(kept.own)
await again()
[done, [about["step"] for about in await kept.find()], len(whole), set(whole) == {5}]
""") == [[True] * 6 + [False], [5, 4, 3, 2], 2_000_000, True]
    finally:
        limit()


def test_the_copy_of_before_there_were_several_is_found(store):
    assert store.run("""
await kept._write(root, "run.safetensors", b"abcd")
await kept._write(root, "run.json", json.dumps(ABOUT | {"time": 1.0}).encode())
await kept._write(root, "run-torn.safetensors", b"abcd")  # whose tab closed before it said what it is
offered = await kept.find()
copy = offered[0]["copy"]
data = await kept.take(copy)
await kept.begin(None, copy)
await kept.keep(b"efgh", ABOUT | {"step": 2})
own = await files()
await again()
later = await kept.find()
await kept.forget(copy)
[len(offered), offered[0]["seconds_ago"] > 1000, data.decode(), own, later[0]["step"], await files()]
""") == [1, True, "abcd", ["run.json", "run.safetensors"], 2, []]


def test_a_copy_that_another_tab_goes_on_with_is_left_alone(store):
    assert store.run("""
await kept.begin(None)
await kept.keep(b"abcd", ABOUT)
theirs, their_release = kept.own, kept.release
kept.own, kept.release = "", None       # from here on this is another tab
offered = await kept.find()
await kept.forget(theirs)
data = await kept.take(theirs)          # it had been offered just before that tab took it up
await kept.begin(None, theirs)
await kept.keep(b"efgh", ABOUT)
left = (await kept.take(theirs)).decode()
their_release()
[offered, data.decode(), left, kept.own != theirs, len(await kept.find())]
""") == [[], "abcd", "abcd", True, 1]
    with pytest.raises(AssertionError, match="CheckpointError: this copy is gone"):
        store.run("await kept.take('run-nothing')")


def test_two_tabs_keep_a_run_each(page, site):
    """Train in two tabs, close them: both runs are offered, the latest first; each can be brought back, and removed."""
    first, second = page, page.context.new_page()
    for tab, steps in ((first, 40), (second, 60)):
        open_lab(tab, site, TINY.replace("train.steps=40", f"train.steps={steps}"))
        tab.click("#train")
        wait_for(tab, "#where", f"Finished {steps}")
    third = page.context.new_page()
    second.close()
    open_lab(third, site, device="")
    # That of the tab that is still open is not offered.
    wait_for(third, "#found", "There is an unfinished run from a moment ago: .*, step 60 of 60", READY)
    assert "40 of 40" not in third.inner_text("#found") and not third.is_visible("#found summary")
    first.close()
    third.reload()
    wait_for(third, "#found", "step 60 of 60[^]*One more[^]*step 40 of 40", READY)
    third.click("#found summary")
    third.click("#found li >> text=Restore it")
    wait_for(third, "#where", "Finished 40 of 40")
    wait_for(third, "#val-loss", r"\d")
    assert read_chart(third, 0.999).startswith("step 40 · training")

    # It is that tab's own now: another one is offered the other run, and forgets it.
    fourth = page.context.new_page()
    open_lab(fourth, site, device="")
    wait_for(fourth, "#found", "step 60 of 60", READY)
    assert "40 of 40" not in fourth.inner_text("#found")
    fourth.click("#found >> text=Discard it")
    fourth.wait_for_selector("#found", state="hidden")
    third.close()
    fourth.reload()
    wait_for(fourth, "#found", "step 40 of 40", READY)
    assert "60 of 60" not in fourth.text_content("#found")  # it was removed
