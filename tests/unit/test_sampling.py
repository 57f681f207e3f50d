"""Sampling: the same text with and without a cache, captured or not, in whatever pieces; and what its settings do."""

import pytest

from pygpt.errors import ExperimentError
from pygpt.sample import Sampler, generate
from tests.unit.runs import finish, poem_run, samplers
from tests.unit.test_run import KINDS

WINDOWS = {
    **KINDS,
    "two-blocks": {"model.n_layer": 2},
    "windows-of-one": {"model.block_size": 1},
    "odd-windows": {"model.block_size": 7, "model.n_layer": 2},
}


def trained(kind, device):
    """A run that has learned a little: greedy sampling then repeats itself less."""
    run = poem_run(device, **WINDOWS[kind])
    finish(run)
    return run


@pytest.mark.parametrize("kind", WINDOWS)
def test_the_cache_changes_no_token(kind, device):
    for case, cached, reference in samplers(trained(kind, device)):
        assert device.read(cached.output) == device.read(reference.output), case


@pytest.mark.parametrize("kind", WINDOWS)
def test_captured_sampling_equals_eager(kind, device):
    run = trained(kind, device)
    texts = []
    for captured in (True, False):
        sampler = Sampler(run.model, run.tokenizer, prompt="", temperature=0.9, top_k=5, seed=3)
        if not captured:
            make_eager(sampler)
        sampler.enqueue(30)
        texts.append(device.read(sampler.output))
    assert texts[0] == texts[1]


def make_eager(sampler):
    """Launch every token and every filling of the cache anew."""
    sampler._next = lambda times: [sampler._next_token() for _ in range(times)]
    sampler._read_half = lambda: sampler._read(sampler.model.block_size // 2)


@pytest.mark.parametrize("cached", [True, False])
def test_the_sizes_of_the_pieces_do_not_matter(cached, device):
    run = trained("gpt", device)
    texts = []
    for pieces in ([40], [1] * 40, [3, 5, 8, 24], [7, 33]):
        sampler = Sampler(run.model, run.tokenizer, prompt="Twin", seed=3, cached=cached)
        for count in pieces:
            sampler.enqueue(count)
        texts.append(sampler.take(device.read(sampler.output)))
    assert len(texts[0]) == 40 and texts == [texts[0]] * 4


def test_a_window_is_cut_to_its_newest_half(device):
    run = trained("gpt", device)
    sampler = Sampler(run.model, run.tokenizer, prompt="Twinkle")
    sampler.enqueue(2)  # seven tokens, then the eighth, then one that no longer fits
    tokens = run.tokenizer.encode("Twinkle" + sampler.take(device.read(sampler.output)))
    assert sampler._position.tolist() == [4]
    assert sampler._window.tolist()[:5] == list(tokens[-5:])


@pytest.mark.parametrize("cached", [True, False])
def test_a_token_costs_no_launch_from_python(cached, device, monkeypatch):
    run = trained("gpt", device)
    sampler = Sampler(run.model, run.tokenizer, cached=cached)
    sampler.enqueue(20)
    monkeypatch.setattr(device, "run", lambda *launch: pytest.fail("a launch was prepared anew"))
    sampler.enqueue(40)
    assert len(sampler.take(device.read(sampler.output))) == 60


def test_sampling_settings(cpu):
    run = poem_run(cpu)
    write = lambda **settings: "".join(generate(run.model, run.tokenizer, 20, **settings))  # noqa: E731
    assert len(write(prompt="Twinkle")) == 20
    assert write(prompt="T", temperature=0.0, seed=1) == write(prompt="T", temperature=0.0, seed=2)
    assert write(prompt="T", top_k=1, seed=1) == write(prompt="T", temperature=0.0, seed=1)
    assert write(prompt="T", temperature=2.0, seed=1) != write(prompt="T", temperature=2.0, seed=2)
    for settings in ({"temperature": -1.0}, {"top_k": -1}, {"seed": -1}):
        with pytest.raises(ExperimentError):
            write(prompt="T", **settings)


def test_a_document_ends_where_the_model_ends_it(cpu):
    run = poem_run(cpu, **KINDS["documents"], **{"train.steps": 60})
    finish(run)
    text = "".join(generate(run.model, run.tokenizer, 500, prompt="b", temperature=0.0))
    assert len(text) < 20 and "\n" not in text
