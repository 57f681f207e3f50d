"""Commands from outside: whatever JSON arrives, the session carries it out or answers with a sentence, and lives on."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pygpt.config.experiment import Experiment
from pygpt.runs.disk_files import DiskFiles
from pygpt.runs.run_store import RunStore
from pygpt.server.session_worker import Site
from pygpt.session.commands import COMMANDS
from pygpt.session.events import encode
from pygpt.session.session import Session
from tests.tiny_runs import POEM

# Everything that JSON, as Python reads it, can hold: also NaN, numbers of any size, and halves of surrogate pairs.
TEXTS = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["numpy", "task:sort", "../x", "\ud800", "poem"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([10**400, 2**63, -0.0]) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
DRAFT = Experiment.preset("baby").with_fields(**{"model.n_layer": 1, "model.block_size": 8, "train.steps": 3}).to_dict()
OF_TYPE = {
    str: TEXTS,
    bool: st.booleans(),
    int: st.integers(-5, 99) | st.integers(),
    float: st.floats() | st.integers(),
}


@st.composite
def messages(draw):
    """Any JSON; often a command, with its fields of the right type, and one of them changed, missing or too many."""
    if draw(st.integers(0, 5)) == 0:
        return draw(VALUES)
    name = draw(st.sampled_from(sorted(COMMANDS)))
    message = {"type": name}
    for field, kind in COMMANDS[name].fields.items():
        right = OF_TYPE.get(kind, st.just(DRAFT) | st.builds(_changed, TEXTS, VALUES))
        if kind == tuple[str, ...]:
            right = st.lists(TEXTS, max_size=2)
        message[field] = draw(right if draw(st.integers(0, 3)) else VALUES)
        if draw(st.integers(0, 7)) == 0:
            del message[field]
    if draw(st.integers(0, 9)) == 0:
        message[draw(TEXTS)] = draw(VALUES)
    return message


def _changed(name, value):
    section = "model" if len(name) % 2 else "train"
    return {**DRAFT, section: {**DRAFT[section], draw_field(section, len(name)): value}}


def draw_field(section, index):
    fields = sorted(DRAFT[section])
    return fields[index % len(fields)]


class Lab:
    """A session of the server, with a text and the NumPy device."""

    def __init__(self, folder):
        self.events = []
        self.session = Session(self._record, Site("numpy"), RunStore(DiskFiles(folder)))
        self.send = self.session.handle

    def _record(self, event, data=None):
        self.events.append(json.loads(encode(event.to_dict())))

    async def begin(self):
        await self.send({"type": "open_device", "choice": "numpy"}, None)
        await self.send({"type": "choose_text", "name": "poem", "built_in": False}, POEM.encode())

    async def is_alive(self):
        """Whether the session still answers."""
        before = len(self.events)
        await self.send({"type": "open_device", "choice": "numpy"}, None)
        return [event["type"] for event in self.events[before:]][-1] == "device"


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=messages(), data=st.none() | st.binary(max_size=40))
def test_any_json_is_carried_out_or_refused(tmp_path, message, data):
    async def scenario():
        lab = Lab(tmp_path)
        await lab.begin()
        before = len(lab.events)
        await asyncio.wait_for(lab.send(message, data), 20)
        for event in lab.events[before:]:
            assert event["type"] != "error" or (
                event["message"].strip() and "report it as a bug" not in event["message"]
            )
        tasks = [task for task in (lab.session.training.task, lab.session.training.baselines_task) if task]
        await lab.send({"type": "stop"}, None)
        await lab.send({"type": "stop_benchmark"}, None)
        await lab.send({"type": "stop_sampling"}, None)
        for task in tasks:
            task.cancel()
        assert await lab.is_alive()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "message, data, field, sentence",
    [
        ({"type": "sample", "prompt": "a"}, None, "max_new_tokens", "needs this field"),
        ({"type": "sample", "prompt": 5, "max_new_tokens": 3}, None, "prompt", "expected a string, got 5"),
        ({"type": "sample", "prompt": "a", "max_new_tokens": 1.5}, None, "max_new_tokens", "a whole number, got 1.5"),
        (
            {"type": "sample", "prompt": "a", "max_new_tokens": 0},
            None,
            "max_new_tokens",
            "expected 1 to 100,000, got 0",
        ),
        (
            {"type": "sample", "prompt": "a", "max_new_tokens": 10**11},
            None,
            "max_new_tokens",
            "100,000, got 100,000,000,000",
        ),
        ({"type": "sample", "prompt": "\ud83d", "max_new_tokens": 3}, None, "prompt", "half of a character"),
        ({"type": "sample", "prompt": "a", "max_new_tokens": 3, "stop": ["b", 1]}, None, "stop", "a string, got 1"),
        ({"type": "sample", "prompt": "a", "max_new_tokens": 3, "stop": "b"}, None, "stop", "a list of strings"),
        ({"type": "sample", "prompt": "a", "max_new_tokens": 3, "topk": 4}, None, "topk", "did you mean 'top_k'"),
        ({"type": "open_kept"}, None, "copy", "needs this field"),
        ({"type": "open"}, None, "file", "not a"),
        ({"type": "open", "name": "x.safetensors"}, b"{", "file", "'x.safetensors' could not be opened: "),
        ({"type": "open", "path": "x"}, b"", "path", "its fields are: name"),
        ({"type": "start"}, None, "experiment", "needs this field"),
        ({"type": "start", "experiment": [1]}, None, "experiment", "a table of fields, got [1]"),
        ({"type": "check", "experiment": {"name": "\udc00"}}, None, "name", "half of a character"),
        ({"type": "choose_text", "name": "x"}, b"words", "built_in", "needs this field"),
        ({"type": "choose_text", "name": "x", "built_in": "yes"}, b"words", "built_in", "true or false"),
        ({"type": "delete_run", "copy": None}, None, "copy", "expected a string, got None"),
        ({"type": "benchmark", "seconds": float("nan")}, None, "seconds", "a finite number"),
        ({"type": "benchmark", "seconds": -1}, None, "seconds", "more than 0, got -1"),
        ({"type": "pause", "now": True}, None, "now", "its fields are: none"),
        ({"type": "pause"}, b"bytes", "", "takes no bytes, and 5 came"),
        ({"type": "puase"}, None, "", "did you mean 'pause'"),
        ({"type": "_stop_all"}, None, "", "there is no command"),
        ({"type": ["pause"]}, None, "", "a JSON object with a type"),
        ([], None, "", "a JSON object with a type"),
        (None, None, "", "a JSON object with a type"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_command_is_answered_with_the_name_of_its_field(tmp_path, message, data, field, sentence):
    async def scenario():
        lab = Lab(tmp_path)
        await lab.begin()
        before = len(lab.events)
        await lab.send(message, data)
        (error,) = lab.events[before:]
        assert error["type"] == "error" and error["field"] == field and sentence in error["message"]
        assert await lab.is_alive()

    asyncio.run(scenario())
