"""Sampling: the same text with and without a cache, captured or eager, in any slices; and its settings."""

from array import array

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pygpt.config.sampling import SamplingConfig
from pygpt.errors import ExperimentError, LogitsError
from pygpt.inference.generate import generate
from pygpt.inference.sampler import Sampler, StopFilter
from tests.tiny_runs import POEM, finish, poem_run, samplers
from tests.unit.training.test_run import KINDS

WINDOWS = {
    **KINDS,
    "two-blocks": {"model.n_layer": 2},
    "windows-of-one": {"model.block_size": 1},
    "odd-windows": {"model.block_size": 7, "model.n_layer": 2},
}


def trained(kind, device):
    """A run with a little training, so that greedy sampling repeats itself less."""
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
    """Launch every token and every cache fill eagerly."""
    sampler._next = lambda times: [sampler._next_token() for _ in range(times)]
    sampler._read_half = lambda: sampler._read(sampler.model.block_size // 2)


@pytest.mark.parametrize("cached", [True, False])
def test_slice_sizes_do_not_change_the_text(cached, device):
    run = trained("gpt", device)
    texts = []
    for slices in ([40], [1] * 40, [3, 5, 8, 24], [7, 33]):
        sampler = Sampler(run.model, run.tokenizer, "Twin", SamplingConfig(seed=3), cached=cached)
        for count in slices:
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
def test_tokens_are_replayed_without_launches_from_python(cached, device, monkeypatch):
    run = trained("gpt", device)
    sampler = Sampler(run.model, run.tokenizer, cached=cached)
    sampler.enqueue(20)
    monkeypatch.setattr(device, "run", lambda *launch: pytest.fail("Python prepared a launch"))
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
def test_all_settings_together_give_the_same_text_cached_and_captured(kind, device):
    run = trained(kind, device)
    outputs = []
    for cached, captured in ((True, True), (False, True), (True, False)):
        sampler = Sampler(run.model, run.tokenizer, "Twin", SamplingConfig(**EVERYTHING), cached=cached)
        if not captured:
            make_eager(sampler)
        sampler.enqueue(30)
        outputs.append(device.read(sampler.output))
    assert outputs == [outputs[0]] * 3


def test_a_repetition_penalty_prevents_repetition(device):
    run = trained("bigram", device)
    free, penalised = (
        "".join(
            generate(run.model, run.tokenizer, "T", 40, SamplingConfig(temperature=0.0, repetition_penalty=penalty))
        )
        for penalty in (1.0, 100.0)
    )
    assert len(set("T" + penalised[:6])) == 7, "no token of the window is repeated"
    assert len(set(free)) < len(set(penalised))


def sample(run, size, stop):
    return "".join(generate(run.model, run.tokenizer, "T", 60, SamplingConfig(seed=3, stop=stop), slice_size=size))


@pytest.mark.parametrize("size", [1, 2, 7, 60])
def test_a_text_ends_right_before_a_stop_text(size, cpu):
    """This holds for slices of any size, and after partial matches of a stop text."""
    run = trained("gpt", cpu)
    text = sample(run, 60, ())
    assert len(text) == 60
    for begin, end in ((5, 6), (9, 13), (20, 29), (58, 60), (0, 3)):
        stop = text[begin:end]
        assert sample(run, size, stop) == text[: text.index(stop)]
        assert sample(run, size, ["never seen", text[begin + 1 : end] + "~", stop]) == text[: text.index(stop)]
    almost = text[-3:] + "~"
    assert sample(run, size, [almost, text[30:34] + "~"]) == text, "the text held back is yielded at the end"


def test_no_part_of_a_stop_text_is_yielded(cpu):
    run = trained("gpt", cpu)
    text = sample(run, 60, ())
    pieces = list(generate(run.model, run.tokenizer, "T", 60, SamplingConfig(seed=3, stop=text[10:20]), slice_size=3))
    yielded = ""
    for piece in pieces:
        yielded += piece
        assert text.startswith(yielded) and len(yielded) <= text.index(text[10:20])


@given(
    text=st.text("abc", max_size=30),
    stops=st.lists(st.text("abc", min_size=1, max_size=5), max_size=4),
    cuts=st.lists(st.integers(0, 30)),
)
@example(text="xabcdy", stops=["abcd", "bc"], cuts=[])
@example(text="xabcdy", stops=["abcd", "bcd"], cuts=[3])
def test_overlapping_stop_texts_do_not_depend_on_the_pieces(text, stops, cuts):
    """The text ends where a stop text is complete first: before the longest one that ends there."""
    expected = text
    for end in range(len(text) + 1):
        complete = [len(stop) for stop in stops if text[:end].endswith(stop)]
        if complete:
            expected = text[: end - max(complete)]
            break
    stop_filter, passed = StopFilter(stops), ""
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for begin, end in zip(bounds, bounds[1:]):
        if not stop_filter.met:
            passed += stop_filter.cut(text[begin:end], last=False)
            assert expected.startswith(passed)
    if not stop_filter.met:
        passed += stop_filter.cut("", last=True)
    assert passed == expected


def test_sampling_stops_at_the_end_of_a_document(cpu):
    run = poem_run(cpu, **KINDS["documents"], **{"train.steps": 60})
    finish(run)
    text = "".join(generate(run.model, run.tokenizer, "b", 500, SamplingConfig(temperature=0.0)))
    assert len(text) < 20 and "\n" not in text


def test_a_short_prompt_in_a_long_block_is_read_in_few_rows(cpu):
    run = poem_run(cpu, **{"model.block_size": 300})
    rows = []
    hidden = run.model.hidden
    run.model.hidden = lambda ids, *arguments, **options: (
        rows.append(ids.shape[1]) or hidden(ids, *arguments, **options)
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
        assert [count for count in rows if count > 1] == expected, prompt  # a captured fill counts once


def test_a_model_with_nan_weights_draws_no_token(device):
    run = trained("gpt", device)
    device.write(run.weights.values, array("f", [float("nan")] * run.weights.values.size))
    with pytest.raises(LogitsError, match="the model's logits are not finite numbers"):
        list(generate(run.model, run.tokenizer, "Twin", 5))


def test_the_text_before_logits_broke_is_given(device):
    run = trained("gpt", device)
    good = Sampler(run.model, run.tokenizer, "Twin", SamplingConfig(seed=3))
    good.enqueue(5)
    sampler = Sampler(run.model, run.tokenizer, "Twin", SamplingConfig(seed=3))
    sampler.enqueue(5)
    device.write(run.weights.values, array("f", [float("nan")] * run.weights.values.size))
    sampler.enqueue(5)
    assert sampler.take(device.read(sampler.output)) == good.take(device.read(good.output))
    with pytest.raises(LogitsError):
        sampler.finish()
