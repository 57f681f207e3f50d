"""data.tokenizer, data.tokenizer_file and data.vocab_size: training, settings that are refused, and what is saved."""

import asyncio
import itertools
import json

import pytest
import tokenizers

import pygpt
from pygpt.data import text_from_bytes
from pygpt.devices import open_numpy
from pygpt.errors import ExperimentError
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.session.session import Session
from pygpt.tokenizers import BPETokenizer, expected_vocabulary, make_tokenizer, tokenizer_json_bytes
from pygpt.tokenizers.bpe_vocabulary import BYTES, END_OF_TEXT, Vocabulary, token_text
from pygpt.training.run import Run
from tests.tiny_runs import NAMES, POEM, bits, experiment, finish
from tests.unit.cli.test_cli import TINY, poem, run_pygpt  # noqa: F401, a fixture is among them

BPE = {"data.tokenizer": "bpe", "data.vocab_size": 280}


@pytest.fixture(scope="module")
def gpt2_like():
    """An artificial vocabulary of GPT-2's size: its merges are the first 50,000 pairs of bytes."""
    merges = tuple(itertools.islice(itertools.product(BYTES, BYTES), 50_000))
    return Vocabulary((*BYTES, *(left + right for left, right in merges), b""), merges, {END_OF_TEXT: 50_256})


def write_gpt2(folder, vocabulary):
    folder.mkdir(parents=True)
    tokens = {token_text(token): index for index, token in enumerate(vocabulary.tokens) if token} | vocabulary.special
    (folder / "vocab.json").write_text(json.dumps(tokens))
    lines = ["#version: 0.2", *(f"{token_text(left)} {token_text(right)}" for left, right in vocabulary.merges)]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")


@pytest.mark.parametrize("layout", ["stream", "documents"])
def test_a_run_with_bpe_continues_from_its_checkpoint(layout, device):
    changes = {**BPE, "data.layout": layout, "model.block_size": 4}
    text = text_from_bytes("poem", (NAMES if layout == "documents" else POEM).encode())
    whole = Run(experiment(**changes), text, device)
    assert isinstance(whole.tokenizer, BPETokenizer) and 256 < whole.tokenizer.vocab_size <= 280
    losses = bits(finish(whole))
    interrupted = Run(experiment(**changes), text, device)
    finish(interrupted, at_most=7)
    restored = Run.restore(interrupted.checkpoint(), device)
    assert restored.tokenizer == whole.tokenizer
    assert bits(finish(restored)).items() <= losses.items()


@pytest.mark.slow
def test_the_command_line_trains_with_bpe_and_writes_tokenizer_json(tmp_path, poem):  # noqa: F811
    out = tmp_path / "run"
    output = run_pygpt(
        "train",
        "baby",
        "--data",
        poem,
        "--data.tokenizer",
        "bpe",
        "--data.vocab-size",
        300,
        "--device",
        "numpy",
        "--steps",
        10,
        "--out",
        out,
        *TINY,
    )
    assert "vocabulary of 300" in output
    library = tokenizers.Tokenizer.from_file(str(out / "tokenizer.json"))
    checkpoint = read_checkpoint((out / "model.safetensors").read_bytes())
    assert library.encode(POEM).ids == checkpoint.tokenizer.encode(POEM).tolist()
    assert run_pygpt("sample", out, "--prompt", "Twinkle", "--max-new-tokens", 5).startswith("Twinkle")
    assert "perplexity" in run_pygpt("eval", out)
    # Read the same tokenizer from the file. A later run with characters then removes the file.
    run_pygpt(
        "train",
        "baby",
        "--data",
        poem,
        "--data.tokenizer",
        "bpe",
        "--data.tokenizer-file",
        out / "tokenizer.json",
        "--device",
        "numpy",
        "--steps",
        10,
        "--out",
        tmp_path / "again",
        *TINY,
    )
    assert read_checkpoint((tmp_path / "again" / "model.safetensors").read_bytes()).tokenizer == checkpoint.tokenizer
    run_pygpt("train", "baby", "--data", poem, "--device", "numpy", "--steps", 10, "--out", out, *TINY)
    assert not (out / "tokenizer.json").exists()


def test_gpt2s_tokenizer_is_read_from_its_files(tmp_path, monkeypatch, gpt2_like):
    config = experiment(**{"data.tokenizer": "gpt2"}).data
    monkeypatch.setenv("PYGPT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PYGPT_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ExperimentError, match="run `pygpt download gpt2-tokenizer`, or set data.tokenizer_file to"):
        make_tokenizer(config, POEM)
    assert expected_vocabulary(config) == 50_257
    for location in "cache", "data", "elsewhere":
        folder = tmp_path / location / "gpt2-tokenizer"
        write_gpt2(folder, gpt2_like)
        if location == "elsewhere":
            config = experiment(**{"data.tokenizer": "gpt2", "data.tokenizer_file": str(folder)}).data
        tokenizer = make_tokenizer(config, POEM)
        assert tokenizer.vocabulary == gpt2_like and tokenizer.bos == 50_256
        assert len(tokenizer.encode("abab")) == 2
        (folder / "vocab.json").unlink()
        with pytest.raises(ExperimentError, match="data.tokenizer_file: the folder .* has no tokenizer"):
            make_tokenizer(config, POEM)
        if location != "elsewhere":
            write_gpt2(tmp_path / location / "again", gpt2_like)
            (folder / "merges.txt").unlink()
            folder.rmdir()


def test_another_tokenizer_is_refused_as_gpt2s(tmp_path):
    file = tmp_path / "tokenizer.json"
    file.write_bytes(tokenizer_json_bytes(BPETokenizer.train(POEM, True, 270)))
    with pytest.raises(
        ExperimentError, match="is not GPT-2's tokenizer: that has 50,257 tokens.* and this one has 270"
    ):
        make_tokenizer(experiment(**{"data.tokenizer": "gpt2", "data.tokenizer_file": str(file)}).data, POEM)
    config = experiment(**{"data.tokenizer": "bpe", "data.tokenizer_file": str(file)}).data
    assert make_tokenizer(config, "").vocab_size == expected_vocabulary(config) == 270


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"data.vocab_size": 256}, "data.vocab_size: 256 is outside 257 to 65,536"),
        ({"data.vocab_size": 65537}, "data.vocab_size: 65,537 is outside"),
        ({"data.tokenizer": "wordpiece"}, "data.tokenizer: 'wordpiece' is not one of char, byte, bpe, gpt2"),
        ({"data.tokenizer_file": "x.json"}, "data.tokenizer_file: the tokenizer char has no file"),
    ],
)
def test_invalid_settings_are_refused(changes, message):
    with pytest.raises(ExperimentError, match=message):
        experiment(**changes)


def test_a_plan_has_the_vocabulary_size_without_a_text(monkeypatch, tmp_path):
    monkeypatch.setenv("PYGPT_CACHE", str(tmp_path))
    for flags, size in ((["bpe", "--data.vocab-size", 5000], 5000), (["gpt2"], 50_257), (["byte"], 256)):
        plan = json.loads(run_pygpt("plan", "baby", "--data.tokenizer", *flags, "--json"))
        assert plan["vocabulary"] == size


class Site:
    """A site without automatic devices."""

    automatic_choices = ()


class Page:
    """A page with a text and the NumPy device. `events` are the messages that it received."""

    def __init__(self):
        self.events = []
        self.session = Session(lambda event, data=None: self.events.append(event.to_dict()), Site(), None)
        self.session.device, self.session.texts.chosen = open_numpy(), text_from_bytes("poem", (POEM * 20).encode())
        self.session.choice = "numpy"

    def send(self, command):
        asyncio.run(self.session.handle(command, None))
        return self.events


def test_the_lab_reports_learning_progress_and_learns_once(monkeypatch):
    monkeypatch.setattr("pygpt.session.preparing.LEARNING_SLICE", 0.0)
    page, runs = Page(), []

    async def begin(run, about):
        runs.append(run)

    page.session.training.begin = begin
    draft = experiment(**BPE).to_dict()
    checked = page.send({"type": "check", "experiment": draft})[-1]
    assert (checked["type"], checked["vocabulary"]) == ("checked", 280) and len(page.events) == 1
    page.send({"type": "start", "experiment": draft})
    progress = [event for event in page.events if event["type"] == "loading"]
    assert {event["stage"] for event in progress} == {"Learning 280 tokens from poem"}
    assert progress[-1]["fraction"] > 0.9
    count = len(page.events)
    page.send({"type": "start", "experiment": draft})
    assert len(page.events) == count and runs[0].tokenizer is runs[1].tokenizer
    assert runs[0].tokenizer == BPETokenizer.train(POEM * 20, False, 280)


def test_a_page_cannot_name_a_file():
    page = Page()
    for kind in "check", "start":
        draft = experiment(**{"data.tokenizer": "bpe", "data.tokenizer_file": "/etc/hostname"}).to_dict()
        error = page.send({"type": kind, "experiment": draft})[-1]
        assert (error["type"], error["field"]) == ("error", "data.tokenizer_file") and "hostname" not in error[
            "message"
        ]


def test_a_loaded_run_has_its_tokenizer(tmp_path, device):
    run = Run(experiment(**BPE), text_from_bytes("poem", POEM.encode()), device)
    finish(run)
    (tmp_path / "model.safetensors").write_bytes(run.checkpoint())
    model = pygpt.load(tmp_path, "numpy")
    assert model.tokenizer == run.tokenizer
    assert isinstance(model.generate("Twinkle", 10), str)
