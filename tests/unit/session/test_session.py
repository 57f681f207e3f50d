"""The lab's session beside a GPU: where the choice is left to it, each run gets the device that suits its size."""

import asyncio

import pytest

from pygpt.analysis import device_choice as choose
from pygpt.config.experiment import Experiment
from pygpt.data import text_from_bytes
from pygpt.devices import open_numpy, wgpu
from pygpt.errors import DataError, ExperimentError
from pygpt.session import sampling
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
    """A site in a browser with a GPU, as the session sees it."""

    contents = {"version": "0"}
    texts, numpy, automatic = ["tales"], True, ("auto",)

    async def open_device(self, choice):
        if choice == "numpy":
            return open_numpy()
        device = wgpu.open_wgpu("a real GPU")
        device.software = False
        return device

    async def fitting_device(self, gpu, experiment):
        async def open_cpu(why):
            return open_numpy(why)

        return await choose.choose(gpu, open_cpu, experiment)


class Store:
    """A store with room for nothing."""

    async def begin(self, run, copy=""):
        """A name for what comes."""

    async def log(self, metrics, every):
        """It is gone with the tab."""

    async def keep(self, data, about):
        return False

    async def find(self):
        return []

    async def parting(self, looked):
        return False

    async def recall(self, name):
        return ""

    async def remember(self, name, text):
        """It is gone with the tab."""


@pytest.fixture
def session(monkeypatch, gpu):
    monkeypatch.setattr(sampling, "SAMPLE_LENGTH", 4)
    # What is surely large is lowered, so that a processor can play the GPU of a run that is.
    monkeypatch.setattr(choose, "SURELY_CPU", 1e6)
    monkeypatch.setattr(choose, "SURELY_GPU", 2e6)

    told = []
    session = Session(lambda event, data=None: told.append(event.to_dict()), Site(), Store())
    session.told, session.text = told, text_from_bytes("poem", POEM.encode())
    yield session


@pytest.mark.parametrize("there", [True, False])
def test_gpt2_is_offered_where_its_tokenizer_is(session, monkeypatch, tmp_path, there):
    if there:
        (tmp_path / "gpt2-tokenizer").mkdir()
    monkeypatch.setenv("PYGPT_DATA", str(tmp_path))
    monkeypatch.setenv("PYGPT_CACHE", str(tmp_path / "cache"))

    async def story():
        await session.begin("", "numpy")
        return session.told[0]

    told = asyncio.run(story())
    choices = next(field["choices"] for field in told["fields"] if field["field"] == "data.tokenizer")
    assert ("gpt2" in told["presets"]) is there and ("gpt2" in choices) is there
    assert {"bigram", "baby", "addition"} < set(told["presets"]) and {"char", "byte", "bpe"} <= set(choices)


def test_gpt2s_tokens_are_refused_before_the_start(session, monkeypatch, tmp_path):
    monkeypatch.setenv("PYGPT_DATA", str(tmp_path))
    monkeypatch.setenv("PYGPT_CACHE", str(tmp_path / "cache"))
    draft = TINY.with_fields(**{"data.tokenizer": "gpt2"}).to_dict()

    async def story():
        await session.open_device("numpy")
        with pytest.raises(ExperimentError, match="GPT-2's tokenizer is read from its files"):
            await session.check(draft)

    session.text = text_from_bytes("a long text", POEM.encode() * (SHORT_TEXT // len(POEM) + 1))
    asyncio.run(story())


def test_each_run_gets_the_device_that_suits_it(session):
    async def story():
        await session.open_device("auto")
        found = [session.device.kind]
        for experiment in (TINY, LARGER, TINY):
            await session.start(experiment.to_dict())
            await session.training.task
            found.append(session.device.kind)
        return found

    assert asyncio.run(story()) == ["webgpu", "numpy", "webgpu", "numpy"]
    devices = [event["kind"] for event in session.told if event["type"] == "device"]
    assert devices == ["webgpu", "numpy", "webgpu", "numpy"]
    assert [event["type"] for event in session.told].count("finished") == 3
    assert not [event for event in session.told if event["type"] == "error"]


def test_a_device_chosen_by_name_stays(session):
    async def story():
        await session.open_device("webgpu")
        await session.start(TINY.to_dict())
        await session.training.task
        return session.device.kind

    assert asyncio.run(story()) == "webgpu"


def test_float64_goes_to_numpy_by_itself_and_is_refused_elsewhere(session):
    double = LARGER.with_fields(**{"model.dtype": "float64"}).to_dict()

    async def story():
        await session.open_device("webgpu")
        for command in (session.check, session.start):
            with pytest.raises(ExperimentError, match="float64 is for the NumPy device alone") as caught:
                await command(double)
            assert caught.value.field == "model.dtype"
        await session.open_device("auto")
        await session.check(double)
        await session.start(double)
        await session.training.task
        return session.device.kind

    assert asyncio.run(story()) == "numpy"
    kinds = [event["type"] for event in session.told]
    assert kinds.count("checked") == 1 and kinds.count("finished") == 1 and "error" not in kinds


def test_of_two_texts_the_one_chosen_last_is_taken(session, monkeypatch):
    """The first is still on its way when the second is there already."""
    arrives = {}

    async def load_text(name):
        await arrives[name].wait()
        return text_from_bytes(name, POEM.encode())

    async def choosing():
        arrives.update(slow=asyncio.Event(), quick=asyncio.Event())
        first = asyncio.create_task(session.choose_text("slow", built_in=True))
        await asyncio.sleep(0)
        arrives["quick"].set()
        await session.choose_text("quick", built_in=True)
        arrives["slow"].set()
        await first

    monkeypatch.setattr(session.site, "load_text", load_text, raising=False)
    asyncio.run(choosing())
    assert session.text.name == "quick"
    assert [event["text"]["name"] for event in session.told if event["type"] == "text"][-1] == "quick"


def test_without_a_text_nothing_starts(session):
    """One's own was chosen and not written: the text of before is not taken for it."""
    asyncio.run(session.choose_text("poem", built_in=False, data=POEM.encode()))
    asyncio.run(session.clear_text())
    with pytest.raises(DataError, match="no text to train on yet"):
        asyncio.run(session.start(TINY.to_dict()))
