"""Measure the objects, buffers and heap of the tab over 2,000 steps of `baby` on WebGPU."""

import json

from pygpt.analysis.bench import bench_experiment
from tests.bench.site import open_site, open_tab

SETUP = """
import gc, json, sys
from pygpt.data import load_text
from pygpt.devices import open_device_in_tab
from pygpt.config.experiment import Experiment
from pygpt.training.run import Run

device = await open_device_in_tab("webgpu")
run = Run(Experiment.from_dict(json.loads(VALUES)), load_text("tales"), device)
events = run.train()

async def go_to(step):
    while run.step < step:
        next(events)
        if run.step % 10 == 0:
            run.take_metrics(await device.fetch(run.metrics_tensor))
    gc.collect()
    return {"step": run.step, "Python objects": len(gc.get_objects()), "GPU buffers": device.gpu.buffers.size,
            "GPU bytes": device.allocated_bytes, "launches kept": device.gpu.launches.size}
"""


class WorkerHeap:
    """Measures the JavaScript heap of a page's worker with the Chrome DevTools Protocol."""

    def __init__(self, tab):
        self.page, self.answers, self.worker, self.number = tab.page, {}, None, 0
        self.session = tab.context.new_cdp_session(tab.page)
        self.session.on("Target.attachedToTarget", self._attached)
        self.session.on("Target.receivedMessageFromTarget", self._received)
        self.session.send(
            "Target.setAutoAttach", {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": False}
        )

    def _attached(self, event):
        if event["targetInfo"]["type"] == "worker":
            self.worker = event["sessionId"]

    def _received(self, event):
        answer = json.loads(event["message"])
        self.answers[answer.get("id")] = answer.get("result")

    def _call(self, method):
        self.number += 1
        message = json.dumps({"id": self.number, "method": method})
        self.session.send("Target.sendMessageToTarget", {"message": message, "sessionId": self.worker})
        while self.number not in self.answers:
            self.page.wait_for_timeout(20)
        return self.answers[self.number]

    def used(self) -> int:
        """Return the bytes in use after a garbage collection."""
        self._call("HeapProfiler.collectGarbage")
        return int(self._call("Runtime.getHeapUsage")["usedSize"])


def measure(steps=(100, 2000)):
    """Print the figures at each of `steps`, and return them."""
    measurements = []
    with open_site() as (server, browser), open_tab(server, browser) as tab:
        heap = WorkerHeap(tab)
        values = json.dumps(bench_experiment("baby", steps=100_000).to_dict())
        tab.run(f"VALUES = {values!r}\n{SETUP}")
        for target in steps:
            reached = 0
            while reached < target:
                figures = tab.run(f"await go_to(min(run.step + 50, {target}))", 300)
                reached = figures["step"]
            figures["JS heap"] = heap.used()
            measurements.append(figures)
            print("  ".join(f"{name} {value:,}" for name, value in figures.items()), flush=True)
    return measurements
