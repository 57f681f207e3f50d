"""Plans and provenance in the tab: plans equal the native ones, without loading NumPy."""

import json
import re

from pygpt.analysis.plan import plan_run
from pygpt.config.experiment import Experiment
from tests.e2e.conftest import start_python

SHAPES = {"small": 65, "nano": 65, "gpt2": 50257}
PLANNED = """
import json, sys, time
from pygpt.config.experiment import Experiment
from pygpt.analysis.plan import plan_run

def planned(values, vocab_size):
    experiment, times = Experiment.from_dict(values), []
    model = experiment.model
    for width in range(5):  # new sizes each time, as when a user changes a setting
        other = experiment.with_fields(**{"model.n_embd": model.n_embd + model.n_head * 4 * width})
        start = time.perf_counter()
        plan_run(other, vocab_size, 1000)
        times.append(1000 * (time.perf_counter() - start))
    start = time.perf_counter()
    plan_run(other.with_fields(**{"optim.learning_rate": 0.002, "train.steps": 77}), vocab_size, 1000)
    times.append(1000 * (time.perf_counter() - start))
    plan = plan_run(experiment, vocab_size, 1000)
    return {"peak": plan.peak_bytes, "flops": plan.step_flops, "launches": plan.step_launches, "ms": times,
            "numpy": "numpy" in sys.modules}
"""


def test_a_plan_in_the_tab_equals_the_native_plan(python_in_tab):
    python_in_tab.run(PLANNED)
    for preset, vocab_size in SHAPES.items():
        experiment = Experiment.preset(preset)
        in_tab = python_in_tab.run(f"planned(json.loads({json.dumps(experiment.to_dict())!r}), {vocab_size})")
        plan = plan_run(experiment, vocab_size, 1000)
        assert (in_tab["peak"], in_tab["flops"], in_tab["launches"]) == (
            plan.peak_bytes,
            plan.step_flops,
            plan.step_launches,
        )
        times = ", ".join(f"{ms:.0f}" for ms in in_tab["ms"])
        print(f"a plan of {preset} in the tab, ms: {times} (the last one: no size changed)")


def test_provenance_describes_the_tab(python_in_tab):
    result = python_in_tab.run("""
import sys
from types import SimpleNamespace
from pygpt.data import text_from_bytes
from pygpt.config.experiment import Experiment
from pygpt.runs.provenance import provenance
provenance(Experiment(), text_from_bytes("poem", b"Twinkle, twinkle"), SimpleNamespace(name="a GPU", kind="webgpu"))
""")
    assert (
        result["device"] == "a GPU"
        and "git" not in result
        and "Emscripten" in result["platform"]
        and result["data"]["name"] == "poem"
    )


def test_a_run_that_a_phone_cannot_hold_is_refused(browser, site):
    """iOS ends a page at about 1 GB without a word; here Chromium says that it is an iPhone."""

    class Phone:
        def new_context(self):
            return browser.new_context(user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5")

    tab = start_python(Phone(), site)
    try:
        message = tab.run("""
from pygpt.analysis.memory import check_memory
from pygpt.config.experiment import Experiment
from pygpt.devices import open_device_in_tab
from pygpt.errors import ExperimentError
device = await open_device_in_tab("webgpu")
check_memory(Experiment.preset("small"), 65, device)
try:
    message = check_memory(Experiment.preset("nano"), 65, device)
except ExperimentError as error:
    message = str(error)
message""")
    finally:
        tab.close()
    assert re.search(r"this run needs about [\d.]+ GB .* has 1.1 GB; use a smaller model", str(message)), message
