"""LanguageModel, which has the methods of jsGPT: fit, evaluate, generate, summary, save, load."""

import doctest
import errno
import math
import os

import numpy as np
import pytest

import pygpt
from pygpt import language_model
from pygpt.data import load_text, text_from_bytes
from pygpt.data.prepare import prepare
from pygpt.errors import (
    CheckpointError,
    DataError,
    DeviceError,
    DivergedError,
    ExperimentError,
    PygptError,
    ShapeError,
    TokenizerError,
)
from pygpt.language_model import LanguageModel
from pygpt.runs.run_folder import RunFolder, write_run
from pygpt.training.run import Run
from tests.tiny_runs import NAMES, POEM, bits, experiment, finish, poem_run

SMALL = {"train.eval_every": 5, "train.eval_batches": 3}


def model_on(device, **changes):
    return LanguageModel(experiment(**changes), device)


def poem_metrics(device, **changes):
    return finish(poem_run(device, **changes))


def test_the_docstring_examples_pass(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(language_model)
    assert results.attempted >= 8 and results.failed == 0


@pytest.mark.parametrize("kind", ["gpt", "bigram"])
def test_fit_gives_the_metrics_of_a_run(kind, device):
    model = model_on(device, **{"model.kind": kind})
    received = []
    metrics = model.fit(POEM, callback=received.append)
    assert bits(metrics) == bits(poem_metrics(device, **{"model.kind": kind}))
    assert metrics == received == model.history and model.step == 12


def test_interrupted_training_continues_with_the_same_losses(device):
    uninterrupted = bits(poem_metrics(device))
    model = model_on(device)
    for metric in model.training(POEM):
        if metric.step >= 4:
            break
    model.generate("Twinkle", 5)
    model.evaluate()
    model.fit()
    assert bits(model.history) == uninterrupted


def test_additional_steps_extend_the_schedule(cpu):
    model = model_on(cpu)
    assert model.fit(POEM)[-1].step == 12
    rates = [metric.learning_rate for metric in model.fit(steps=8)]
    assert [metric.step for metric in model.history] == list(range(21))
    assert rates == sorted(rates, reverse=True) and rates[-1] < 2e-3 and model.experiment.train.steps == 20
    with pytest.raises(ExperimentError, match=r"all 20 steps are done; pass more steps, as in fit\(steps=100\)"):
        model.fit()
    with pytest.raises(ExperimentError, match="0 is fewer than 1"):
        model.fit(steps=0)


def test_a_loaded_model_continues_with_the_same_losses(device, tmp_path):
    uninterrupted = bits(poem_metrics(device))
    model = model_on(device)
    for metric in model.training(POEM):
        if metric.step >= 6:
            break
    model.save(tmp_path / "run")
    before = {step: value for step, value in uninterrupted.items() if step[0] <= model.step}
    loaded = pygpt.load(tmp_path / "run", device)
    assert isinstance(loaded, pygpt.LanguageModel) and loaded.step == model.step
    assert loaded.generate("Twinkle", 20) == model.generate("Twinkle", 20)
    assert loaded.evaluate() == model.evaluate()
    assert before | bits(loaded.fit()) == uninterrupted
    loaded.save(tmp_path / "run")
    assert pygpt.load(tmp_path / "run", device).step == 12
    assert sorted(os.listdir(tmp_path / "run")) == [".lock", "model.safetensors"]
    loaded.save(tmp_path / "elsewhere" / "it.safetensors")
    assert pygpt.load(tmp_path / "elsewhere" / "it.safetensors", device).summary() == loaded.summary()


def test_fit_on_another_text_starts_a_new_run_from_the_weights(cpu):
    model = model_on(cpu)
    model.fit(POEM)
    loss_before = model.evaluate().loss
    metrics = model.fit(POEM.replace("star", "tail"), steps=5)
    assert metrics[0].step == 0 and metrics[0].val_loss == pytest.approx(loss_before, abs=0.2) and model.step == 5
    with pytest.raises(TokenizerError, match="not in the vocabulary"):
        model.fit("0123456789" * 100, steps=5)
    assert model.step == 5 and model.generate("T", 3)


def test_a_text_by_name_keeps_its_layout(cpu):
    model = LanguageModel("baby", cpu, **{**SMALL, "train.steps": 5})
    model.fit("words")
    assert (model.experiment.data.source, model.experiment.data.layout) == ("words", "documents")
    assert "\n" not in model.generate(max_new_tokens=30)
    from_text = LanguageModel("baby", cpu, **{**SMALL, "train.steps": 5})
    from_text.fit(load_text("words"))
    assert from_text.experiment.data.layout == "stream", "a Text uses the experiment's layout"
    words = pygpt.LanguageModel("micro", cpu, **SMALL)
    assert words.fit(steps=5)[-1].step == 5 and words.text.name == "words"


def test_evaluate_covers_the_validation_part_or_a_whole_text(cpu):
    model = model_on(cpu, **{"train.steps": 40})
    model.fit(POEM)
    held_out, whole = model.evaluate(), model.evaluate(POEM)
    assert held_out.predictions == len(POEM) - int(len(POEM) * 0.9) - 1 and whole.predictions == len(POEM) - 1
    assert whole.perplexity == math.exp(whole.loss) and abs(whole.loss - held_out.loss) < 0.5
    assert model.evaluate(POEM[::-1]).loss > whole.loss + 0.1
    with pytest.raises(DataError, match="one to predict the next from"):
        model.evaluate("T")
    names = model_on(cpu, **{"data.layout": "documents"})
    names.fit(NAMES)
    documents = NAMES.split()
    assert names.evaluate(NAMES).predictions == sum(len(name) + 1 for name in documents)


def test_it_trains_on_and_evaluates_shards(cpu, tmp_path):
    (tmp_path / "poem.txt").write_text(POEM)
    prepare(experiment(**{"data.source": str(tmp_path / "poem.txt")}).data, tmp_path / "shards", 1000, 1)
    model = model_on(cpu)
    model.fit(load_text(str(tmp_path / "shards")), steps=8)
    held_out = model.evaluate()
    assert held_out.predictions == len(POEM) - 4000 - 1
    model.save(tmp_path / "run")
    loaded = pygpt.load(tmp_path / "run", cpu)
    assert loaded.evaluate() == held_out and loaded.fit(steps=4)[-1].step == 12


def test_generate_and_stream_give_the_same_text(device):
    model = model_on(device)
    model.fit(POEM)
    settings = {"temperature": 0.7, "top_k": 5, "seed": 3}
    assert "".join(model.stream("Up", 40, **settings)) == model.generate("Up", 40, **settings)
    assert len(model.generate("Up", 40, **settings)) == 40
    assert model.logits([[1, 2, 3]]).shape == (1, 3, model.tokenizer.vocab_size)
    assert model.sampler(prompt="Up").device is device


def test_the_summary_lists_every_parameter(cpu):
    model = model_on(cpu, **{"model.n_layer": 3, "model.bias": True})
    model.fit(POEM, steps=1)
    lines = model.summary().splitlines()
    vocabulary = model.tokenizer.vocab_size
    assert lines[0] == f"gpt: 3 layers, 2 heads, width 16, context 8, {vocabulary} tokens"
    rows = [line.split() for line in lines[2:-1]]
    assert any(row[0] == "blocks.*.attention.qkv.weight" and row[1:] == ["16", "x", "48", "3", "2,304"] for row in rows)
    total = sum(int(row[-1].replace(",", "")) for row in rows)
    assert lines[-1].split() == ["total", f"{total:,}"] and total == model.model.parameter_count


def test_an_untrained_model_raises_an_error(cpu, tmp_path):
    model = LanguageModel("baby", cpu)
    for use in (
        lambda: model.generate("a"),
        model.evaluate,
        lambda: model.save(tmp_path),
        lambda: model.logits([[0]]),
        model.sampler,
    ):
        with pytest.raises(PygptError, match="this model has no vocabulary yet; call fit first"):
            use()
    with pytest.raises(PygptError, match=r"summary\(vocab_size=65\)"):
        model.summary()
    assert "context 32, 65 tokens" in model.summary(vocab_size=65) and repr(model) == "<LanguageModel baby, step 0>"


def test_errors_have_clear_messages(cpu, tmp_path):
    with pytest.raises(ExperimentError, match="did you mean 'baby'"):
        LanguageModel("babby")
    with pytest.raises(ExperimentError, match="did you mean 'n_layer'"):
        LanguageModel("baby", **{"model.n_layers": 3})
    with pytest.raises(CheckpointError, match="there is no run at"):
        pygpt.load(tmp_path / "nothing")
    with pytest.raises(AttributeError, match="has no attribute 'Model'"):
        pygpt.Model  # noqa: B018
    model = model_on(cpu)
    model.fit(POEM, steps=2)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written"):
        model.save(tmp_path / "file" / "run")


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path):
    def pieces():
        yield b"half of it"
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "model.safetensors").write_bytes(b"the last one")
    with pytest.raises(CheckpointError, match=r"cannot be written \(No space left on device\)"):
        write_run(tmp_path, pieces())
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("model.safetensors", b"the last one")]


def test_a_diverged_run_keeps_the_metrics_before_it(cpu):
    model = model_on(
        cpu,
        **{
            "model.kind": "bigram",
            "optim.learning_rate": 100.0,
            "optim.grad_clip": 0.0,
            "optim.warmup_steps": 0,
            "optim.weight_decay": 10.0,
            "optim.schedule": "constant",
            "train.steps": 60,
        },
    )
    with pytest.raises(DivergedError) as caught:
        model.fit(POEM)
    assert model.history and model.history[-1].step == caught.value.step - 1


def test_a_custom_text_is_saved_with_the_model(cpu, tmp_path):
    model = model_on(cpu)
    model.fit(text_from_bytes("poem", POEM.encode()), steps=3)
    model.save(tmp_path)
    loaded = pygpt.load(tmp_path, "numpy")
    assert loaded.text.text == POEM and loaded.fit(steps=2)[-1].step == 5


def test_the_public_names_exist():
    assert {name: getattr(pygpt, name) for name in pygpt.__all__}["LanguageModel"] is LanguageModel


def test_a_text_can_be_a_file_or_bytes(cpu, tmp_path):
    path = tmp_path / "names"  # a file, though a data set has this name
    path.write_text(POEM)
    expected = bits(model_on(cpu).fit(POEM, steps=3))
    assert bits(model_on(cpu).fit(path, steps=3)) == expected == bits(model_on(cpu).fit(POEM.encode(), steps=3))
    with pytest.raises(DataError, match="no file named .*none"):
        model_on(cpu).fit(tmp_path / "none")


def test_a_string_that_only_names_a_file_is_not_taken_for_a_text(cpu, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.txt").write_text(POEM)
    for name in "small.txt", str(tmp_path / "small.txt"), str(tmp_path):
        with pytest.raises(DataError, match=rf"is the text itself, .*; for that, write Path\('.*{name[-5:]}'\)"):
            model_on(cpu).fit(name, steps=1)
    for text in "small.txt\n" * 40, "small.txt " * 40, "small.txt " * 900:
        assert model_on(cpu).fit(text, steps=1)
    with pytest.raises(DataError, match="your text has a zero byte at offset 9"):
        model_on(cpu).fit("small.txt\0")


@pytest.mark.parametrize("text, came", [([POEM], "list"), (3, "int"), (POEM.split, "builtin_function_or_method")])
def test_what_is_no_text_is_refused_with_what_came(text, came, cpu):
    model = model_on(cpu)
    for use in model.fit, lambda text: (model.fit(POEM, steps=1), model.evaluate(text)):
        with pytest.raises(DataError, match=f"expected a text: a string.* got {came}. For a list"):
            use(text)


def test_half_of_a_character_is_refused_wherever_a_text_is_given(cpu):
    model = model_on(cpu)
    for use in model.fit, model.evaluate:
        with pytest.raises(DataError, match="your text has the character .* at position 4520, an unpaired surrogate"):
            use(POEM + "\udc00")
        model.fit(POEM, steps=1)
    with pytest.raises(TokenizerError, match="position 0 is not in the vocabulary"):
        model.generate("\ud800", 5)
    with pytest.raises(ExperimentError, match="stop: expected text, got half of a character"):
        model.generate("Up", 5, stop="\udc00")


@pytest.mark.parametrize("length, message", [(-5, "-5 is less than 1"), (0, "0 is less than 1"), (2.5, "got 2.5")])
def test_a_length_that_is_none_is_refused(length, message, cpu):
    model = model_on(cpu)
    model.fit(POEM, steps=1)
    for use in model.generate, lambda *arguments: list(model.stream(*arguments)):
        with pytest.raises(ExperimentError, match=f"max_new_tokens: .*{message}"):
            use("Up", length)


def test_arguments_of_other_types_are_refused_in_a_sentence(cpu):
    model = model_on(cpu)
    model.fit(POEM, steps=1)
    with pytest.raises(ExperimentError, match="steps: expected a whole number, got '3'"):
        model.fit(POEM, steps="3")
    with pytest.raises(TokenizerError, match="a prompt is a text to continue, not bytes"):
        model.generate(b"Up", 5)
    with pytest.raises(ExperimentError, match="temperature: expected a number, got 'hot'"):
        model.generate("Up", 5, temperature="hot")
    with pytest.raises(ExperimentError, match="experiment: expected a preset's name or an Experiment, got 3"):
        LanguageModel(3)
    with pytest.raises(TokenizerError, match="logits: 'a' is no token"):
        model.logits([["a"]])


@pytest.fixture(scope="module")
def fitted():
    """A model of 11 tokens and 8 positions."""
    model = LanguageModel("bigram", "numpy")
    model.fit("the cat sat on the mat. " * 100, steps=3)
    return model


NO_DEVICE = "expected a device, one of auto, numpy, webgpu or an open one; got"
SHAPE = r"logits: expected ids as \(B, T\)"
NO_SETTING = r"there is no such setting.*; there are prompt, max_new_tokens, temperature, .*, stop, seed"
NO_RUN = "expected the path of a run, a folder or a file, got"


@pytest.mark.parametrize(
    "use, error, message",
    [
        (lambda model, _: LanguageModel("bigram", None), DeviceError, f"{NO_DEVICE} None"),
        (lambda model, _: LanguageModel("bigram", 5), DeviceError, f"{NO_DEVICE} 5"),
        (lambda model, _: pygpt.load("nowhere", None), DeviceError, f"{NO_DEVICE} None"),
        (lambda model, _: model.generate("t", 3, stop=5), ExperimentError, "stop: expected a text or several, got 5"),
        (lambda model, _: model.generate("t", 3, stop=None), ExperimentError, "stop: expected a text or several"),
        (lambda model, _: model.generate("t", 3, stop=b"a"), ExperimentError, "stop: expected a text or several"),
        (lambda model, _: model.generate("t", 3, foo=1), ExperimentError, f"foo: {NO_SETTING}"),
        (lambda model, _: model.generate("t", max_tokens=1), ExperimentError, "did you mean 'max_new_tokens'"),
        (lambda model, _: model.sampler("t", foo=1), ExperimentError, f"foo: {NO_SETTING}"),
        (lambda model, _: model.logits([0, 1]), ShapeError, rf"{SHAPE}.*; one row is \[\[0, 1, 2\]\]"),
        (lambda model, _: model.logits(np.array([0, 1])), ShapeError, SHAPE),
        (lambda model, _: model.logits(np.array(3)), ShapeError, SHAPE),
        (lambda model, _: model.logits(5), ShapeError, SHAPE),
        (lambda model, _: model.logits([[0], [1, 2]]), ShapeError, SHAPE),
        (lambda model, _: model.logits([[0], None]), ShapeError, SHAPE),
        (lambda model, _: model.logits([[1.0]]), TokenizerError, "1.0 is no token; ids are whole numbers from 0"),
        (lambda model, _: model.logits(np.array([[1.0]])), TokenizerError, "logits: 1.0 is no token"),
        (lambda model, _: model.logits(np.array([[[1]]])), TokenizerError, r"logits: \[1\] is no token"),
        (lambda model, _: model.logits([[None]]), TokenizerError, "None is no token"),
        (lambda model, _: model.logits([[11]]), TokenizerError, "11 is no token"),
        (lambda model, _: model.summary(-5), ExperimentError, "vocab_size: -5 is fewer than 1"),
        (lambda model, _: model.summary(0), ExperimentError, "vocab_size: 0 is fewer than 1"),
        (lambda model, _: model.summary(1.5), ExperimentError, "vocab_size: expected a whole number, got 1.5"),
        (lambda model, _: model.summary("a"), ExperimentError, "vocab_size: expected a whole number, got 'a'"),
        (lambda model, _: pygpt.load(None), CheckpointError, f"{NO_RUN} None"),
        (lambda model, _: model.save(None), CheckpointError, f"{NO_RUN} None"),
        (lambda model, _: model.save(b"x"), CheckpointError, f"{NO_RUN} b'x'"),
        (lambda model, _: pygpt.load("a\0b"), CheckpointError, r"'a\\x00b' cannot be a path"),
        (lambda model, folder: model.save(folder / "a\0b"), CheckpointError, "cannot be a path"),
        (lambda model, folder: model.save(folder / "\ud800"), CheckpointError, "cannot be a path"),
    ],
)
def test_a_wrong_argument_is_answered_with_a_sentence(use, error, message, fitted, tmp_path):
    with pytest.raises(error, match=message):
        use(fitted, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_callback_that_cannot_be_called_is_refused_before_training(fitted):
    step = fitted.step
    for callback in 5, "print":
        with pytest.raises(ExperimentError, match="callback: expected a function that takes a Metric, got"):
            fitted.fit(steps=3, callback=callback)
    assert fitted.step == step


def test_ids_can_be_lists_tuples_or_arrays_of_any_whole_numbers(fitted):
    expected = fitted.logits([[0, 1], [2, 3]])
    assert expected.shape == (2, 2, 11)
    for ids in ((0, 1), (2, 3)), np.arange(4, dtype="uint8").reshape(2, 2), [np.arange(2), np.arange(2, 4)]:
        np.testing.assert_array_equal(fitted.logits(ids), expected)


def test_a_saved_folder_holds_one_file(fitted, tmp_path):
    fitted.save(tmp_path / "run")
    fitted.save(str(tmp_path / "it.safetensors"))
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["it.safetensors", os.path.join("run", ".lock"), os.path.join("run", "model.safetensors")]


def trained_folder(folder, text, device):
    """A run as `pygpt train` writes it."""
    run = Run(experiment(), text_from_bytes("poem", text.encode()), device)
    RunFolder(folder).begin(run.experiment, run.tokenizer, 0)
    RunFolder(folder).log(finish(run), 1)
    RunFolder(folder).save(run.checkpoint())


def test_saving_keeps_another_run_in_the_folder(fitted, cpu, tmp_path):
    trained_folder(tmp_path, POEM, cpu)
    before = {path.stem: path.read_bytes() for path in tmp_path.iterdir()}
    for place in tmp_path, tmp_path / "model.safetensors":
        with RunFolder(tmp_path).claim(), pytest.raises(PygptError, match="is in use by another pygpt"):
            fitted.save(place)
    assert {path.stem: path.read_bytes() for path in tmp_path.iterdir() if path.name != ".lock"} == before
    with pytest.warns(UserWarning, match=r"now in model\.1\.safetensors and metrics\.1\.jsonl and experiment\.1\.toml"):
        fitted.save(tmp_path)
    aside = ["experiment.1.toml", "metrics.1.jsonl", "model.1.safetensors"]
    assert sorted(os.listdir(tmp_path)) == [".lock", *aside, "model.safetensors"]
    assert {name.split(".")[0]: (tmp_path / name).read_bytes() for name in aside} == before
    assert pygpt.load(tmp_path, cpu).generate("t", 9, seed=1) == fitted.generate("t", 9, seed=1)
    fitted.save(tmp_path)  # again: only updated
    assert sorted(os.listdir(tmp_path)) == [".lock", *aside, "model.safetensors"]


def test_saving_a_run_of_a_folder_in_it_updates_its_settings_and_log(cpu, tmp_path):
    trained_folder(tmp_path, POEM, cpu)
    model, early = pygpt.load(tmp_path, cpu), pygpt.load(tmp_path, cpu)
    model.fit(steps=8)
    model.save(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".lock", "experiment.toml", "metrics.jsonl", "model.safetensors"]
    assert [metric.step for metric in RunFolder(tmp_path).read_metrics()] == list(range(1, 21))
    assert "steps = 20" in (tmp_path / "experiment.toml").read_text()
    with pytest.warns(UserWarning, match=r"now in model\.1\.safetensors"):
        early.save(tmp_path)  # an earlier step of the same run does not replace a later one
    assert pygpt.load(tmp_path / "model.1.safetensors", cpu).step == 20 and pygpt.load(tmp_path, cpu).step == 12
