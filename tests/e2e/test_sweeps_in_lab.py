"""Sweeps in the lab: several runs in a queue that survives a reload, their seeds as a band, and the range test."""

import json
import re
import subprocess
import sys
import tomllib

from playwright.sync_api import expect

from tests.e2e.controls import press
from tests.e2e.test_lab import READY, TINY, fill, open_lab, wait_for
from tests.e2e.test_runs_place import row, train

FILES = """async () => {
  const found = {};
  const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle("runs");
  for await (const [name, folder] of runs.entries()) {
    found[name] = [];
    for await (const [file, handle] of folder.entries()) {
      found[name].push(file);
      if (file === "experiment.toml") found[name + " settings"] = await (await handle.getFile()).text();
    }
  }
  return found;
}"""


def test_a_sweep_of_learning_rates_and_seeds_is_queued_and_drawn_as_bands(page, site, tmp_path):
    open_lab(page, site, TINY.replace("train.steps=40", "train.steps=60"), device="numpy")
    train(page, 60)
    page.get_by_role("button", name="Try several").click()
    dialog = page.get_by_role("dialog", name="Try several")
    expect(dialog.get_by_text(re.compile(r"^3 runs"))).to_be_visible()  # around the learning rate of the draft
    dialog.get_by_label("Values").fill("0.01,fast")
    expect(dialog.get_by_role("alert")).to_contain_text("Expected a number, got 'fast'")
    expect(dialog.get_by_role("button", name="Start")).to_be_disabled()
    dialog.get_by_label("Values").fill("0.002,0.01")
    dialog.get_by_label("Seeds").fill("1..3")
    expect(dialog.get_by_text(re.compile(r"^6 runs, about \d+"))).to_be_visible()
    expect(dialog).to_contain_text("lr=0.002 seed=1")
    dialog.get_by_role("button", name="Start").click()
    expect(dialog).to_be_hidden()

    page.get_by_role("tab", name="Runs").click()
    for rate in ("0.002", "0.01"):
        for seed in (1, 2, 3):
            expect(row(page, f"lr={rate} seed={seed}")).to_contain_text("60", timeout=READY)
    expect(page.get_by_role("region", name="Queue")).to_be_hidden()
    for rate in ("0.002", "0.01"):
        for seed in (1, 2, 3):
            page.get_by_role("checkbox", name=f"Compare lr={rate} seed={seed}").check()
    comparison = page.get_by_role("region", name="Comparison")
    comparison.get_by_label("Group seeds").check()
    expect(comparison.get_by_role("columnheader", name="lr=0.002 · 3 seeds")).to_be_visible()
    expect(comparison.get_by_role("columnheader", name="lr=0.01 · 3 seeds")).to_be_visible()
    expect(comparison).to_contain_text("from the lowest to the highest validation loss")
    expect(comparison.locator(".settings-table tbody tr")).to_have_text(["Learning rate0.0020.01"])

    # The same sweep natively: the same folders, with the same files and settings.
    in_tab = page.evaluate(FILES)
    settings = tomllib.loads(in_tab["lr=0.01,seed=2 settings"])
    (tmp_path / "base.toml").write_text(in_tab["lr=0.01,seed=2 settings"])
    command = [sys.executable, "-m", "pygpt", "sweep", "base.toml", "--device=numpy", "--checkpoints", "--out=runs"]
    values = ["--optim.learning-rate=0.002,0.01", "--train.seed=1..3"]
    done = subprocess.run([*command, *values], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for folder in (tmp_path / "runs").iterdir():
        if folder.is_dir():
            assert {path.name for path in folder.iterdir()} - {".lock"} == set(in_tab[folder.name])
            assert (folder / "experiment.toml").read_text() == in_tab[f"{folder.name} settings"]
    assert settings["train"]["seed"] == 2 and len([name for name in in_tab if name.endswith("settings")]) == 7


def test_the_queue_is_reordered_paused_and_continued_after_a_reload(page, site):
    open_lab(page, site, TINY, device="numpy")
    train(page)
    fill(page, **{"train-steps": 200000})
    press(page, "#close-settings")
    page.get_by_role("button", name="Try several").click()
    dialog = page.get_by_role("dialog", name="Try several")
    dialog.get_by_role("button", name="Remove this setting").click()
    dialog.get_by_label("Seeds").fill("1..4")
    expect(dialog.get_by_text(re.compile(r"^4 runs"))).to_be_visible()
    dialog.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="4 in the queue")).to_be_visible()
    page.get_by_role("tab", name="Runs").click()
    queue = page.get_by_role("region", name="Queue")
    expect(queue.get_by_role("listitem")).to_have_count(4)
    expect(queue.get_by_role("listitem").first).to_contain_text("training")
    expect(page.locator(".run-line")).to_contain_text("3 in the queue")
    page.get_by_role("button", name="Move seed=4 up").click()
    expect(queue.locator(".queued-name")).to_have_text(["seed=1", "seed=2", "seed=4", "seed=3"])
    expect(page.get_by_role("button", name="Move seed=4 up")).to_be_focused()
    page.get_by_role("button", name="Drop seed=2").click()
    expect(queue.locator(".queued-name")).to_have_text(["seed=1", "seed=4", "seed=3"])
    expect(row(page, "seed=1")).to_contain_text("of 200,000")
    page.get_by_role("button", name="Pause the queue").click()
    expect(queue.get_by_role("button", name="Continue the queue")).to_be_visible()

    page.reload()
    line = page.locator(".run-line")
    expect(line).to_contain_text("3 in the queue", timeout=READY)
    expect(queue.locator(".queued-name")).to_have_text(["seed=1", "seed=4", "seed=3"])
    line.get_by_role("button", name="Continue the queue").click()
    expect(line).to_contain_text(re.compile(r"step [\d,]+ of 200,000.*2 in the queue"))
    expect(row(page, "seed=1")).to_have_count(1)
    page.get_by_role("button", name="Drop all").click()
    expect(queue.locator(".queued-name")).to_have_text(["seed=1"])
    page.get_by_role("button", name="Drop seed=1").click()  # it stops, and is kept
    expect(queue).to_be_hidden()
    expect(row(page, "seed=1")).to_have_count(1)


RANGE = """
from numpy_wheel import ensure_numpy
from pygpt.config.experiment import Experiment
from pygpt.data import load_text
from pygpt.devices import open_device_in_tab
from pygpt.training.lr_range import find_range, range_experiment
from pygpt.training.run import Run
import dataclasses

async def load_numpy():
    await ensure_numpy(SITE)

device = await open_device_in_tab("numpy", load_numpy)
run = Run(range_experiment(Experiment.preset("bigram")), load_text("tales"), device)
dataclasses.asdict([result async for result in find_range(run)][-1])
"""


def test_a_range_test_has_the_same_bits_in_the_tab_as_natively(fresh_python_in_tab):
    tab = fresh_python_in_tab
    in_tab = tab.run(f"SITE = {tab.site_root!r}{RANGE}")
    command = [sys.executable, "-m", "pygpt", "lr-range", "bigram", "--device=numpy", "--json"]
    assert in_tab == json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert len(in_tab["losses"]) == 100 and in_tab["suggested"] is not None


def test_the_range_test_suggests_a_rate_and_the_draft_takes_it(page, site):
    open_lab(page, site, TINY, device="numpy")
    train(page)
    page.get_by_role("button", name="Try several").click()
    dialog = page.get_by_role("dialog", name="Try several")
    dialog.get_by_role("button", name="Find a learning rate").click()
    use = dialog.get_by_role("button", name=re.compile(r"^Use [\d.e-]+"))
    expect(use).to_be_visible()
    rate = use.inner_text().removeprefix("Use ")
    expect(dialog.get_by_role("status").last).to_contain_text(f"Suggested: {rate}. The loss falls fastest at")
    expect(dialog.get_by_role("img", name="Loss by learning rate").locator("canvas")).to_be_visible()
    dialog.get_by_text("As a table").click()
    expect(dialog.get_by_role("rowheader").first).to_be_visible()
    use.click()
    expect(dialog).to_be_hidden()
    press(page, "#train")
    wait_for(page, "#where", "Finished 40")
    page.get_by_role("tab", name="Runs").click()
    expect(row(page, "baby 2")).to_contain_text(f"Learning rate 0.004 → {rate}")
