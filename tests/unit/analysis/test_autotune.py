"""The choice among a real GPU's shaders, tested on a software adapter that is presented as a real GPU."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from pygpt.analysis import autotune as tuning
from pygpt.analysis.autotune import FILE, LaunchRecorder, step_works, tune
from pygpt.ops import matmul
from pygpt.tensor.tensor import empty
from pygpt.utils.cache import Cache
from tests.tiny_runs import bits, experiment, finish, poem_run

LARGER = {"model.n_embd": 64, "model.block_size": 32, "train.batch_size": 4}
SIZES = 30


class Store:
    """A store in memory that counts its writes."""

    def __init__(self, text=""):
        self.text, self.written = text, 0

    async def recall(self, name):
        assert name == FILE
        return self.text

    async def remember(self, name, text):
        self.text, self.written = text, self.written + 1


@pytest.fixture
def fake(gpu_as_hardware, monkeypatch):
    """The GPU without preferences before and after, with few launches per sample because the adapter is slow."""
    monkeypatch.setattr(gpu_as_hardware, "preferences", {})
    monkeypatch.setattr(tuning, "MAX_LAUNCHES", 2)
    return gpu_as_hardware


def submissions(device, monkeypatch):
    """A list to which every submission and replay of the device is appended."""
    sent, submit, replay = [], device._submit, device._replay
    monkeypatch.setattr(device, "_submit", lambda launches: sent.append(len(launches)) or submit(launches))
    monkeypatch.setattr(device, "_replay", lambda plan, times: sent.append(times) or replay(plan, times))
    return sent


def tuned(device, store, seconds=60.0, **changes):
    asyncio.run(tune(device, experiment(**LARGER, **changes), SIZES, store, seconds))
    return device.preferences


def test_a_listing_has_the_launches_of_a_step(fake):
    run = poem_run(fake, **LARGER)
    run.training_step()
    listed = step_works(run.experiment, run.tokenizer.vocab_size)
    products = [
        [(work.operands, work.attributes, work.shader) for work in launch_infos if work.kernel == "matmul"]
        for launch_infos in (listed, run.training_step.launch_infos)
    ]
    assert products[0] == products[1] and len(products[0]) == 3 * 5


def test_tuning_fills_the_preferences_and_later_reads_them(fake, monkeypatch):
    store = Store()
    preferences = dict(tuned(fake, store))
    listing = LaunchRecorder()
    for work in step_works(experiment(**LARGER), SIZES):
        if work.kernel == "matmul":
            operands = tuning._operands(listing, work)
            candidates = list(matmul.candidates(fake, operands, work.attributes))
            assert len(candidates) > 1 and candidates[-1] == "matmul"
            key = matmul.shape_class(operands, work.attributes)
            assert preferences[key] in candidates
            assert matmul.shader_for(fake, operands, work.attributes) == preferences[key]
    assert store.written == 1 and json.loads(store.text)["adapters"][fake.name] == preferences
    fake.preferences = {}
    sent = submissions(fake, monkeypatch)
    assert tuned(fake, store) == preferences and not sent and store.written == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 1}',
        '{"version": "VERSION", "adapters": {"NAME": 3}}',
        '{"version": "0", "adapters": {}}',
        '{"version": "VERSION", "adapters": {"NAME": {"KEY": "matmul_of_old"}}}',
    ],
)
def test_an_invalid_store_is_overwritten(text, fake):
    key = next(iter(tuned(fake, Store())))
    fake.preferences = {}
    store = Store(text.replace("VERSION", tuning.__version__).replace("NAME", fake.name).replace("KEY", key))
    preferences = tuned(fake, store)
    assert json.loads(store.text)["adapters"][fake.name] == preferences and preferences[key] in matmul.shaders


def test_other_adapters_stay_in_the_store(fake):
    other = {"matmul 1": "matmul"}
    store = Store(json.dumps({"version": tuning.__version__, "adapters": {"another": other}}))
    tuned(fake, store)
    assert json.loads(store.text)["adapters"]["another"] == other


def test_without_a_budget_the_first_shader_that_fits_is_used(fake, monkeypatch):
    store, sent = Store(), submissions(fake, monkeypatch)
    preferences = tuned(fake, store, seconds=0.0)
    assert not sent and not store.written
    assert set(preferences.values()) == {"matmul_workgroup_vec4", "matmul_workgroup"}


def test_only_a_clearly_faster_shader_is_taken(fake, monkeypatch):
    clock, pace = [0.0], {"matmul_workgroup_vec4": 3.0, "matmul_vec4": 1.0, "matmul_workgroup": 0.97, "matmul": 2.0}

    def replay(plan, times):
        clock[0] += times * pace[plan[1].launch_infos[0].shader]

    monkeypatch.setattr(fake, "_replay", replay)
    monkeypatch.setattr(tuning, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    preferences = tuned(fake, Store(), seconds=1e9)
    assert preferences and {shader for key, shader in preferences.items() if key.endswith(" 1")} == {"matmul_vec4"}


def test_a_coarse_clock_gets_more_launches(fake, monkeypatch):
    """A sample of 1 to 3 clock ticks is repeated with more launches, equally many for all candidates."""
    clock, pace, sent = (
        [0.0],
        {"matmul_workgroup_vec4": 3.0, "matmul_vec4": 1.0, "matmul_workgroup": 2.0, "matmul": 2.0},
        {},
    )

    def replay(plan, times):
        shader = plan[1].launch_infos[0].shader
        clock[0] += times * pace[shader]
        sent.setdefault(shader, []).append(times)

    monkeypatch.setattr(tuning, "MAX_LAUNCHES", 1)
    monkeypatch.setattr(tuning, "clock_resolution", lambda: 1.0)
    monkeypatch.setattr(fake, "_replay", replay)
    monkeypatch.setattr(tuning, "time", SimpleNamespace(perf_counter=lambda: int(clock[0])))
    preferences = tuned(fake, Store(), seconds=1e9)
    assert "matmul_vec4" in preferences.values()
    assert {8} <= set(sent["matmul_workgroup_vec4"]) and max(sent["matmul_workgroup_vec4"]) == 8  # 24 clock ticks
    assert 8 in sent["matmul_vec4"]


def test_a_model_without_products_is_not_timed(fake):
    store = Store()
    assert tuned(fake, store, **{"model.kind": "bigram"}) == {} and not store.written


def test_a_preference_that_does_not_fit_is_not_used(fake):
    for n in (24, 23):
        x, w, y = (empty(fake, shape) for shape in ((32, 64), (64, n), (32, n)))
        attributes = {**matmul.attributes}
        fake.preferences = {matmul.shape_class((x, w, None, None, y), attributes): "matmul_vec4"}
        expected = "matmul_vec4" if n == 24 else "matmul_workgroup"
        assert matmul.shader_for(fake, (x, w, None, None, y), attributes) == expected


@pytest.mark.parametrize("shader", ["matmul_vec4", "matmul_workgroup", "matmul"])
def test_other_shaders_do_not_change_the_losses(shader, fake):
    before = finish(poem_run(fake, **LARGER))
    listing = LaunchRecorder()
    for work in step_works(experiment(**LARGER), poem_run(fake).tokenizer.vocab_size):
        if work.kernel == "matmul":
            fake.preferences[matmul.shape_class(tuning._operands(listing, work), work.attributes)] = shader
    run = poem_run(fake, **LARGER)
    after = finish(run)
    assert shader in {work.shader for work in run.training_step.launch_infos}
    for name in ("loss", "val_loss"):
        losses = [
            [getattr(metric, name) for metric in metrics if getattr(metric, name) is not None]
            for metrics in (before, after)
        ]
        assert losses[0] == pytest.approx(losses[1], rel=1e-3) and losses[0]
    eager = poem_run(fake, **LARGER)
    eager.training_step, eager._evaluate_once = eager._train_step, eager._evaluation_step
    eager._conclude_evaluation = eager._evaluation_end
    assert bits(finish(eager)) == bits(after)


def test_software_adapters_and_numpy_are_not_tuned(device):
    store = Store()
    store.recall = None  # a call would fail
    assert tuned(device, store) == {}


def test_natively_the_cache_folder_is_the_store(tmp_path, monkeypatch):
    monkeypatch.setenv("PYGPT_CACHE", str(tmp_path / "cache"))

    async def write_and_read():
        cache = Cache()
        before = await cache.recall(FILE)
        await cache.remember(FILE, "{}")
        return before, await cache.recall(FILE)

    assert asyncio.run(write_and_read()) == ("", "{}")
    (tmp_path / "cache" / FILE).write_bytes(b"\xff\xfe")
    assert asyncio.run(Cache().recall(FILE)) == ""
    monkeypatch.setenv("PYGPT_CACHE", str(tmp_path / "cache" / FILE))  # a file instead of a folder
    asyncio.run(Cache().remember(FILE, "{}"))
    assert asyncio.run(Cache().recall(FILE)) == ""
