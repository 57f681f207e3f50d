"""Measure the page's place Runs with 200 kept runs, ten of them compared: how long it takes to open, and long tasks."""

import time

from tests.bench.pause import train
from tests.bench.site import open_site

RUNS, COMPARED = 200, 10
# Copies the folder of a run, under other names.
COPY = """async ([from, count]) => {
  const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle("runs");
  const files = [];
  for await (const [name, file] of (await runs.getDirectoryHandle(from)).entries()) {
    if (file.kind === "file") files.push([name, await (await file.getFile()).arrayBuffer()]);
  }
  for (let number = 0; number < count; number += 1) {
    const folder = await runs.getDirectoryHandle(`copy-${number}`, { create: true });
    for (const [name, bytes] of files) {
      const about = name === "about.json" ? JSON.parse(new TextDecoder().decode(bytes)) : null;
      const writable = await (await folder.getFileHandle(name, { create: true })).createWritable();
      await writable.write(about ? JSON.stringify({ ...about, id: `copy${number}`, name: `copy ${number}` }) : bytes);
      await writable.close();
    }
  }
}"""
# Milliseconds from a click on the tab to the frame after the rows.
OPEN = """async () => {
  window.tasks = [];
  new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({ duration }) => Math.round(duration))))
    .observe({ entryTypes: ["longtask"] });
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const began = performance.now();
  document.querySelector("#runs-tab").click();
  while (!document.querySelector("tr[data-copy^=copy-]")) await frame();
  await frame();
  return performance.now() - began;
}"""
ADDRESS = "#preset=bigram&train.steps=10000&train.eval_every=100&train.log_every=1"  # 10,000 points, all logged


def measure(_) -> None:
    """Print the time to open the place, and the long tasks while runs are checked, hovered over and scrolled."""
    with open_site() as (server, browser):
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        train(page, f"{server.url}{ADDRESS}", "numpy")
        page.wait_for_function("document.querySelector('#where').textContent.startsWith('Finished')")
        time.sleep(1)  # the last copy
        page.evaluate(COPY, ["bigram-1", RUNS])
        print(f"{RUNS} runs: open in {page.evaluate(OPEN):.0f} ms; long tasks in ms: {_tasks(page)}")
        for number in range(COMPARED):
            page.locator("tr[data-copy] [data-action=compare]").nth(number).click()
            time.sleep(0.3)
        print(f"{COMPARED} of them compared, each of 10,000 steps: {_tasks(page)}")
        page.locator(".comparison .u-over").scroll_into_view_if_needed()
        box = page.locator(".comparison .u-over").bounding_box()
        for share in range(100):
            page.mouse.move(box["x"] + box["width"] * share / 100, box["y"] + box["height"] / 2)
        print(f"the pointer over the chart: {_tasks(page)}")
        for _step in range(60):
            page.mouse.wheel(0, 300)
            time.sleep(0.02)
        print(f"scrolled to the end: {_tasks(page)}")


def _tasks(page) -> list[int]:
    time.sleep(0.5)
    return page.evaluate("window.tasks.splice(0)")
