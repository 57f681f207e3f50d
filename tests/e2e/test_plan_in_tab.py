"""Plans in the tab: the figures are the native ones, a run's file says where it was made, and NumPy is not fetched for it."""

import json

from pygpt.analysis.plan import plan_run
from pygpt.config.experiment import Experiment

SHAPES = {"small": 65, "nano": 65, "gpt2": 50257}
PLANNED = """
import json, sys, time
from pygpt.config.experiment import Experiment
from pygpt.analysis.plan import plan_run

def planned(values, vocab_size):
    experiment, took = Experiment.from_dict(values), []
    for width in range(5):  # other sizes each time, as somebody who moves a control makes them
        other = experiment.with_fields(**{"model.n_embd": experiment.model.n_embd + experiment.model.n_head * 4 * width})
        began = time.perf_counter()
        found = plan_run(other, vocab_size, 1000)
        took.append(1000 * (time.perf_counter() - began))
    began = time.perf_counter()
    again = plan_run(other.with_fields(**{"optim.learning_rate": 0.002, "train.steps": 77}), vocab_size, 1000)
    took.append(1000 * (time.perf_counter() - began))
    found = plan_run(experiment, vocab_size, 1000)
    return {"peak": found.peak_bytes, "flops": found.step_flops, "launches": found.step_launches, "ms": took,
            "numpy": "numpy" in sys.modules}
"""


def test_the_figures_are_the_native_ones(python_in_tab):
    python_in_tab.run(PLANNED)
    for preset, vocab_size in SHAPES.items():
        experiment = Experiment.preset(preset)
        found = python_in_tab.run(f"planned(json.loads({json.dumps(experiment.to_dict())!r}), {vocab_size})")
        plan = plan_run(experiment, vocab_size, 1000)
        assert (found["peak"], found["flops"], found["launches"]) == (
            plan.peak_bytes,
            plan.step_flops,
            plan.step_launches,
        )
        print(
            f"a plan of {preset} in the tab, ms: {', '.join(f'{ms:.0f}' for ms in found['ms'])} (the last: no size changed)"
        )


def test_a_file_says_where_it_was_made(python_in_tab):
    made = python_in_tab.run("""
import sys
from types import SimpleNamespace
from pygpt.data import text_from_bytes
from pygpt.config.experiment import Experiment
from pygpt.runs.provenance import provenance
provenance(Experiment(), text_from_bytes("poem", b"Twinkle, twinkle"), SimpleNamespace(name="a GPU", kind="webgpu"))
""")
    assert (
        made["device"] == "a GPU"
        and "git" not in made
        and "Emscripten" in made["platform"]
        and made["data"]["name"] == "poem"
    )
