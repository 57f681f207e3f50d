"""The queue of a session: sweeps that train one after the other, and go on after a pause and a reload."""

import asyncio
import json
import time

import pytest

from pygpt.runs.run_folder import open_run
from pygpt.session import sampling
from tests.unit.session.test_runs import DRAFT, Recorded

QUICK = DRAFT.with_fields(**{"train.steps": 6})
LONG = DRAFT.with_fields(**{"train.steps": 200_000, "train.eval_every": 200_000})


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "SAMPLE_LENGTH", 4)
    return Recorded(tmp_path / "runs")


async def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def enqueue(lab, draft=QUICK, **values):
    values = {"optim.learning_rate": "1e-3,3e-3", "train.seed": "1..3"} | values
    await lab.send({"type": "queue_sweep", "experiment": draft.to_dict(), "values": values}, None)


def waiting(lab):
    return [run["name"] for run in lab.all("queue")[-1]["runs"]]


def abouts(tmp_path):
    return {path.parent.name: json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*/about.json")}


def test_a_sweep_trains_one_run_after_the_other(lab, tmp_path):
    async def scenario():
        await lab.prepare()
        values = {"optim.learning_rate": "1e-3,3e-3", "train.seed": "1..3"}
        await lab.send({"type": "plan_sweep", "experiment": QUICK.to_dict(), "values": values}, None)
        await enqueue(lab)
        await lab.session.queue.task

    asyncio.run(scenario())
    assert not lab.all("error"), lab.all("error")
    names = [f"lr={rate} seed={seed}" for rate in (0.001, 0.003) for seed in (1, 2, 3)]
    assert lab.all("sweep_planned")[0]["names"] == names and waiting(lab) == []
    assert [kind for kind in lab.kinds() if kind in ("started", "finished")] == ["started", "finished"] * 6
    found = abouts(tmp_path)
    assert set(found) == {name.replace(" ", ",") for name in names}
    assert {run["state"] for run in found.values()} == {"finished"}
    assert {run["sweep_name"] for run in found.values()} == {"lr, seed"} and len(
        {run["sweep"] for run in found.values()}
    ) == 1
    kept = lab.all("found")[-1]["runs"]
    assert {(run["name"], run["sweep_name"], run["parent"]) for run in kept} == {
        (name, "lr, seed", "") for name in names
    }
    last = open_run(tmp_path / "runs" / "lr=0.003,seed=3").experiment
    assert last == QUICK.with_fields(**{"optim.learning_rate": 0.003, "train.seed": 3})


def test_runs_are_moved_dropped_and_paused_and_go_on_after_a_reload(lab, tmp_path):
    async def scenario():
        await lab.prepare()
        await enqueue(lab, LONG, **{"optim.learning_rate": "1e-3"})
        await until(lambda: lab.steps())
        ids = {run["name"]: run["id"] for run in lab.all("queue")[-1]["runs"]}
        assert lab.all("queue")[-1]["current"] == ids["seed=1"]
        await lab.send({"type": "move_queued", "id": ids["seed=3"], "places": -5}, None)
        assert waiting(lab) == ["seed=1", "seed=3", "seed=2"], "the run that trains stays the first"
        await lab.send({"type": "drop_queued", "id": ids["seed=3"]}, None)
        await lab.send({"type": "drop_queued", "id": ids["seed=3"]}, None)
        assert "no longer in the queue" in lab.all("error")[-1]["message"] and waiting(lab) == ["seed=1", "seed=2"]
        await lab.send({"type": "pause_queue"}, None)
        await until(lambda: lab.session.queue.task.done())
        assert lab.all("queue")[-1]["paused"] and lab.all("queue")[-1]["current"] == ""
        assert lab.kinds().count("started") == 1 and lab.all("paused")

    asyncio.run(scenario())
    stopped = abouts(tmp_path)["seed=1"]
    lab.close()

    again = Recorded(tmp_path / "runs")

    async def reloaded():
        await again.send({"type": "open_device", "choice": "numpy"}, None)
        await again.session.queue.load()
        assert again.all("queue")[-1]["paused"] and waiting(again) == ["seed=1", "seed=2"]
        await again.send({"type": "continue_queue"}, None)
        await until(lambda: again.steps())
        assert again.all("opened")[0]["run"]["id"] == stopped["id"] and min(again.steps()) == stopped["step"] + 1
        assert len(abouts(tmp_path)) == 1, "the same run goes on"
        await again.send({"type": "drop_queued", "id": again.all("queue")[-1]["current"]}, None)  # stopped, and kept
        await until(lambda: again.all("started"))
        assert again.all("started")[0]["run"]["text"] == "poem", "the visitor's own text was kept with the queue"
        await again.send({"type": "clear_queue"}, None)
        await again.send({"type": "pause_queue"}, None)
        await until(lambda: again.session.queue.task.done())

    asyncio.run(reloaded())
    assert {name: run["text"] for name, run in abouts(tmp_path).items()} == {"seed=1": "poem", "seed=2": "poem"}


def test_the_queue_waits_while_the_visitor_trains_and_pauses_when_he_pauses(lab):
    async def scenario():
        await lab.prepare()
        await lab.send({"type": "start", "experiment": LONG.to_dict()}, None)
        await until(lambda: lab.steps())
        await enqueue(lab)
        assert lab.kinds().count("started") == 1 and len(waiting(lab)) == 6
        await lab.send({"type": "pause"}, None)
        await until(lambda: lab.session.queue.task.done())
        assert lab.all("queue")[-1]["paused"] and lab.kinds().count("started") == 1
        await lab.send({"type": "continue_queue"}, None)
        await until(lambda: lab.kinds().count("started") == 2)
        assert lab.all("stopped")[0]["run_id"] == lab.all("started")[0]["run_id"]
        # A run of the visitor's own takes the device; the run of the queue is kept, and goes on later.
        await until(lambda: lab.all("queue")[-1]["current"])
        await lab.send({"type": "start", "experiment": QUICK.to_dict()}, None)
        await until(lambda: lab.session.queue.task.done() and not lab.session.training.active)
        assert lab.all("queue")[-1]["paused"]
        await lab.send({"type": "continue_queue"}, None)
        await lab.session.queue.task

    asyncio.run(scenario())
    assert waiting(lab) == [] and not lab.all("error")
    assert sum(run["sweep"] != "" for run in lab.all("found")[-1]["runs"]) == 6


def test_resuming_the_paused_run_of_the_queue_continues_the_queue(lab):
    async def scenario():
        await lab.prepare()
        await enqueue(lab, LONG, **{"optim.learning_rate": "1e-3", "train.seed": "1,2"})
        await until(lambda: lab.steps())
        await lab.send({"type": "pause"}, None)
        await until(lambda: lab.session.queue.task.done())
        assert lab.all("queue")[-1]["paused"]
        await lab.send({"type": "resume"}, None)
        await until(lambda: lab.all("queue")[-1]["current"])
        await lab.send({"type": "stop"}, None)  # keeps this run, and goes on with the next
        await until(lambda: lab.kinds().count("started") == 2)
        await lab.send({"type": "pause_queue"}, None)
        await until(lambda: lab.session.queue.task.done())

    asyncio.run(scenario())
    assert waiting(lab) == ["seed=2"]


def test_a_run_that_diverges_does_not_hold_the_queue_up(lab, tmp_path):
    wild = QUICK.with_fields(
        **{
            "optim.name": "sgd",
            "optim.grad_clip": 0.0,
            "optim.warmup_steps": 0,
            "optim.schedule": "constant",
            "train.steps": 40,
        }
    )

    async def scenario():
        await lab.prepare()
        await enqueue(lab, wild, **{"optim.learning_rate": "100,1e-3", "train.seed": "1"})
        await lab.session.queue.task

    asyncio.run(scenario())
    assert {name: run["state"] for name, run in abouts(tmp_path).items()} == {
        "lr=100": "diverged",
        "lr=0.001": "finished",
    }
    assert waiting(lab) == []


def test_a_run_that_is_dropped_or_paused_while_it_is_opened_does_not_train(lab):
    async def scenario():
        await lab.prepare()
        await enqueue(lab, LONG, **{"optim.learning_rate": "1e-3", "train.seed": "1,2"})
        await until(lambda: lab.steps())
        await lab.send({"type": "pause_queue"}, None)
        await lab.send({"type": "start", "experiment": QUICK.to_dict()}, None)
        await lab.session.training.task
        read, opening, go_on = lab.session.store.read_copy, asyncio.Event(), asyncio.Event()

        async def slow(copy):
            opening.set()
            await go_on.wait()
            return await read(copy)

        lab.session.store.read_copy = slow
        for command in ("pause_queue", "drop_queued"):
            opening.clear()
            go_on.clear()
            await lab.send({"type": "continue_queue"}, None)
            await opening.wait()
            first = lab.all("queue")[-1]["current"]
            await lab.send({"type": command, **({"id": first} if command == "drop_queued" else {})}, None)
            go_on.set()
            if command == "pause_queue":
                await lab.session.queue.task
                assert not lab.session.training.active and waiting(lab) == ["seed=1", "seed=2"]
                await lab.send({"type": "start", "experiment": QUICK.to_dict()}, None)
                await lab.session.training.task
        await until(lambda: lab.all("started")[-1]["run"]["experiment"]["train"]["seed"] == 2)
        await lab.send({"type": "pause_queue"}, None)
        await lab.session.queue.task

    asyncio.run(scenario())
    assert waiting(lab) == ["seed=2"]


@pytest.mark.parametrize("command", ["plan_sweep", "queue_sweep"])
def test_mistakes_name_their_field_and_queue_nothing(lab, command):
    async def scenario():
        await lab.prepare()
        values = {"optim.learning_rate": "1e-3,fast"}
        await lab.send({"type": command, "experiment": QUICK.to_dict(), "values": values}, None)
        await lab.send({"type": command, "experiment": QUICK.to_dict(), "values": {"train.seed": 3}}, None)

    asyncio.run(scenario())
    first, second = lab.all("error")
    assert first["field"] == "optim.learning_rate" and "'fast'" in first["message"] and first["during"] == command
    assert second["field"] == "values.train.seed" and not lab.all("queue")


def test_a_queue_without_a_text_or_with_damage_starts_nothing(lab, tmp_path):
    async def scenario():
        await lab.send({"type": "open_device", "choice": "numpy"}, None)
        await enqueue(lab)
        assert "there is no text" in lab.all("error")[-1]["message"]
        (tmp_path / "runs").mkdir(exist_ok=True)
        for content in ("{", "[]", '{"items": [{"id": 1}]}', '{"items": 5, "texts": {}}'):
            (tmp_path / "runs" / "queue.json").write_text(content)
            await lab.session.queue.load()

    asyncio.run(scenario())
    assert not lab.all("queue") and lab.session.queue.items == []


def test_groups_of_kept_runs_are_read(lab):
    async def scenario():
        await lab.prepare()
        await enqueue(lab)
        await lab.session.queue.task
        copies = [run["copy"] for run in lab.all("found")[-1]["runs"]]
        await lab.send({"type": "read_groups", "copies": copies}, None)
        await lab.send({"type": "read_groups", "copies": ["nowhere"]}, None)

    asyncio.run(scenario())
    (read,) = lab.all("groups_read")
    assert sorted(sorted(group["seeds"]) for group in read["groups"]) == [[1, 2, 3], [1, 2, 3]]
    for group in read["groups"]:
        assert len({copy.partition(",")[0] for copy in group["copies"]}) == 1
        step, mean, low, high, deviation, runs = group["training"][-1]
        assert (step, runs) == (6, 3) and low < mean < high and deviation > 0
        assert [row[0] for row in group["validation"]] == [0, 6]
    assert "no run 'nowhere'" in lab.all("error")[-1]["message"]


def test_a_range_test_is_sent_as_it_grows_and_refused_while_training(lab):
    async def scenario():
        await lab.prepare()
        await lab.send({"type": "find_lr", "experiment": DRAFT.to_dict()}, None)
        await until(lambda: lab.session.bench.task.done())
        await lab.send({"type": "start", "experiment": LONG.to_dict()}, None)
        await lab.send({"type": "find_lr", "experiment": DRAFT.to_dict()}, None)
        await lab.send({"type": "stop"}, None)

    asyncio.run(scenario())
    tests = lab.all("lr_range")
    assert [test["done"] for test in tests] == [False] * (len(tests) - 1) + [True] and len(tests) > 2
    assert tests[-1]["rates"][0] == 1e-6 and len(tests[-1]["losses"]) > 50 and tests[-1]["suggested"] is not None
    assert "pause the training first" in lab.all("error")[-1]["message"]
