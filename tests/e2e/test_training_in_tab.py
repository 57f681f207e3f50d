"""The engine in the tab on WebGPU: replay, determinism, resuming, memory, and the number of calls."""

import base64
import json
from pathlib import Path

import pytest

from pygpt.devices.numpy import NumpyDevice
from tests.tiny_runs import finish, poem_run
from tests.unit.training.test_run import KINDS

RECIPES = {
    "muon, averaged": {"optim.name": "muon", "optim.ema": 0.9, "optim.z_loss": 1e-3},
    "nesterov in parts": {"optim.name": "sgd", "optim.learning_rate": 0.1, "train.accumulation": 3},
    "adam": {"optim.name": "adam", "optim.schedule": "exponential", "optim.label_smoothing": 0.1},
}
RUNS = (Path(__file__).resolve().parents[1] / "tiny_runs.py").read_text()
SETUP = (
    RUNS
    + """
import base64, gc, json, sys
from pygpt.devices import open_device_in_tab
from pygpt.inference.sampler import Sampler

device = await open_device_in_tab("webgpu")

def make_eager(run):
    run.training_step, run._evaluate_once = run._train_step, run._evaluation_step
    run._conclude_evaluation = run._evaluation_end

async def finish_here(run, last_step=None):
    for event in run.train():
        if run.step == last_step and event.kind != "evaluating":
            break
    return run.take_metrics(await device.fetch(run.metrics_tensor))

def listed(metrics):
    return sorted((step, name, value) for (step, name), value in bits(metrics).items())

class CallCounter:
    '''Wraps the JavaScript side of the device and counts the calls to it.'''

    def __init__(self, gpu):
        self.gpu, self.calls = gpu, 0

    def __getattr__(self, name):
        self.calls += 1
        return getattr(self.gpu, name)
"""
)


@pytest.fixture(scope="module")
def tab(fresh_python_in_tab):
    fresh_python_in_tab.run(SETUP)
    return fresh_python_in_tab


@pytest.mark.parametrize("kind", KINDS)
def test_captured_equals_eager(kind, tab):
    changes = json.dumps(KINDS[kind])
    losses = [
        tab.run(f"""
run = poem_run(device, **json.loads({changes!r}))
if {eager}: make_eager(run)
listed(await finish_here(run))""")
        for eager in (False, True, False)
    ]
    assert losses[0] == losses[1], "captured and eager differ"
    assert losses[0] == losses[2], "two runs differ"
    assert len(losses[0]) == 12 + 4


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_gives_the_losses_of_numpy(recipe, tab):
    changes = json.dumps(RECIPES[recipe])
    captured, eager = (
        tab.run(f"""
run = poem_run(device, **json.loads({changes!r}))
if {eager}: make_eager(run)
[(m.loss, m.val_loss) for m in await finish_here(run)]""")
        for eager in (False, True)
    )
    assert captured == eager
    for losses, metric in zip(captured, finish(poem_run(NumpyDevice(), **RECIPES[recipe])), strict=True):
        assert losses == pytest.approx((metric.loss, metric.val_loss), abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_captured_sampling_equals_eager(kind, tab):
    changes = json.dumps(KINDS[kind])
    tab.run(f"run = poem_run(device, **json.loads({changes!r}))\nawait finish_here(run)\nNone")
    texts = [
        tab.run(f"""
sampler = Sampler(run.model, run.tokenizer, "", SamplingConfig(temperature=0.9, top_k=5, seed=3))
if {eager}:
    sampler._next = lambda times: [sampler._next_token() for _ in range(times)]
    sampler._read_half = lambda: sampler._read(sampler.model.block_size // 2)
sampler.enqueue(30)
base64.b64encode(await device.fetch(sampler.output)).decode()""")
        for eager in (False, True)
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("kind", ["bigram", "gpt", "gpt-with-everything"])
def test_the_cache_changes_no_token(kind, tab):
    changes = json.dumps(KINDS[kind])
    tab.run(f"run = poem_run(device, **json.loads({changes!r}))\nawait finish_here(run)\nNone")
    differing = tab.run("""
[str(case) for case, cached, reference in samplers(run)
 if await device.fetch(cached.output) != await device.fetch(reference.output)]""")
    assert differing == []


def test_fifty_tokens_take_three_calls(tab):
    calls = tab.run("""
run = poem_run(device, **{"model.block_size": 64})
sampler = Sampler(run.model, run.tokenizer)
sampler.enqueue(70)
device.gpu = CallCounter(device.gpu)
sampler.enqueue(50)
calls, device.gpu = device.gpu.calls, device.gpu.gpu
calls""")
    assert calls == 3  # up to the end of the window, half a window read into the cache, and the rest


def test_a_saved_run_continues_in_a_reloaded_tab_with_the_same_losses(tab):
    changes = json.dumps(KINDS["gpt-with-everything"])
    whole = tab.run(f"listed(await finish_here(poem_run(device, **json.loads({changes!r}))))")
    saved = tab.run(f"""
run = poem_run(device, **json.loads({changes!r}))
before = listed(await finish_here(run, last_step=6))
base64.b64encode(await run.fetch_checkpoint()).decode()""")
    before = tab.run("before")
    tab.boot()
    tab.run(SETUP)
    after = tab.run(f"listed(await finish_here(Run.restore(base64.b64decode({saved!r}), device)))")
    assert sorted(before + after) == whole and after


def test_a_saved_run_continues_natively(tab, gpu):
    from pygpt.training.run import Run
    from tests.tiny_runs import finish

    saved = tab.run("""
run = poem_run(device)
await finish_here(run, last_step=6)
base64.b64encode(await run.fetch_checkpoint()).decode()""")
    run = Run.restore(base64.b64decode(saved), gpu)
    assert run.step == 6 and finish(run)[-1].step == 12


def test_a_training_step_is_one_call(tab):
    """A step without logged metrics is one list of launches, so one call from Python."""
    calls = tab.run("""
run = poem_run(device, **{"train.steps": 60, "train.eval_every": 60, "train.log_every": 60})
events = run.train()
while run.step < 2:
    next(events)
plain, device.gpu = device.gpu, CallCounter(device.gpu)
for _ in range(50):
    next(events)
calls, device.gpu = device.gpu.calls, plain
await device.fetch(run.metrics_tensor)
calls""")
    assert calls == 50


def test_training_does_not_leak_memory(tab):
    counts = tab.run("""
run = poem_run(device, **{"train.steps": 1000, "train.eval_every": 50})
events = run.train()
counts = []
for step in (100, 600):
    while run.step < step:
        next(events)
        if run.step % 20 == 0:
            run.take_metrics(await device.fetch(run.metrics_tensor))
    gc.collect()
    counts.append([len(gc.get_objects()), device.gpu.buffers.size, device.allocated_bytes, device.gpu.launches.size])
counts""")
    # Only the list of evaluated steps grows, by one number per evaluation.
    assert counts[0][1:] == counts[1][1:]
    assert abs(counts[1][0] - counts[0][0]) < 50, counts


def test_deleted_runs_free_their_memory(tab):
    counts = tab.run("""
counts = []
for _ in range(4):
    run = poem_run(device)
    await finish_here(run)
    run = None
    gc.collect()
    device.pool.trim()
    counts.append([device.gpu.buffers.size, device.allocated_bytes])
counts""")
    assert counts[1] == counts[-1], counts


# Keep the number of launches of each submission of a Gpu in its `sent`.
COUNT_SUBMISSIONS = """gpu => {
  const encode = gpu.encode;
  gpu.sent = [];
  gpu.encode = (launches) => { gpu.sent.push(launches.length); encode.call(gpu, launches); };
}"""


def test_long_work_is_cut_into_submissions(tab):
    """As tests/unit/devices/test_submissions.py does natively: one call from Python, whatever their number."""
    whole, cut, equal = tab.run(f"""
from pyodide.code import run_js
from pygpt.devices.submissions import Pace

run_js({COUNT_SUBMISSIONS!r})(device.gpu)
outcomes = []
for limit in (1e15, 1.0):
    device.pace = Pace()
    device.pace._limits = {{True: limit, False: limit}}
    run = poem_run(device)
    run.training_step()
    run.training_step(4)
    outcomes.append((await device.fetch(run.weights.values), device.gpu.sent.to_py()))
launches = len(run.training_step.launch_infos)
device.pace = Pace()
run_js("gpu => {{ delete gpu.encode; }}")(device.gpu)
(weights, sent), (cut_weights, cut_sent) = outcomes
[sent[-4:] == [launches] * 4, cut_sent[-4 * launches:] == [1] * 4 * launches, weights == cut_weights]""")
    assert (whole, cut, equal) == (True, True, True)


def test_the_error_of_a_blocking_read_names_fetch(tab):
    message = tab.run("""
from pygpt.errors import DeviceError
try:
    poem_run(device).seed.tolist()
    message = ""
except DeviceError as error:
    message = str(error)
message""")
    assert "await device.fetch(tensor)" in message


def test_webgpu_does_not_load_numpy(tab):
    assert tab.run("'numpy' in sys.modules") is False


def test_shaders_are_tuned_once_and_the_result_is_stored(tab):
    """The device poses as a real GPU; the results are stored in the browser's private file system."""
    tuned, stored, losses = tab.run("""
import opfs_files
from pygpt.analysis import autotune as tuning

tuning.MAX_LAUNCHES = 1
preferences = []
device.software = False
try:
    for _ in range(2):
        device.preferences = {}
        await tuning.tune(device, experiment(), 28, opfs_files, seconds=60.0 if not preferences else 0.0)
        preferences.append(device.preferences)
    run = poem_run(device)
    losses = [metric.loss for metric in await finish_here(run) if metric.loss is not None]
finally:
    device.software, device.preferences = True, {}
[*preferences, losses]""")
    assert tuned == stored and len(tuned) > 8 and all(key.startswith("matmul ") for key in tuned)
    assert losses[-1] < losses[0]
