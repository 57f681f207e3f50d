"""The lab's session with a GPU: if the device is chosen automatically, each run gets the one that suits its size."""

import asyncio

import pytest

from pygpt.analysis import device_choice as choose
from pygpt.config.experiment import Experiment
from pygpt.data import load_text as load_built_in
from pygpt.data import text_from_bytes
from pygpt.devices import open_numpy, wgpu
from pygpt.errors import DataError, ExperimentError
from pygpt.runs.disk_files import DiskFiles
from pygpt.runs.run_store import RunStore
from pygpt.session import preparing, sampling
from pygpt.session.session import SHORT_TEXT, Session
from tests.tiny_runs import POEM

TINY = Experiment.preset("baby").with_fields(
    **{
        "model.n_layer": 1,
        "model.n_head": 1,
        "model.n_embd": 16,
        "model.block_size": 16,
        "train.batch_size": 1,
        "train.steps": 3,
        "train.eval_batches": 1,
    }
)
LARGER = TINY.with_fields(**{"model.n_embd": 32, "train.batch_size": 8})


class Site:
    """A stand-in for the site in a browser with a GPU."""

    contents = {"version": "0"}
    texts, numpy, automatic_choices = ["tales"], True, ("auto",)

    async def open_device(self, choice):
        if choice == "numpy":
            return open_numpy()
        device = wgpu.open_wgpu("a real GPU")
        device.software = False
        return device

    async def device_for(self, gpu, experiment):
        async def open_cpu(why):
            return open_numpy(why)

        return await choose.choose(gpu, open_cpu, experiment)


@pytest.fixture
def session(monkeypatch, gpu, tmp_path):
    monkeypatch.setattr(sampling, "SAMPLE_LENGTH", 4)
    # Lower the size at which a GPU is certain, so that a software GPU can stand in for a real one.
    monkeypatch.setattr(choose, "CPU_MAX_FLOPS", 1e6)
    monkeypatch.setattr(choose, "GPU_MIN_FLOPS", 2e6)

    events = []
    session = Session(lambda event, data=None: events.append(event.to_dict()), Site(), RunStore(DiskFiles(tmp_path)))
    session.events, session.texts.chosen = events, text_from_bytes("poem", POEM.encode())
    yield session


@pytest.mark.parametrize("installed", [True, False])
def test_gpt2_is_offered_only_with_its_tokenizer(session, monkeypatch, tmp_path, installed):
    if installed:
        (tmp_path / "gpt2-tokenizer").mkdir()
    monkeypatch.setenv("PYGPT_DATA", str(tmp_path))
    monkeypatch.setenv("PYGPT_CACHE", str(tmp_path / "cache"))

    async def scenario():
        await session.begin("numpy")
        return session.events[0]

    ready = asyncio.run(scenario())
    choices = next(field["choices"] for field in ready["fields"] if field["field"] == "data.tokenizer")
    assert ("gpt2" in ready["presets"]) is installed and ("gpt2" in choices) is installed
    assert {"bigram", "baby", "addition"} < set(ready["presets"]) and {"char", "byte", "bpe"} <= set(choices)


def test_check_refuses_the_gpt2_tokenizer_without_its_files(session, monkeypatch, tmp_path):
    monkeypatch.setenv("PYGPT_DATA", str(tmp_path))
    monkeypatch.setenv("PYGPT_CACHE", str(tmp_path / "cache"))
    draft = TINY.with_fields(**{"data.tokenizer": "gpt2"}).to_dict()

    async def scenario():
        await session.open_device("numpy")
        with pytest.raises(ExperimentError, match="GPT-2's tokenizer is read from its files"):
            await session.check(draft)

    session.texts.chosen = text_from_bytes("a long text", POEM.encode() * (SHORT_TEXT // len(POEM) + 1))
    asyncio.run(scenario())


def test_each_run_gets_the_device_that_suits_it(session):
    async def scenario():
        await session.open_device("auto")
        kinds = [session.device.kind]
        for experiment in (TINY, LARGER, TINY):
            await session.start(experiment.to_dict())
            await session.training.task
            kinds.append(session.device.kind)
        return kinds

    assert asyncio.run(scenario()) == ["webgpu", "numpy", "webgpu", "numpy"]
    devices = [event["kind"] for event in session.events if event["type"] == "device"]
    assert devices == ["webgpu", "numpy", "webgpu", "numpy"]
    assert [event["type"] for event in session.events].count("finished") == 3
    assert not [event for event in session.events if event["type"] == "error"]


def test_a_device_chosen_by_name_is_kept(session):
    async def scenario():
        await session.open_device("webgpu")
        await session.start(TINY.to_dict())
        await session.training.task
        return session.device.kind

    assert asyncio.run(scenario()) == "webgpu"


def test_float64_selects_numpy_automatically_and_is_refused_on_webgpu(session):
    double = LARGER.with_fields(**{"model.dtype": "float64"}).to_dict()

    async def scenario():
        await session.open_device("webgpu")
        for command in (session.check, session.start):
            with pytest.raises(ExperimentError, match="only the NumPy device supports float64") as caught:
                await command(double)
            assert caught.value.field == "model.dtype"
        await session.open_device("auto")
        await session.check(double)
        await session.start(double)
        await session.training.task
        return session.device.kind

    assert asyncio.run(scenario()) == "numpy"
    kinds = [event["type"] for event in session.events]
    assert kinds.count("checked") == 1 and kinds.count("finished") == 1 and "error" not in kinds


def test_the_text_chosen_last_is_used(session, monkeypatch):
    """The first text is still loading when the second is ready."""
    ready = {}

    async def load_text(name):
        await ready[name].wait()
        return text_from_bytes(name, POEM.encode())

    async def scenario():
        ready.update(slow=asyncio.Event(), quick=asyncio.Event())
        first = asyncio.create_task(session.texts.choose_text("slow", built_in=True))
        await asyncio.sleep(0)
        ready["quick"].set()
        await session.texts.choose_text("quick", built_in=True)
        ready["slow"].set()
        await first

    monkeypatch.setattr(session.site, "load_text", load_text, raising=False)
    asyncio.run(scenario())
    assert session.texts.chosen.name == "quick"
    assert [event["text"]["name"] for event in session.events if event["type"] == "text"][-1] == "quick"


def test_a_text_replaced_before_it_fails_is_not_heard_of_again(session, monkeypatch):
    async def load_text(name):
        await asyncio.sleep(0)
        raise DataError(f"{name} did not arrive")

    async def scenario():
        first = asyncio.create_task(session.handle({"type": "choose_text", "name": "slow", "built_in": True}, None))
        await asyncio.sleep(0)
        await session.texts.choose_text("poem", built_in=False, data=POEM.encode())
        await first

    monkeypatch.setattr(session.site, "load_text", load_text, raising=False)
    asyncio.run(scenario())
    assert [event["type"] for event in session.events] == ["text"] and session.texts.chosen.name == "poem"


@pytest.mark.parametrize("command", ["check", "start"])
def test_a_refused_text_is_the_reason_until_another_is_chosen(session, command):
    async def scenario():
        await session.open_device("numpy")
        await session.handle({"type": "choose_text", "name": "x", "built_in": False}, b"a\0b" * 100)
        await session.handle({"type": command, "experiment": TINY.to_dict()}, None)
        await session.texts.clear_text()
        await session.handle({"type": "start", "experiment": TINY.to_dict()}, None)

    asyncio.run(scenario())
    refused, *again, cleared = [event for event in session.events if event["type"] == "error"]
    assert "zero byte" in refused["message"] and refused["field"] == "text"
    assert [event["message"] for event in again] == [refused["message"]] * (command == "start")
    assert "no text to train on yet" in cleared["message"]


def test_a_check_that_a_later_one_overtakes_is_not_answered(session, monkeypatch):
    """The size on the page is that of the draft on the page."""
    monkeypatch.setattr(preparing, "LEARNING_SLICE", 0.0)
    slow = TINY.with_fields(**{"data.tokenizer": "bpe", "data.vocab_size": 3000})
    session.texts.chosen = text_from_bytes("long", b"".join(b"word%d " % number for number in range(1800)))

    async def scenario():
        first = asyncio.create_task(session.handle({"type": "check", "experiment": slow.to_dict()}, None))
        while not session.events:
            await asyncio.sleep(0)
        assert session.events[0]["type"] == "loading" and not first.done()
        await session.check(TINY.to_dict())
        await first

    asyncio.run(scenario())
    assert [(event["type"], event["vocabulary"]) for event in session.events if event["type"] != "loading"] == [
        ("checked", len(set(session.texts.chosen.text)))
    ]


def test_start_requires_a_text(session):
    """After `clear_text` the previous text is not used."""
    asyncio.run(session.texts.choose_text("poem", built_in=False, data=POEM.encode()))
    asyncio.run(session.texts.clear_text())
    with pytest.raises(DataError, match="no text to train on yet"):
        asyncio.run(session.start(TINY.to_dict()))


def test_a_run_names_the_text_it_is_trained_on_and_can_be_opened_again(session):
    """The draft can name another one: a page's own, or one of a program that sent only its settings."""

    async def load_text(name):
        return load_built_in(name)

    async def scenario():
        session.site.load_text = load_text
        await session.begin("numpy")
        await session.handle({"type": "choose_text", "name": "task:sort,length=6,seed=2", "built_in": True}, None)
        draft = TINY.with_fields(**{"data.source": "words", "data.layout": "documents", "train.steps": 2})
        await session.handle({"type": "start", "experiment": draft.to_dict()}, None)
        await session.training.task
        kept = session.store.current
        await session.handle({"type": "choose_text", "name": "words", "built_in": True}, None)
        await session.handle({"type": "start", "experiment": draft.to_dict()}, None)
        await session.training.task
        await session.handle({"type": "open_kept", "copy": kept}, None)

    asyncio.run(scenario())
    assert not [event for event in session.events if event["type"] == "error"]
    started, _, opened = (event["run"] for event in session.events if event["type"] in ("started", "opened"))
    assert started["experiment"]["data"]["source"] == started["text"] == opened["text"] == "task:sort,seed=2"
