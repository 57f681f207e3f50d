"""A session's runs on NumPy, saved in a folder: the values of its events, the log, safety copies, continuations."""

import asyncio
import json
from types import SimpleNamespace

import pytest

import pygpt
from pygpt.analysis.memory import parameter_count
from pygpt.config.experiment import Experiment
from pygpt.data import load_text, text_from_bytes
from pygpt.devices import open_numpy
from pygpt.errors import CheckpointError, DataError, DeviceError, DeviceLost
from pygpt.optim.schedules import learning_rate
from pygpt.runs import run_store
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.runs.disk_files import DiskFiles
from pygpt.runs.run_store import RunStore
from pygpt.session import keeping, sampling, timing
from pygpt.session.session import Session
from pygpt.tokenizers import split_documents
from pygpt.training import driver
from pygpt.training.run import Run
from tests.tiny_runs import POEM, finish

TINY = {
    "model.n_layer": 1,
    "model.n_head": 2,
    "model.n_embd": 16,
    "model.block_size": 8,
    "train.batch_size": 4,
    "train.steps": 40,
    "train.eval_every": 20,
    "train.eval_batches": 2,
    "train.log_every": 8,
    "optim.warmup_steps": 5,
}
DRAFT = Experiment.preset("baby").with_fields(**TINY)


class Site:
    """The site of a session without a browser."""

    contents = {"version": "0"}
    texts, numpy, automatic_choices = ["tales"], True, ()

    async def open_device(self, choice):
        return open_numpy()

    async def load_text(self, name):
        return load_text(name)


class Recorded:
    """A session, and the events and files it has sent."""

    def __init__(self, folder):
        self.events, self.files = [], []
        self.session = Session(self._record, Site(), RunStore(DiskFiles(folder)))
        self.send = self.session.handle

    def _record(self, event, data=None):
        self.events.append(event.to_dict())
        if data is not None:
            self.files.append(data)

    def kinds(self):
        return [event["type"] for event in self.events]

    def all(self, kind):
        return [event for event in self.events if event["type"] == kind]

    def steps(self):
        return {step: loss for event in self.all("progress") for step, loss in zip(event["steps"], event["losses"])}

    async def prepare(self):
        await self.send({"type": "open_device", "choice": "numpy"}, None)
        await self.send({"type": "choose_text", "name": "poem", "built_in": False}, POEM.encode())

    async def train(self, draft=DRAFT):
        await self.prepare()
        await self.send({"type": "start", "experiment": draft.to_dict()}, None)
        await asyncio.wait([self.session.training.task, self.session.training.baselines_task])

    def close(self):
        """As when its tab closes: its run is no longer claimed."""
        asyncio.run(self.session.store.files.release(self.session.store.current))


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "SAMPLE_LENGTH", 12)
    return Recorded(tmp_path / "run")


SLOW_TOKENIZER = DRAFT.with_fields(**{"data.tokenizer": "bpe", "data.vocab_size": 60_000})


@pytest.fixture(scope="module")
def expected():
    """The metrics of the same run without a session."""
    return finish(Run(DRAFT, text_from_bytes("poem", POEM.encode()), open_numpy()))


def test_the_events_of_a_run_have_its_values(lab, expected, tmp_path):
    asyncio.run(lab.train())
    assert not lab.all("error")
    started = lab.all("started")[0]
    facts, run_id = started["run"], started["run_id"]
    assert facts["id"] == run_id and facts["step"] == 0 and facts["text"] == "poem"
    assert facts["vocabulary"] == len(set(POEM)) and facts["parameters"] == parameter_count(DRAFT, len(set(POEM)))
    assert all(event["run_id"] == run_id for event in lab.events if "run_id" in event)

    assert lab.steps() == {metric.step: metric.loss for metric in expected if metric.loss is not None}
    assert [(event["step"], event["val_loss"]) for event in lab.all("evaluated")] == [
        (metric.step, metric.val_loss) for metric in expected if metric.val_loss is not None
    ]
    last = lab.all("progress")[-1]
    assert last["learning_rate"] == learning_rate(DRAFT.optim, 40, 39) and last["seconds_left"] == 0
    assert last["tokens_per_second"] == pytest.approx(1000 * 4 * 8 / last["ms_per_step"])
    logged = {step: norm for event in lab.all("progress") for step, norm in zip(*columns(event, "step", "grad_norm"))}
    assert logged == {metric.step: metric.grad_norm for metric in expected if metric.step in (8, 16, 24, 32, 40)}
    assert lab.all("baselines")[0]["nats"]["uniform"] == pytest.approx(3.2958, abs=0.5)
    assert [event["step"] for event in lab.all("sample")] == [0, 40]
    assert all(len(event["text"]) == 12 for event in lab.all("sample"))
    ending = [event for event in lab.events if event["type"] != "baselines"][-2:]
    assert [(event["type"], event["step"]) for event in ending] == [("kept", 40), ("finished", 40)]

    lines = [json.loads(line) for line in (tmp_path / "run" / "baby-1" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [8, 16, 20, 24, 32, 40]
    assert [line["lr"] for line in lines] == [learning_rate(DRAFT.optim, 40, line["step"] - 1) for line in lines]


def columns(event, *names):
    return [event["logged"].get(name, []) for name in names]


def test_a_paused_run_resumes_with_the_same_losses(lab, expected):
    async def scenario():
        await lab.prepare()
        await lab.send({"type": "start", "experiment": DRAFT.to_dict()}, None)
        while not lab.all("progress"):
            await asyncio.sleep(0)
            if lab.session.training.driver and lab.session.training.run.step >= 3:
                break
        await lab.send({"type": "pause"}, None)
        paused_at = lab.all("paused")[0]["step"]
        assert max(lab.steps()) == paused_at < 40 and not lab.session.training.active
        await lab.send({"type": "resume"}, None)
        await lab.session.training.task
        return paused_at

    paused_at = asyncio.run(scenario())
    run_id = lab.all("started")[0]["run_id"]
    assert lab.all("resumed") == [{"type": "resumed", "run_id": run_id, "step": paused_at, "steps": 40}]
    assert lab.steps() == {metric.step: metric.loss for metric in expected if metric.loss is not None}
    assert lab.all("finished")[0]["step"] == 40


def test_a_saved_run_has_a_safe_name(lab):
    async def scenario():
        await lab.train(DRAFT.with_fields(**{"name": "../../evil", "train.steps": 1}))
        await lab.send({"type": "save"}, None)

    asyncio.run(scenario())
    assert lab.all("saved")[0]["name"] == "evil-step1.safetensors"


def test_a_saved_run_opens_and_samples_alike(lab, tmp_path):
    async def scenario():
        await lab.train()
        await lab.send({"type": "save"}, None)
        await lab.send({"type": "sample", "prompt": "Twinkle", "max_new_tokens": 9, "seed": 3}, None)
        await lab.session.continuation.task

    asyncio.run(scenario())
    saved = lab.all("saved")[0]
    assert (saved["name"], saved["step"]) == ("baby-step40.safetensors", 40)
    checkpoint = read_checkpoint(lab.files[0])
    assert checkpoint.step == 40 and checkpoint.text.text == POEM
    sampled = lab.all("sampled")
    assert [event["done"] for event in sampled] == [False] * (len(sampled) - 1) + [True]
    path = tmp_path / "saved.safetensors"
    path.write_bytes(lab.files[0])
    text = "".join(event["text"] for event in sampled)
    assert pygpt.load(path, "numpy").generate("Twinkle", 9, seed=3) == text

    other = Recorded(tmp_path / "other")

    async def open_it():
        await other.prepare()
        await other.send({"type": "open"}, lab.files[0])
        await other.send({"type": "resume"}, None)
        await other.session.training.task

    asyncio.run(open_it())
    opened, curve = other.all("opened")[0], other.all("curve")[0]
    assert opened["run"]["step"] == 40 and opened["run_id"] == lab.all("started")[0]["run_id"]
    average, *later = [lab.steps()[step] for step in sorted(lab.steps())]
    for loss in later:
        average += 0.1 * (loss - average)
    assert curve["smoothed"] == pytest.approx(average), "the training loss that the page has shown"
    assert [row[0] for row in curve["validation"]] == [0, 20, 40] and curve["training"][-1][0] == 40
    assert other.all("finished")[0]["step"] == 40 and not other.all("progress"), "nothing is left to train"


def test_an_extended_run_has_the_bits_of_a_natively_resumed_one(lab, tmp_path):
    """The same run goes on: its next step follows the schedule of the new total, in the tab as natively."""

    async def scenario():
        await lab.train()
        await lab.send({"type": "save"}, None)
        await lab.send({"type": "extend", "steps": 60}, None)
        await lab.send({"type": "extend", "steps": 70}, None)  # pressed twice
        await lab.session.training.task

    asyncio.run(scenario())
    run_id = lab.all("started")[0]["run_id"]
    assert lab.all("resumed") == [{"type": "resumed", "run_id": run_id, "step": 40, "steps": 60}]
    assert [(error["during"], error["message"]) for error in lab.all("error")] == [
        ("extend", "train.steps: the run is training; pause it first")
    ]
    native = finish(Run.restore(lab.files[0], open_numpy(), steps=60))
    assert [metric.learning_rate for metric in native if metric.loss] == [
        learning_rate(DRAFT.optim, 60, step) for step in range(40, 60)
    ]
    losses = {metric.step: metric.loss for metric in native if metric.loss is not None}
    assert {step: loss for step, loss in lab.steps().items() if step > 40} == losses and len(losses) == 20
    assert {event["run_id"] for event in lab.events if event.get("run_id")} == {run_id}
    assert [event["step"] for event in lab.all("finished")] == [40, 60]
    lines = [json.loads(line) for line in (tmp_path / "run" / "baby-1" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [8, 16, 20, 24, 32, 40, 48, 56, 60]
    assert "steps = 60" in (tmp_path / "run" / "baby-1" / "experiment.toml").read_text()


@pytest.mark.parametrize("steps", [40, 39, 0, -1, 10**8, 50.5, "60"])
def test_a_total_that_leaves_no_steps_or_is_no_number_is_refused(lab, steps):
    async def scenario():
        await lab.train()
        await lab.send({"type": "extend", "steps": steps}, None)

    asyncio.run(scenario())
    (error,) = lab.all("error")
    assert error["field"].endswith("steps") and error["during"] == "extend"
    run = lab.session.training.run
    assert (run.step, run.experiment.train.steps) == (40, 40) and not lab.session.training.active


def test_a_draft_gets_the_time_of_its_run_once_the_idle_device_is_measured(lab, monkeypatch):
    """Measured once for each device; not while a run trains, which would disturb both."""
    monkeypatch.setattr(timing, "IDLE_SECONDS", 0.0)
    longer = DRAFT.with_fields(**{"train.steps": 80, "optim.learning_rate": 0.1})

    async def check(draft):
        await lab.send({"type": "check", "experiment": draft.to_dict()}, None)

    async def scenario():
        await lab.prepare()
        await lab.send({"type": "start", "experiment": DRAFT.to_dict()}, None)
        await check(DRAFT)
        await lab.session.timing.task
        assert lab.session.training.active and not lab.session.timing.rates
        await lab.session.training.task
        await check(DRAFT)
        await check(longer)
        await lab.session.timing.task
        await check(DRAFT)

    asyncio.run(scenario())
    seconds = [event["seconds"] for event in lab.all("checked")]
    assert seconds[:3] == [None] * 3 and len(seconds) == 5
    ratio = (80 + 5 * 2 / 3) / (40 + 3 * 2 / 3)
    assert seconds[3] / seconds[4] == pytest.approx(ratio), "the draft checked last, then the one checked now"


def test_a_kept_run_is_listed_opened_and_deleted(lab, tmp_path, monkeypatch):
    asyncio.run(lab.train())
    lab.close()
    later = Recorded(tmp_path / "run")

    async def visit():
        await later.send({"type": "begin", "device": "numpy"}, None)
        (kept,) = later.all("found")[0]["runs"]
        assert (kept["copy"], kept["name"], kept["text"], kept["open"]) == ("baby-1", "baby 1", "poem", "")
        assert (kept["id"], kept["step"], kept["steps"]) == (lab.all("started")[0]["run_id"], 40, 40)
        assert kept["val_loss"] == lab.all("evaluated")[-1]["val_loss"] and 0 <= kept["seconds_ago"] < 60
        assert kept["loss"] == lab.session.training.run.metrics.curve.smoothed
        await later.send({"type": "delete_run", "copy": "baby-1"}, None)
        await later.send({"type": "restore_run", "copy": "baby-1"}, None)
        await later.send({"type": "open_kept", "copy": "baby-1"}, None)
        await later.send({"type": "list_runs"}, None)
        await later.send({"type": "delete_run", "copy": "baby-1"}, None)

    asyncio.run(visit())
    assert later.kinds()[:4] == ["ready", "found", "text", "device"] and later.all("opened")[0]["run"]["step"] == 40
    assert [sample["step"] for sample in later.all("sample")] == [0, 40]
    states = [[run["open"] for run in found["runs"]] for found in later.all("found")]
    assert states == [[""], [], [""], ["here"], ["here"]] and "baby 1 is open" in later.all("error")[0]["message"]
    later.close()

    gone = Recorded(tmp_path / "run")
    asyncio.run(gone.send({"type": "delete_run", "copy": "baby-1"}, None))
    assert [run["copy"] for run in gone.all("found")[-1]["deleted"]] == ["baby-1"]
    monkeypatch.setattr(run_store, "UNDO_SECONDS", 0)
    asyncio.run(gone.send({"type": "begin", "device": "numpy"}, None))
    asyncio.run(gone.send({"type": "restore_run", "copy": "baby-1"}, None))
    assert "there is no run 'baby-1'" in gone.all("error")[0]["message"]
    with pytest.raises(CheckpointError, match="there is no run 'baby-1'"):
        asyncio.run(RunStore(DiskFiles(tmp_path / "run")).read_copy("baby-1"))
    assert not (tmp_path / "run" / "baby-1").exists()


@pytest.mark.parametrize("command", ["open", "open_kept"])
def test_opening_a_run_chooses_its_text_for_the_next_one(lab, tmp_path, command):
    async def visit():
        await lab.train()
        await lab.send({"type": "save"}, None)
        await lab.session.store.files.release("baby-1")
        await later.send({"type": "begin", "device": "numpy"}, None)
        copy = {"copy": later.all("found")[0]["runs"][0]["copy"]} if command == "open_kept" else {}
        await later.send({"type": command, **copy}, None if copy else lab.files[0])

    later = Recorded(tmp_path / "run")
    asyncio.run(visit())
    first, again = later.all("text")
    assert first["text"]["name"] == "tales" and (first["of_run"], again["of_run"]) == (False, True)
    assert again["text"]["sha256"] == later.all("opened")[0]["run"]["text_sha256"] and not again["text"]["built_in"]
    assert later.files == [POEM.encode()] and later.session.texts.chosen.text == POEM
    assert later.kinds().index("opened") < max(index for index, kind in enumerate(later.kinds()) if kind == "text")


@pytest.mark.parametrize("presses", [("open_kept", "open_kept"), ("open_kept", "delete_run", "open_kept")])
def test_what_acts_once_acts_once(lab, tmp_path, presses):
    """A run opened twice at once is opened once, and one that is open is not deleted."""
    asyncio.run(lab.train())
    lab.close()
    later = Recorded(tmp_path / "run")

    async def visit():
        await later.send({"type": "begin", "device": "numpy"}, None)
        copy = later.all("found")[0]["runs"][0]["copy"]
        await asyncio.gather(*(later.send({"type": press, "copy": copy}, None) for press in presses))
        return await RunStore(DiskFiles(tmp_path / "run")).read_copy(copy)

    data = asyncio.run(visit())
    assert len(later.all("opened")) == 1 and all("is open" in error["message"] for error in later.all("error"))
    assert read_checkpoint(data).step == 40


@pytest.mark.parametrize("command", ["open_kept", "delete_run"])
@pytest.mark.parametrize("name", ["no-such-copy", "", "run", "about.json", "../run/model.safetensors", "x" * 10_000])
def test_a_copy_that_there_is_not_is_neither_opened_nor_removed(lab, tmp_path, command, name):
    """Neither while a run trains, whose copy has another name, nor before."""
    later = Recorded(tmp_path / "run")

    async def scenario():
        await lab.train()
        await lab.send({"type": "start", "experiment": DRAFT.with_fields(**{"train.steps": 4000}).to_dict()}, None)
        await lab.send({"type": command, "copy": name}, None)
        assert lab.session.training.active and not lab.all("opened")
        await lab.send({"type": "stop"}, None)
        await later.send({"type": command, "copy": name}, None)
        return await later.session.store.find()

    assert sorted(run["steps"] for run in asyncio.run(scenario())) == [40, 4000]
    for session in (lab, later):
        (error,) = session.all("error")
        assert error["message"].startswith(f"there is no run {name[:80]!r}") and error["during"] == command


def test_commands_pressed_at_once_leave_one_task(lab):
    """Two samples, and a new run beside Resume: one continuation and one training are left."""

    async def scenario():
        await lab.train()
        sample = {"type": "sample", "prompt": "", "max_new_tokens": 5}
        await asyncio.gather(*(lab.send(dict(sample), None) for _ in range(3)))
        await lab.session.continuation.task
        longer = DRAFT.with_fields(**{"train.steps": 400}).to_dict()
        await lab.send({"type": "start", "experiment": longer}, None)
        await lab.send({"type": "pause"}, None)
        await asyncio.gather(
            lab.send({"type": "start", "experiment": DRAFT.to_dict()}, None), lab.send({"type": "resume"}, None)
        )
        await lab.session.training.task

    asyncio.run(scenario())
    assert [event["done"] for event in lab.all("sampled")].count(True) == 3  # each command is answered
    assert len("".join(event["text"] for event in lab.all("sampled"))) == 5
    runs = [event["run_id"] for event in lab.all("started")]
    assert not lab.all("error") and lab.all("finished")[-1] == {"type": "finished", "run_id": runs[-1], "step": 40}
    after = lab.events[lab.events.index(lab.all("started")[-1]) :]
    assert {event["run_id"] for event in after if event["type"] == "progress"} == {runs[-1]}


def test_work_stopped_before_its_first_step_ends_for_the_page(lab):
    """Continue and Stop, and Measure and Stop, pressed one directly after the other."""

    async def scenario():
        await lab.train()
        await lab.send({"type": "sample", "prompt": "", "max_new_tokens": 500}, None)
        await lab.send({"type": "stop_sampling"}, None)
        await lab.send({"type": "benchmark", "seconds": 5.0}, None)
        await lab.send({"type": "stop_benchmark"}, None)

    asyncio.run(scenario())
    assert [(event["text"], event["done"]) for event in lab.all("sampled")] == [("", True)]
    assert [event["complete"] for event in lab.all("measuring_ended")] == [False] and not lab.all("error")


@pytest.mark.parametrize("error", [MemoryError(), KeyError("x"), OSError(28, "No space left on device")])
def test_an_exception_of_any_class_is_answered_with_a_sentence(lab, monkeypatch, error):
    """In a command, in training and in a continuation; the session lives on."""

    def fail(*_args, **_more):
        raise error

    async def scenario():
        await lab.prepare()
        with monkeypatch.context() as broken:
            broken.setattr("pygpt.session.session.Run", fail)
            await lab.send({"type": "start", "experiment": DRAFT.to_dict()}, None)
        with monkeypatch.context() as broken:
            broken.setattr("pygpt.session.training.tune", fail)
            await lab.send({"type": "start", "experiment": DRAFT.to_dict()}, None)
            await asyncio.wait([lab.session.training.task])
        with monkeypatch.context() as broken:
            broken.setattr("pygpt.session.sampling.stream", fail)
            await lab.send({"type": "sample", "prompt": "", "max_new_tokens": 5}, None)
            await asyncio.wait([lab.session.continuation.task])
        await lab.train()

    asyncio.run(scenario())
    sent = lab.all("error")
    assert [event["during"] for event in sent] == ["start", "training", "sample"]
    expected = "not enough memory" if isinstance(error, MemoryError) else f"({type(error).__name__}: "
    assert all(expected in event["message"] for event in sent)
    assert len(lab.all("finished")) == 1


def test_copies_are_kept_by_time(lab, monkeypatch):
    """A copy whenever the last one is old enough, also between two evaluations."""
    monkeypatch.setattr(driver, "MAX_SLICE_SECONDS", 0.01)
    monkeypatch.setattr(keeping, "COPY_MIN_INTERVAL", 0.0)
    monkeypatch.setattr(keeping, "COPY_SHARE", 1e6)
    asyncio.run(lab.train(DRAFT.with_fields(**{"train.steps": 2000, "train.eval_every": 2000})))
    steps = [event["step"] for event in lab.all("kept")]
    assert any(0 < step < 2000 for step in steps) and steps == sorted(steps) and steps[-1] == 2000


def test_a_full_disk_ends_no_training(lab, monkeypatch, tmp_path):
    """Every write is refused for a while: that is said once, training goes on, and the next copy is written."""
    monkeypatch.setattr(keeping, "COPY_MIN_INTERVAL", 0.0)
    monkeypatch.setattr(keeping, "COPY_SHARE", 1e6)
    monkeypatch.setattr(driver, "MAX_SLICE_SECONDS", 0.01)
    store, refused = lab.session.store, []

    def refuse(method):
        async def write(*arguments):
            if len(refused) < 8:
                refused.append(method.__name__)
                raise CheckpointError("model.safetensors cannot be written (No space left on device)")
            return await method(*arguments)

        return write

    for name in ("log", "keep"):
        monkeypatch.setattr(store, name, refuse(getattr(store, name)))
    asyncio.run(lab.train(DRAFT.with_fields(**{"train.steps": 4000, "train.eval_every": 4000})))
    (error,) = lab.all("error")
    assert "No space left" in error["message"] and "tries again" in error["message"] and set(refused) == {"log", "keep"}
    assert lab.all("finished")[0]["step"] == 4000 and lab.all("kept")[-1]["step"] == 4000
    assert read_checkpoint((tmp_path / "run" / "baby-1" / "model.safetensors").read_bytes()).step == 4000


def test_each_run_says_that_its_copies_are_refused(lab, monkeypatch):
    """The page shows it for the run on the screen, and asks before another takes its place."""

    async def refuse(data, about):
        raise CheckpointError("no room")

    async def scenario():
        await lab.train()
        await lab.train()
        await lab.send({"type": "save"}, None)
        await lab.send({"type": "open"}, lab.files[0])
        await lab.send({"type": "extend", "steps": 44}, None)
        await lab.session.training.task

    monkeypatch.setattr(lab.session.store, "keep", refuse)
    asyncio.run(scenario())
    assert [error["field"] for error in lab.all("error")] == ["copy"] * 3


def test_a_copy_that_does_not_fit_in_memory_ends_no_training(lab, monkeypatch):
    """Nor the one that a run begins with. That is said once, in a sentence, and the next copy is tried again."""
    monkeypatch.setattr(keeping, "COPY_MIN_INTERVAL", 0.0)
    monkeypatch.setattr(keeping, "COPY_SHARE", 1e6)
    monkeypatch.setattr(driver, "MAX_SLICE_SECONDS", 0.01)
    fetch, refused = Run.fetch_checkpoint, []

    async def fetch_checkpoint(run):
        if len(refused) < 4:
            refused.append(run.step)
            raise MemoryError
        return await fetch(run)

    monkeypatch.setattr(Run, "fetch_checkpoint", fetch_checkpoint)
    asyncio.run(lab.train(DRAFT.with_fields(**{"train.steps": 4000, "train.eval_every": 4000})))
    (error,) = lab.all("error")
    assert (error["field"], refused[0]) == ("copy", 0) and "does not fit in memory" in error["message"]
    assert lab.all("finished")[0]["step"] == 4000 and lab.all("kept")[-1]["step"] == 4000


def test_the_last_copy_can_be_asked_for_again(lab, monkeypatch, tmp_path):
    full, keep = [True], lab.session.store.keep

    async def write(*arguments):
        if full:
            raise CheckpointError("model.safetensors cannot be written (No space left on device)")
        return await keep(*arguments)

    async def scenario():
        await lab.send({"type": "keep"}, None)
        await lab.train()
        assert lab.kinds()[-1] != "kept"
        await lab.send({"type": "keep"}, None)
        full.clear()
        await lab.send({"type": "keep"}, None)

    monkeypatch.setattr(lab.session.store, "keep", write)
    asyncio.run(scenario())
    before, training_error, again = [error["message"] for error in lab.all("error")]
    assert "no run to keep" in before and "No space left" in training_error and "No space left" in again
    assert [event["step"] for event in lab.all("kept")] == [40]
    assert read_checkpoint((tmp_path / "run" / "baby-1" / "model.safetensors").read_bytes()).step == 40


def test_a_run_that_goes_back_repeats_no_step_in_its_log(lab, monkeypatch, tmp_path):
    """A lost GPU takes the run back to its last checkpoint, here that of step 0; the log goes back with it."""
    log, lost = lab.session.store.log, []

    async def write(metrics, every):
        await log(metrics, every)
        if not lost and metrics and metrics[-1].step >= 20:
            lost.append(metrics[-1].step)
            raise DeviceLost("the GPU was lost")

    async def scenario():
        await lab.train()
        await lab.send({"type": "resume"}, None)
        await lab.session.training.task

    monkeypatch.setattr(lab.session.store, "log", write)
    asyncio.run(scenario())
    assert lost and lab.all("resumed")[0]["step"] == 0 and lab.all("finished")[0]["step"] == 40
    lines = [
        json.loads(line)["step"] for line in (tmp_path / "run" / "baby-1" / "metrics.jsonl").read_text().splitlines()
    ]
    assert lines == [8, 16, 20, 24, 32, 40]


@pytest.mark.parametrize("opens", [True, False], ids=["opened again", "not opened again"])
@pytest.mark.parametrize("copied", [True, False], ids=["a later copy", "the copy of step 0"])
def test_a_run_whose_gpu_was_lost_is_all_that_its_last_copy_is(lab, monkeypatch, tmp_path, opens, copied):
    """Its step, losses, log, list entry and file; and the sentence says how much is lost."""
    log, folder = lab.session.store.log, tmp_path / "run" / "baby-1"
    steps, lost = {"train.steps": 4000, "train.eval_every": 4000}, []

    async def gone(*arguments):
        raise DeviceLost("the GPU was lost")

    async def refuse(choice):
        raise DeviceError("the browser does not open its GPU")

    async def write(metrics, every):
        await log(metrics, every)
        newest = lab.all("kept")[-1]["step"]
        if not lost and metrics and (newest if copied else metrics[-1].step - 50) > 0 and metrics[-1].step > newest:
            lost.append(metrics[-1].step)
            monkeypatch.setattr(lab.session.device, "fetch", gone)
            if not opens:
                monkeypatch.setattr(lab.session.site, "open_device", refuse)
            await gone()

    async def scenario():
        await lab.train(DRAFT.with_fields(**steps))
        await lab.send({"type": "save"}, None)
        await lab.send({"type": "list_runs"}, None)

    if copied:
        monkeypatch.setattr(keeping, "COPY_MIN_INTERVAL", 0.0)
        monkeypatch.setattr(keeping, "COPY_SHARE", 1e6)
    monkeypatch.setattr(driver, "MAX_SLICE_SECONDS", 0.01)
    monkeypatch.setattr(lab.session.store, "log", write)
    asyncio.run(scenario())
    saved = read_checkpoint(lab.files[-1])
    step, curve, (error,) = saved.step, lab.all("curve")[-1], lab.all("error")
    assert (step > 0) == copied and lost[0] > step
    assert (curve["step"], curve["training"], curve["smoothed"]) == (step, saved.curve.training, saved.curve.smoothed)
    assert lab.all("stopped")[-1]["step"] == lab.all("saved")[-1]["step"] == step
    listed = lab.all("found")[-1]["runs"][0]
    assert (listed["step"], listed["loss"]) == (step, saved.curve.smoothed)
    lines = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert lines == list(range(8, step + 1, 8))
    assert f"back at step {step:,}, where it was last copied, so {lost[0] - step:,} steps are lost" in error["message"]
    assert ("press Resume" if opens else "choose another device") in error["message"] and error["field"] == "device"

    monkeypatch.setattr(lab.session.site, "open_device", Site().open_device)
    asyncio.run(lab.send({"type": "open_device", "choice": "numpy"}, None))
    asyncio.run(lab.send({"type": "save"}, None))
    assert read_checkpoint(lab.files[-1]).step == step


def test_a_diverging_run_returns_to_its_last_checkpoint(lab):
    wild = DRAFT.with_fields(**{"optim.learning_rate": 100.0, "optim.warmup_steps": 0, "optim.weight_decay": 10.0})
    wild = wild.with_fields(**{"train.steps": 400, "train.eval_every": 400})
    asyncio.run(lab.train(wild))
    assert [error["field"] for error in lab.all("error")] == ["", "optim.learning_rate"]
    assert "Try a smaller learning rate" in lab.all("error")[0]["message"]
    assert lab.all("stopped")[0]["step"] == lab.session.training.run.step == 0
    assert all(loss == loss for loss in lab.steps().values())


@pytest.mark.parametrize(
    "command, message",
    [
        ({"type": "sample", "prompt": "", "max_new_tokens": 3}, "there is no model to sample from yet"),
        ({"type": "save"}, "there is no run to save yet"),
        ({"type": "extend", "steps": 10}, "there is no run to continue yet"),
        ({"type": "profile"}, "only a run that is training can be profiled"),
        ({"type": "start", "experiment": DRAFT.to_dict()}, "there is no text to train on yet"),
        ({"type": "benchmark", "seconds": 1}, "there is no device to measure"),
        ({"type": "open"}, "there is no device to open a run on"),
        ({"type": "dance"}, "there is no command 'dance'"),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_a_command_too_early_is_an_error(lab, command, message):
    asyncio.run(lab.send(dict(command), None))
    (sent,) = lab.all("error")
    assert sent["during"] == command["type"] and message in sent["message"]


@pytest.mark.parametrize("name", ["mine", "task:sort,format=mingpt,examples=50"])
def test_samples_of_a_task_ask_its_held_out_questions(name, lab):
    """Every fifth document is held out; the samples ask the first, and say whether the answer is right."""
    own = name == "mine"
    questions = [f"{n}={n % 7}" for n in range(100, 150)] if own else split_documents(load_text(name).text)
    task = DRAFT.with_fields(
        **{
            "data.layout": "documents",
            "data.val_fraction": 0.2,
            "model.block_size": 16,
            "train.answers_only": True,
            "train.steps": 2,
            "train.eval_every": 2,
        }
    )

    async def scenario():
        await lab.send({"type": "open_device", "choice": "numpy"}, None)
        content = "\n".join(questions).encode() if own else None
        await lab.send({"type": "choose_text", "name": name, "built_in": not own}, content)
        await lab.send({"type": "start", "experiment": task.to_dict()}, None)
        await lab.session.training.task

    asyncio.run(scenario())
    assert not lab.all("error")
    expected = questions[4]
    assert [event["step"] for event in lab.all("sample")] == [0, 2]
    for event in lab.all("sample"):
        assert event["text"].startswith(expected[: 4 if own else 6])
        answer, verdict = event["text"].split("  ", 1)
        assert verdict == ("right" if answer == expected else f"wrong: {expected}")


@pytest.mark.parametrize("layout", ["documents", "stream"])
def test_a_run_says_what_its_context_leaves_out_of_documents(layout, lab):
    draft = DRAFT.with_fields(**{"data.layout": layout, "model.block_size": 4, "train.steps": 1})

    async def scenario():
        await lab.send({"type": "open_device", "choice": "numpy"}, None)
        content = b"abcdefghijklmnopqrst\n" * 10 + b"ab\n" * 10
        await lab.send({"type": "choose_text", "name": "mine", "built_in": False}, content)
        await lab.send({"type": "start", "experiment": draft.to_dict()}, None)
        await lab.session.training.task

    asyncio.run(scenario())
    said = lab.all("started")[0]["run"]["cut"]
    if layout == "stream":
        assert said == ""
    else:
        assert said.startswith("10 of 20 documents are longer than the context of 4: 71 % of the tokens are left out; ")


@pytest.mark.parametrize("name", ["shakespeare", "python"])
def test_a_start_waits_for_a_text_on_its_way(lab, name):
    """Train pressed while a text is being fetched trains on it; if it cannot be fetched, its reason is given."""

    async def scenario():
        await lab.prepare()
        arrived = asyncio.Event()

        async def load_text(name):
            await arrived.wait()
            if name == "python":
                raise DataError("the text python could not be fetched")
            return text_from_bytes(name, POEM.encode())

        lab.session.site.load_text = load_text
        choosing = asyncio.ensure_future(lab.send({"type": "choose_text", "name": name, "built_in": True}, None))
        await asyncio.sleep(0)
        starting = asyncio.ensure_future(lab.send({"type": "start", "experiment": DRAFT.to_dict()}, None))
        await asyncio.sleep(0.05)
        assert not choosing.done() and not starting.done() and not lab.all("error")
        arrived.set()
        await asyncio.wait([choosing, starting])
        if lab.session.training.task:
            await asyncio.wait([lab.session.training.task, lab.session.training.baselines_task])

    asyncio.run(scenario())
    failed = [(event["during"], event["field"], event["message"]) for event in lab.all("error")]
    if name == "shakespeare":
        assert lab.all("started")[0]["run"]["text"] == "shakespeare" and lab.all("finished") and not failed
    else:
        reason = "the text python could not be fetched"
        assert sorted(failed) == [("choose_text", "text", reason), ("start", "text", reason)]


@pytest.mark.parametrize("field", ["", "text", "device"])
def test_what_is_prepared_can_be_called_off(lab, field):
    """A tokenizer that is being learned, a text and a device on their way: the wait ends, and asking again works."""
    site = lab.session.site
    commands = {
        "": {"type": "start", "experiment": SLOW_TOKENIZER.to_dict()},
        "text": {"type": "choose_text", "name": "tales", "built_in": True},
        "device": {"type": "open_device", "choice": "numpy"},
    }

    async def never(_):
        await asyncio.Event().wait()

    async def scenario():
        await lab.prepare()
        text = b"".join(bytes(f"word{number} other{7 * number} ", "ascii") for number in range(60_000))
        await lab.send({"type": "choose_text", "name": "long", "built_in": False}, text)
        device, lab.events[:] = lab.session.device, []
        site.load_text = site.open_device = never
        waiting = asyncio.ensure_future(lab.send(dict(commands[field]), None))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await lab.send({"type": "call_off", "field": field}, None)
        await asyncio.wait_for(waiting, 1)
        assert lab.session.device is device and lab.session.training.run is None
        del site.load_text, site.open_device
        if field:
            await lab.send(dict(commands[field]), None)
        await lab.send({"type": "call_off", "field": field}, None)  # there is nothing left to call off

    asyncio.run(scenario())
    assert lab.all("called_off") == [{"type": "called_off", "during": commands[field]["type"]}] and not lab.all("error")
    if field:
        assert len(lab.all(field)) == 1


def test_a_start_called_off_when_all_but_ready_begins_no_run(lab, monkeypatch):
    """Cancel is pressed while the text is encoded; the next start is not affected."""

    async def scenario():
        await lab.prepare()
        with monkeypatch.context() as during:

            def encode(*arguments):
                asyncio.ensure_future(lab.send({"type": "call_off", "field": ""}, None))
                return Run(*arguments)

            during.setattr("pygpt.session.session.Run", encode)
            await lab.send({"type": "start", "experiment": DRAFT.to_dict()}, None)
        assert lab.kinds()[-1] == "called_off" and lab.session.training.run is None
        await lab.train()

    asyncio.run(scenario())
    assert len(lab.all("started")) == 1 and lab.all("finished") and not lab.all("error")


def test_a_start_that_waits_for_a_text_ends_when_the_text_is_called_off(lab):
    async def scenario():
        await lab.prepare()
        lab.session.site.load_text = lambda name: asyncio.Event().wait()
        commands = (
            {"type": "choose_text", "name": "tales", "built_in": True},
            {"type": "start", "experiment": DRAFT.to_dict()},
        )
        waiting = [asyncio.ensure_future(lab.send(command, None)) for command in commands]
        await asyncio.sleep(0.05)
        await lab.send({"type": "call_off", "field": "text"}, None)
        await asyncio.wait_for(asyncio.gather(*waiting), 1)

    asyncio.run(scenario())
    assert {event["during"] for event in lab.all("called_off")} == {"choose_text", "start"} and not lab.all("error")


def test_sleep_during_a_copy_or_a_sample_does_not_postpone_the_next(lab, monkeypatch):
    """The clock says that the last copy and the last sample took a night; the next ones come within minutes."""
    now = 100_000.0
    for module in (keeping, sampling):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now))
    copies, samples = lab.session.training.keeping, lab.session.training.samples
    copies._took = samples._took = 8 * 3600.0
    copies._kept_at = samples._wrote_at = now
    for waited, copy, sample in ((5.0, False, False), (130.0, False, True), (610.0, True, True)):
        now = 100_000.0 + waited
        assert (copies.is_due, samples.is_due(evaluated=True)) == (copy, sample)


def test_a_kept_run_is_read_for_a_comparison(lab, expected):
    """Its curve is that of the run, its settings and samples are those that were kept; only its beginning is read."""
    asyncio.run(lab.train())
    asyncio.run(lab.send({"type": "read_run", "copy": "baby-1"}, None))
    (read,) = lab.all("run_read")
    assert read["experiment"] == DRAFT.to_dict()
    assert [loss for _, loss, _ in read["training"]] == [metric.loss for metric in expected if metric.loss is not None]
    assert [loss for _, loss, _ in read["validation"]] == [
        metric.val_loss for metric in expected if metric.val_loss is not None
    ]
    assert [sample["step"] for sample in read["samples"]] == [0, 40]
    assert read["metrics"]["step"] == [8, 16, 20, 24, 32, 40] and read["bytes_per_token"] == 1.0
    times = read["metrics"]["seconds"]
    assert 0 < times[0] and times == sorted(set(times)) and "accuracy" not in read["metrics"]
    asyncio.run(lab.send({"type": "list_runs"}, None))
    assert lab.all("found")[-1]["runs"][0]["seconds"] >= times[-1] - 0.001
    asyncio.run(lab.send({"type": "list_settings"}, None))
    assert lab.all("settings_listed")[-1]["settings"] == {"baby-1": DRAFT.to_dict()}


@pytest.mark.parametrize("damage", [b"", b"\x05", b"\xff" * 8, b"\x02\0\0\0\0\0\0\0{}"])
def test_a_run_with_a_damaged_checkpoint_is_named(lab, tmp_path, damage):
    asyncio.run(lab.train())
    (tmp_path / "run" / "baby-1" / "model.safetensors").write_bytes(damage)
    asyncio.run(lab.send({"type": "read_run", "copy": "baby-1"}, None))
    (error,) = lab.all("error")
    assert error["message"].startswith("baby-1: this is not the checkpoint of a pygpt run")


def test_a_start_that_is_refused_leaves_the_run_that_trains(lab):
    """A model that does not fit on the device is refused before anything is stopped."""

    async def scenario():
        await lab.prepare()
        await lab.send({"type": "start", "experiment": DRAFT.with_fields(**{"train.steps": 100_000}).to_dict()}, None)
        while not lab.all("progress"):
            await asyncio.sleep(0.01)
        lab.session.device.memory_limit = 1 << 20
        huge = DRAFT.with_fields(**{"model.n_embd": 4096})
        await lab.send({"type": "start", "experiment": huge.to_dict()}, None)
        assert lab.session.training.active and not lab.all("stopped")
        await lab.send({"type": "stop"}, None)

    asyncio.run(scenario())
    (error,) = [error for error in lab.all("error") if error["during"] == "start"]
    assert "this run needs about" in error["message"]


def test_a_run_that_has_ended_is_kept_as_soon_as_there_is_room(lab, monkeypatch, tmp_path):
    full, keep = [True], lab.session.store.keep

    async def write(*arguments):
        if full:
            raise CheckpointError("this browser has no room")
        return await keep(*arguments)

    async def scenario():
        await lab.train()
        assert lab.kinds()[-1] == "finished" and not lab.all("kept")
        full.clear()
        await asyncio.wait_for(lab.session.training.keeping.retry, 10)

    monkeypatch.setattr(lab.session.store, "keep", write)
    monkeypatch.setattr(keeping, "RETRY_INTERVAL", 0.01)
    asyncio.run(scenario())
    assert [event["step"] for event in lab.all("kept")] == [40] and len(lab.all("error")) == 1
    assert read_checkpoint((tmp_path / "run" / "baby-1" / "model.safetensors").read_bytes()).step == 40


def test_a_run_that_is_opened_before_the_device_waits_for_it(lab, tmp_path):
    """The list of runs comes first; what is pressed then is not refused."""
    asyncio.run(lab.train())
    lab.close()
    later = Recorded(tmp_path / "run")

    async def visit():
        begin = asyncio.ensure_future(later.send({"type": "begin", "device": "numpy"}, None))
        while not later.all("found"):
            await asyncio.sleep(0)
        assert not later.all("device")
        await later.send({"type": "open_kept", "copy": "baby-1"}, None)
        await begin

    asyncio.run(visit())
    assert later.all("opened") and not later.all("error")


def test_a_pause_right_after_the_start_is_not_lost(lab):
    """Also before the run has its folder."""

    async def scenario():
        await lab.prepare()
        start = {"type": "start", "experiment": DRAFT.with_fields(**{"train.steps": 100_000}).to_dict()}
        starting = asyncio.ensure_future(lab.send(start, None))
        while not lab.all("started"):
            await asyncio.sleep(0)
        await lab.send({"type": "pause"}, None)
        await starting
        await asyncio.wait_for(lab.session.training.task, 20)

    asyncio.run(scenario())
    assert lab.all("paused") and not lab.all("error")
