"""Checkpoints along a session's runs, branches from them, and writing from them."""

import asyncio

import pytest

import pygpt
from pygpt.errors import CheckpointError
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.runs.run_folder import open_run
from pygpt.session import keeping, sampling
from pygpt.training import driver
from tests.tiny_runs import POEM
from tests.unit.session.test_runs import DRAFT, Recorded

LONGER = DRAFT.with_fields(**{"train.steps": 4000, "train.eval_every": 4000})


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A session that keeps checkpoints, and a safety copy as often as it can."""
    monkeypatch.setattr(sampling, "SAMPLE_LENGTH", 12)
    monkeypatch.setattr(keeping, "COPY_MIN_INTERVAL", 0.0)
    monkeypatch.setattr(keeping, "COPY_SHARE", 1e6)
    monkeypatch.setattr(driver, "MAX_SLICE_SECONDS", 0.01)
    lab = Recorded(tmp_path / "run")
    lab.session.store.checkpoints = True
    return lab


async def read_run(lab, copy="baby-1"):
    """What the page reads of a run."""
    await lab.send({"type": "read_run", "copy": copy}, None)
    return lab.all("run_read")[-1]


def along(folder) -> list[int]:
    """The steps of the files along a run."""
    return sorted(int(path.stem) for path in (folder / "checkpoints").iterdir())


def test_a_run_has_checkpoints_with_a_sample_each(lab, tmp_path):
    async def scenario():
        await lab.train(LONGER)
        await lab.send({"type": "list_runs"}, None)
        return await read_run(lab)

    read = asyncio.run(scenario())
    folder, steps = tmp_path / "run" / "baby-1", read["checkpoints"]
    assert not lab.all("error") and 3 < len(steps) <= 13 and (steps[0], steps[-1]) == (0, 4000)
    texts = {sample["step"]: sample["text"] for sample in read["samples"]}
    assert set(steps) <= set(texts)
    files = [folder / "model.safetensors", *(folder / "checkpoints").iterdir()]
    assert lab.all("found")[-1]["runs"][0]["bytes"] == sum(path.stat().st_size for path in files)
    assert pygpt.load(folder, "numpy").generate("", 12, seed=1) == texts[4000], "the defaults of `pygpt sample`"


def test_a_run_that_goes_back_drops_the_checkpoints_after_its_step(lab, tmp_path):
    async def scenario():
        await lab.train(LONGER)
        before = (await read_run(lab))["checkpoints"]
        training = lab.session.training
        training.run = training.run.again(training.run.device)  # as when the device is lost before the first copy
        await lab.send({"type": "resume"}, None)
        await lab.send({"type": "pause"}, None)
        return before, (await read_run(lab))["checkpoints"]

    before, after = asyncio.run(scenario())
    paused = lab.all("paused")[-1]["step"]
    assert paused < 4000 and after[0] == 0 and after[-1] == paused < before[-1]
    assert along(tmp_path / "run" / "baby-1")[-1] <= paused


def test_a_full_disk_refuses_a_checkpoint_and_keeps_the_run(lab, monkeypatch, tmp_path):
    series, refused = lab.session.store.series, []
    add = series.add

    async def refuse(step, data):
        if len(refused) < 3:
            refused.append(step)
            raise CheckpointError("no room")
        await add(step, data)

    monkeypatch.setattr(series, "add", refuse)
    asyncio.run(lab.train(LONGER))
    (error,) = lab.all("error")
    assert error["field"] == "copy" and error["message"].startswith("the run is kept, but not its checkpoint of step 0")
    assert lab.all("kept")[0]["step"] == 0 and lab.all("finished") and len(refused) == 3
    folder = tmp_path / "run" / "baby-1"
    assert read_checkpoint((folder / "model.safetensors").read_bytes()).step == 4000 and along(folder)


@pytest.mark.parametrize("place", [-1, 2])
def test_a_branch_begins_with_the_weights_of_a_step(lab, tmp_path, place):
    async def scenario():
        await lab.train(LONGER)
        step = (await read_run(lab))["checkpoints"][place]
        await lab.send({"type": "branch", "copy": "baby-1", "step": step}, None)
        opened, branched = lab.all("opened")[-1], lab.all("branched")[-1]
        assert (opened["run"]["step"], branched["copy"], branched["step"]) == (0, "baby-1", step)
        assert opened["run_id"] == branched["run_id"] != lab.all("started")[0]["run_id"]
        assert opened["run"]["experiment"] == LONGER.to_dict() and lab.session.training.run.text.text == POEM
        assert not lab.session.training.active
        await lab.send({"type": "resume"}, None)
        await lab.session.training.task
        await lab.send({"type": "list_runs"}, None)
        return step, await read_run(lab, "baby-2")

    step, read = asyncio.run(scenario())
    parent_id = lab.all("started")[0]["run_id"]
    assert not lab.all("error") and lab.all("finished")[-1]["step"] == 4000
    (kept,) = [run for run in lab.all("found")[-1]["runs"] if run["copy"] == "baby-2"]
    assert (kept["parent"], kept["parent_step"], kept["differs"]) == (parent_id, step, [])
    assert f"step {step}" in read["began_from"] and parent_id in read["began_from"]
    parent, child = open_run(f"{tmp_path}/run/baby-1@{step}"), open_run(f"{tmp_path}/run/baby-2@0")
    for name, data in parent.weights.items():
        exact, half = (memoryview(each).cast("B").cast("f") for each in (data, child.weights[name]))
        assert all(abs(one - other) <= 2**-10 * abs(one) + 2**-24 for one, other in zip(exact, half)), name


def written(lab, slot) -> tuple[str, list[bool]]:
    events = [event for event in lab.all("written") if event["slot"] == slot]
    return "".join(event["text"] for event in events), [event["done"] for event in events]


def test_two_runs_write_side_by_side_while_another_trains(lab, tmp_path):
    """Their texts are those of `pygpt sample`."""

    async def scenario():
        await lab.train(LONGER)
        steps = (await read_run(lab))["checkpoints"]
        endless = DRAFT.with_fields(**{"train.steps": 1_000_000, "train.eval_every": 1_000_000})
        await lab.send({"type": "start", "experiment": endless.to_dict()}, None)
        ask = {"type": "write", "copy": "baby-1", "prompt": "Twinkle", "max_new_tokens": 40, "seed": 3, "top_k": 5}
        await asyncio.gather(
            lab.send({**ask, "slot": 0, "step": -1}, None), lab.send({**ask, "slot": 1, "step": steps[1]}, None)
        )
        while lab.session.writing.active:
            await asyncio.sleep(0.01)
        assert lab.session.training.active
        await lab.send({"type": "stop"}, None)
        return steps

    steps = asyncio.run(scenario())
    assert not lab.all("error")
    for slot, run in enumerate(("baby-1", f"baby-1@{steps[1]}")):
        text, done = written(lab, slot)
        model = pygpt.load(tmp_path / "run" / run, "numpy")
        assert text == model.generate("Twinkle", 40, seed=3, top_k=5), run
        assert done == [False] * (len(done) - 1) + [True]


def test_what_is_asked_last_is_written_and_a_model_is_read_once(lab, monkeypatch):
    read, reads = lab.session.store.read_checkpoint, []

    async def counted(copy, step=-1, with_text=False):
        reads.append(step)
        return await read(copy, step, with_text)

    async def scenario():
        await lab.train()
        ask = {"type": "write", "slot": 0, "copy": "baby-1", "step": -1, "prompt": "", "max_new_tokens": 50_000}
        await asyncio.gather(lab.send(ask, None), lab.send({**ask, "prompt": "star", "max_new_tokens": 3}, None))
        await lab.session.writing.slots[0].task
        text, done = written(lab, 0)
        assert len(text) == 3 and done[-1]
        reads.clear()
        await lab.send(ask, None)
        await lab.send({"type": "stop_writing", "slot": 0}, None)
        assert written(lab, 0)[1][-1] and not lab.session.writing.active and not reads
        await lab.send({"type": "open_device", "choice": "numpy"}, None)  # the model was on the one before
        await lab.send({**ask, "max_new_tokens": 3}, None)
        assert reads == [40]

    monkeypatch.setattr(lab.session.store, "read_checkpoint", counted)
    asyncio.run(scenario())
    assert not lab.all("error")


@pytest.mark.parametrize(
    "change, field, sentence",
    [
        ({"step": 41}, "file", "baby-1 has no checkpoint of step 41; it has those of steps 0, "),
        ({"copy": "../baby-1"}, "file", "there is no run '../baby-1'"),
        ({"slot": 2}, "slot", "2 is none; expected 0 to 1"),
        ({"max_new_tokens": 0}, "max_new_tokens", "expected 1 to 100,000, got 0"),
        ({"temperature": -1.0}, "temperature", "-1"),
        ({"prompt": "\u2603"}, "prompt", "\u2603"),
    ],
)
def test_what_cannot_be_written_is_said_in_a_sentence(lab, change, field, sentence):
    ask = {"type": "write", "slot": 1, "copy": "baby-1", "step": -1, "prompt": "", "max_new_tokens": 3}

    async def scenario():
        await lab.train()
        await lab.send({**ask, **change}, None)
        await lab.send(ask, None)
        await lab.session.writing.slots[1].task

    asyncio.run(scenario())
    (error,) = lab.all("error")
    assert (error["during"], error["field"]) == ("write", field) and sentence in error["message"]
    assert len(written(lab, 1)[0]) == 3
