"""Sampling: the same text with and without a cache, captured or not, in whatever pieces; and what its settings do."""

import pytest

from pygpt.config.sampling import SamplingConfig
from pygpt.errors import ExperimentError
from pygpt.inference.generate import generate
from pygpt.inference.sampler import Sampler
from tests.tiny_runs import POEM, finish, poem_run, samplers
from tests.unit.training.test_run import KINDS

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
        sampler = Sampler(run.model, run.tokenizer, "", SamplingConfig(temperature=0.9, top_k=5, seed=3))
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
        sampler = Sampler(run.model, run.tokenizer, "Twin", SamplingConfig(seed=3), cached=cached)
        for count in pieces:
            sampler.enqueue(count)
        texts.append(sampler.take(device.read(sampler.output)))
    assert len(texts[0]) == 40 and texts == [texts[0]] * 4


def test_a_window_is_cut_to_its_newest_half(device):
    run = trained("gpt", device)
    sampler = Sampler(run.model, run.tokenizer, "Twinkle")
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
    write = lambda prompt, **settings: "".join(
        generate(run.model, run.tokenizer, prompt, 20, SamplingConfig(**settings))
    )
    assert len(write("Twinkle")) == 20
    assert write("T", temperature=0.0, seed=1) == write("T", temperature=0.0, seed=2)
    assert write("T", top_k=1, seed=1) == write("T", temperature=0.0, seed=1)
    assert write("T", temperature=2.0, seed=1) != write("T", temperature=2.0, seed=2)
    for settings in (
        {"temperature": -1.0},
        {"top_k": -1},
        {"seed": -1},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"min_p": -0.1},
        {"repetition_penalty": 0.0},
        {"stop": ""},
        {"stop": ["a", ""]},
        {"temperature": float("nan")},
    ):
        with pytest.raises(ExperimentError, match=next(iter(settings))):
            write("T", **settings)
    assert write("T", top_p=1e-6, seed=1) == write("T", min_p=1.0, seed=1) == write("T", temperature=0.0)
    assert write("T", top_p=1.0, min_p=0.0, repetition_penalty=1.0, stop=()) == write("T")


EVERYTHING = {"temperature": 1.2, "top_k": 20, "top_p": 0.95, "min_p": 0.01, "repetition_penalty": 1.3, "seed": 3}


@pytest.mark.parametrize("kind", ["gpt", "bigram"])
def test_all_settings_together_go_through_the_same_code(kind, device):
    run = trained(kind, device)
    outputs = []
    for cached, captured in ((True, True), (False, True), (True, False)):
        sampler = Sampler(run.model, run.tokenizer, "Twin", SamplingConfig(**EVERYTHING), cached=cached)
        if not captured:
            make_eager(sampler)
        sampler.enqueue(30)
        outputs.append(device.read(sampler.output))
    assert outputs == [outputs[0]] * 3


def test_a_penalty_keeps_the_model_from_repeating_itself(device):
    run = trained("bigram", device)
    free, held = (
        "".join(
            generate(run.model, run.tokenizer, "T", 40, SamplingConfig(temperature=0.0, repetition_penalty=penalty))
        )
        for penalty in (1.0, 100.0)
    )
    assert len(set("T" + held[:6])) == 7, "no token of the window comes again"
    assert len(set(free)) < len(set(held))


def stopped(run, at_once, stop):
    return "".join(generate(run.model, run.tokenizer, "T", 60, SamplingConfig(seed=3, stop=stop), slice_size=at_once))


@pytest.mark.parametrize("at_once", [1, 2, 7, 60])
def test_a_text_ends_right_before_what_it_is_to_stop_at(at_once, cpu):
    """In whatever pieces it comes, and whatever begins like it on the way."""
    run = trained("gpt", cpu)
    text = stopped(run, 60, ())
    assert len(text) == 60
    for begin, end in ((5, 6), (9, 13), (20, 29), (58, 60), (0, 3)):
        stop = text[begin:end]
        assert stopped(run, at_once, stop) == text[: text.index(stop)]
        assert stopped(run, at_once, ["never seen", text[begin + 1 : end] + "~", stop]) == text[: text.index(stop)]
    almost = text[-3:] + "~"
    assert stopped(run, at_once, [almost, text[30:34] + "~"]) == text, "what was held back is given in the end"


def test_nothing_is_shown_that_belongs_to_a_stop(cpu):
    run = trained("gpt", cpu)
    text = stopped(run, 60, ())
    pieces = list(generate(run.model, run.tokenizer, "T", 60, SamplingConfig(seed=3, stop=text[10:20]), slice_size=3))
    shown = ""
    for piece in pieces:
        shown += piece
        assert text.startswith(shown) and len(shown) <= text.index(text[10:20])


def test_a_document_ends_where_the_model_ends_it(cpu):
    run = poem_run(cpu, **KINDS["documents"], **{"train.steps": 60})
    finish(run)
    text = "".join(generate(run.model, run.tokenizer, "b", 500, SamplingConfig(temperature=0.0)))
    assert len(text) < 20 and "\n" not in text


def test_a_short_prompt_under_a_long_block_is_read_in_few_rows(cpu):
    run = poem_run(cpu, **{"model.block_size": 300})
    rows = []
    reading = run.model.hidden
    run.model.hidden = lambda ids, *arguments, **options: (
        rows.append(ids.shape[1]) or reading(ids, *arguments, **options)
    )
    for prompt, expected in (
        ("Tw", [64, 150]),
        (POEM[:100], [128, 150]),
        (POEM[:140], [150]),
        (POEM[:200], [300, 150]),
    ):
        rows.clear()
        sampler = Sampler(run.model, run.tokenizer, prompt)
        sampler.enqueue(320)
        assert [count for count in rows if count > 1] == expected, prompt  # half a window is captured once
