import json

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

import pygpt
from pygpt.data import load_text
from pygpt.data.text import make_text, text_from_bytes
from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import CheckpointError, PygptError, ShapeError, TokenizerError
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.runs.safetensors import Entry, read_safetensors, write_safetensors
from pygpt.training.run import Run
from tests.tiny_runs import POEM, experiment, finish, poem_run


@pytest.fixture(scope="module")
def saved():
    run = poem_run(NumpyDevice())
    finish(run)
    return run, run.checkpoint()


def test_the_reference_library_reads_a_checkpoint(saved):
    run, data = saved
    arrays = safetensors.numpy.load(data)
    for name, placed in run.weights.by_name.items():
        np.testing.assert_array_equal(arrays[name], placed.numpy())
        assert arrays[f"optimizer.first_moment.{name}"].shape == placed.shape
    assert bytes(arrays["data.text"]).decode() == run.text.text


def test_reads_a_file_of_the_reference_library():
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.arange(5, dtype=np.uint8)}
    entries, metadata = read_safetensors(safetensors.numpy.save(arrays, metadata={"who": "me"}))
    assert metadata == {"who": "me"}
    assert {name: (entry.dtype, entry.shape) for name, entry in entries.items()} == {
        "a": ("F32", (2, 3)),
        "b": ("U8", (5,)),
    }
    assert bytes(entries["a"].data) == arrays["a"].tobytes()


@pytest.mark.parametrize("start", ["", "\ufeff", "\ufeff\ufeff", "\r\n", "\x00"], ids=repr)
def test_a_saved_text_comes_back_byte_for_byte(start):
    """Also what reading a user's file would change: marks, line ends and zero bytes."""
    text = make_text("poem", start + POEM + "\r\n\r", "your own text, poem", built_in=False)
    run = Run(experiment(), text, NumpyDevice())
    restored = Run.restore(run.checkpoint(), NumpyDevice())
    assert restored.text == text


@pytest.mark.parametrize("marks", [1, 2])
def test_a_text_of_a_file_with_marks_is_restored(marks):
    text = text_from_bytes("poem", b"\xef\xbb\xbf" * marks + POEM.encode())
    run = Run(experiment(), text, NumpyDevice())
    assert Run.restore(run.checkpoint(), NumpyDevice()).text == text


def test_a_saved_text_that_is_not_utf_8_is_refused(saved):
    entries, metadata = read_safetensors(saved[1])
    entries["data.text"] = Entry("U8", (2,), b"a\xff")
    with pytest.raises(CheckpointError, match="the text in the file is damaged: poem is not UTF-8 at byte 1"):
        read_checkpoint(write_safetensors(entries, metadata))


def test_a_checkpoint_round_trips(saved):
    run, data = saved
    checkpoint = read_checkpoint(data)
    assert checkpoint.experiment == run.experiment
    assert checkpoint.tokenizer == run.tokenizer
    assert checkpoint.step == 12
    assert checkpoint.text.sha256 == run.text.sha256
    assert checkpoint.provenance["pygpt"] == pygpt.__version__


def changed(data, **metadata):
    entries, old = read_safetensors(data)
    return write_safetensors(entries, {**old, **metadata})


def test_a_file_whose_settings_name_another_text_is_opened_with_its_own():
    """As earlier versions wrote them for the lab."""
    run = Run(experiment(**{"data.source": "tales"}), load_text("words"), NumpyDevice())
    assert run.experiment.data.source == "words"
    settings = experiment(**{"data.source": "tales"}).to_dict()
    data = changed(run.checkpoint(), experiment=json.dumps(settings))
    assert read_checkpoint(data).training_text() == Run.restore(data, NumpyDevice()).text == load_text("words")


def test_invalid_files_are_rejected_with_a_message(saved):
    _, data = saved
    cases = {
        b"": "it has 0 bytes",
        b"PK\x03\x04" + bytes(100): "does not begin with a header",
        data[:100]: "cut short: its header",
        data[:-1]: "cut short",
        data + b"x": "belong to no array",
        safetensors.numpy.save({"a": np.zeros(3)}): "not a run of pygpt",
        safetensors.numpy.save({"a": np.zeros(3)}, {"format": "pt"}): "`pygpt import hf` reads its folder",
        changed(data, version="9"): "this pygpt reads version 1",
        changed(data, step="-1"): "expected a whole number",
        changed(data, experiment="{"): "experiment is missing or not JSON",
        changed(data, experiment='{"model": {"n_layer": 0}}'): "n_layer",
        changed(
            data, experiment='{"model": {"n_layer": 2, "n_head": 2, "n_embd": 16, "block_size": 8}}'
        ): "has no array",
        changed(
            data, experiment='{"model": {"n_layer": 1, "n_head": 2, "n_embd": 32, "block_size": 8}}'
        ): "model the file describes",
        changed(data, tokenizer='{"kind": "x"}'): "description is damaged",
    }
    for bad, message in cases.items():
        with pytest.raises(CheckpointError) as caught:
            read_checkpoint(bad)
        assert message in str(caught.value), str(caught.value)


def test_inconsistent_headers_are_rejected():
    def file(header, body=b""):
        text = json.dumps(header).encode()
        return len(text).to_bytes(8, "little") + text + body

    good = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    cases = [
        ({"a": {**good, "data_offsets": [0, 8]}}, bytes(4), "cut short"),
        ({"a": {**good, "shape": [2]}}, bytes(4), "takes 8 bytes, but its data_offsets span 4"),
        ({"a": {**good, "dtype": "F33"}}, bytes(4), "unknown dtype"),
        ({"a": good, "b": good}, bytes(4), "expected to begin at 4"),
        ({"a": {**good, "data_offsets": [4, 8]}}, bytes(8), "expected to begin at 0"),
        ({"a": {**good, "shape": [-1]}}, bytes(4), "has the shape"),
        ({"a": {**good, "data_offsets": [True, 4]}}, bytes(4), "no valid data_offsets"),
        ({"a": 3}, b"", "no valid data_offsets"),
        ([], b"", "does not begin with a header"),
        ({"__metadata__": {"a": 1}}, b"", "not a table of strings"),
    ]
    for header, body, message in cases:
        with pytest.raises(CheckpointError, match=message):
            read_safetensors(file(header, body))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_file_is_rejected_or_read(saved, data):
    damaged = bytearray(saved[1])
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, min(len(damaged), 4000) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_checkpoint(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
    except PygptError as error:
        assert isinstance(error, CheckpointError)


def test_empty_and_byte_arrays_round_trip():
    entries = {"x": Entry("F32", (2, 0), b""), "y": Entry("U8", (3,), b"abc")}
    read, _ = read_safetensors(write_safetensors(entries, {}))
    assert {name: (e.shape, bytes(e.data)) for name, e in read.items()} == {"x": ((2, 0), b""), "y": ((3,), b"abc")}


def test_a_loaded_model_computes_logits_and_generates(saved, tmp_path, device):
    run, data = saved
    (tmp_path / "model.safetensors").write_bytes(data)
    model = pygpt.load(tmp_path, device)
    ids = [[1, 2, 3], [4, 5, 6]]
    logits = model.logits(ids)
    assert logits.shape == (2, 3, run.tokenizer.vocab_size) and logits.dtype == np.float32
    np.testing.assert_array_equal(model.logits(np.array(ids)), logits)
    assert model.generate("Twin", 12, temperature=0.0) == model.generate("Twin", 12, temperature=0.0)
    with pytest.raises(ShapeError, match="1 to 8"):
        model.logits([[1] * 9])
    with pytest.raises(ShapeError, match="same length"):
        model.logits([[1], [1, 2]])
    with pytest.raises(TokenizerError, match="10000 .*whole numbers from 0 to 27"):
        model.logits([[10_000]])
    with pytest.raises(TokenizerError, match="~"):
        model.generate("~")


def test_a_missing_run_is_reported(tmp_path):
    with pytest.raises(CheckpointError, match="pygpt train --out"):
        pygpt.load(tmp_path / "nothing")
