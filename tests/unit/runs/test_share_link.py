"""Share links: Python and the page write and read the same ones; tests/lab/share_link.test.js has the same golden."""

import json
from pathlib import Path

import pytest

from pygpt.config.experiment import PRESETS, Experiment
from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import ExperimentError
from pygpt.runs.differences import settings
from pygpt.runs.run_header import LENGTH, header_end, read_header
from pygpt.runs.share_link import OWN, SharedRun, read_link, run_to_share, usual_layout, write_link
from pygpt.runs.shared_curve import SharedCurve
from tests.tiny_runs import finish, poem_run

LINKS = json.loads((Path(__file__).parents[2] / "goldens" / "share_links.json").read_text())


def shared(entry) -> SharedRun:
    """What the link of an entry holds."""
    text = entry["text"]
    fields = {"data.layout": usual_layout(text), **({} if text == OWN else {"data.source": text}), **entry["changes"]}
    curve = SharedCurve.unpacked(entry["curve"]) if entry["curve"] else None
    experiment = Experiment.preset(entry["preset"]).with_fields(**fields)
    return SharedRun(experiment, text, entry["sha256"], entry["pygpt"], entry["device"], curve)


@pytest.mark.parametrize("entry", LINKS, ids=lambda entry: entry["link"][:60])
def test_links_are_written_and_read_as_the_page_does(entry):
    assert write_link(shared(entry)) == entry["link"]
    assert read_link(entry["link"]) == shared(entry)
    assert read_link(f"https://lab.example/page/?place=runs{entry['link']}") == shared(entry)


def test_there_are_links_of_every_preset_and_kind():
    assert {entry["preset"] for entry in LINKS} >= {*PRESETS} - {"gpt2"}
    assert {entry["text"].partition(":")[0] for entry in LINKS} >= {"tales", "own", "task", "shakespeare", "words"}
    assert any(entry["curve"] for entry in LINKS) and any(entry["device"] == "webgpu" for entry in LINKS)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_survives_the_round_trip(preset):
    experiment = PRESETS[preset]
    run = SharedRun(experiment, experiment.data.source, "ab" * 32, "0.1.0")
    link = write_link(run)
    assert read_link(link) == run and f"train.seed={experiment.train.seed}" in link


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.001, "0.001"), (1e-5, "0.00001"), (1.5e-7, "1.5e-7"), (1e-8, "1e-8"), (1.0, "1"), (100.0, "100"), (0.0, "0")],
)
def test_numbers_are_written_as_javascript_writes_them(value, written):
    experiment = Experiment.preset("baby").with_fields(**{"optim.learning_rate": value, "optim.min_learning_rate": 0.0})
    link = write_link(SharedRun(experiment, "tales", "", "0.1.0"))
    assert f"&optim.learning_rate={written}&" in f"&{link[1:]}"
    assert read_link(link).experiment == experiment


@pytest.mark.parametrize(
    ("link", "field", "said"),
    [
        ("", "link", "expected a link"),
        ("https://lab.example/", "link", "expected a link"),
        ("#model.n_layr=3", "link", "did you mean"),
        ("#preset=smal", "preset", "small"),
        ("#text=shakspeare", "text", "shakespeare"),
        ("#model.n_layer=x", "model.n_layer", "a whole number"),
        ("#train.steps=1.000", "train.steps", "a whole number"),
        ("#optim.learning_rate=1_000", "optim.learning_rate", "a number"),
        ("#optim.learning_rate=Infinity", "optim.learning_rate", "a number"),
        ("#model.bias=yes", "model.bias", "true or false"),
        ("#model.n_layer=0", "model.n_layer", "outside"),
        ("#data.tokenizer_file=x.json", "link", "no setting"),
        ("#curve=1.AAA", "curve", "damaged"),
        ("#curve=0.AAAAAA", "curve", "damaged"),
        ("#curve=1.AADAfw", "curve", "damaged"),  # NaN
        ("#curve=" + "1" * 50_000, "curve", "damaged"),
    ],
)
def test_what_is_no_link_is_refused_by_name(link, field, said):
    with pytest.raises(ExperimentError, match=said) as caught:
        read_link(link)
    assert caught.value.field == field


def test_of_a_name_that_occurs_twice_the_first_value_counts():
    assert read_link("#train.steps=100&train.steps=200").experiment.train.steps == 100


def test_the_link_of_a_run_has_the_hash_of_a_private_text_and_not_its_name():
    run = poem_run(NumpyDevice())
    finish(run)
    data = run.checkpoint()
    header = read_header(data[LENGTH : header_end(data[:LENGTH])])
    link = write_link(run_to_share(header, SharedCurve.of(run.metrics.curve)))
    assert "text=own&" in link and f"sha256={run.text.sha256}&" in link and "poem" not in link
    assert "device=numpy" in link
    read = read_link(link)
    assert read.curve == SharedCurve.of(run.metrics.curve)
    ours = settings(run.experiment)
    assert {f: v for f, v in settings(read.experiment).items() if v != ours[f]} == {}
