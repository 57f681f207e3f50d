"""Inconsistent and damaged files: each is rejected with a message, whatever it contains."""

import json
import tracemalloc

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pygpt.config.experiment import Experiment
from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import CheckpointError, ExperimentError
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.runs.safetensors import _ITEM_SIZE, Entry, all_finite, read_safetensors, write_safetensors
from tests.tiny_runs import finish, poem_run

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def file(header, body=b"") -> bytes:
    """A file with a header: bytes, or a value to encode as JSON."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


@pytest.fixture(scope="module")
def saved():
    run = poem_run(NumpyDevice())
    finish(run)
    return run.checkpoint()


GOOD = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
INCONSISTENT = {
    "beyond the end": ({"a": {**GOOD, "shape": [2], "data_offsets": [0, 8]}}, bytes(4), "cut short"),
    "overlap": (
        {"a": {**GOOD, "shape": [2], "data_offsets": [0, 8]}, "b": {**GOOD, "data_offsets": [4, 8]}},
        bytes(8),
        "begin at 8",
    ),
    "gap": ({"a": GOOD, "b": {**GOOD, "data_offsets": [8, 12]}}, bytes(12), "expected to begin at 4"),
    "backwards": ({"a": {**GOOD, "data_offsets": [4, 0]}}, bytes(4), "is at bytes 4 to 0"),
    "extra bytes at the end": ({"a": GOOD}, bytes(5), "belong to no array"),
    "shape does not match": ({"a": {**GOOD, "shape": [3]}}, bytes(4), "takes 12 bytes, but its data_offsets span 4"),
    "huge shape": ({"a": {**GOOD, "shape": [2**62] * 60}}, bytes(4), "more bytes than NumPy can count"),
    "many dimensions": ({"a": {**GOOD, "shape": [1] * 1000}}, bytes(4), "has the shape"),
    "unknown dtype": ({"a": {**GOOD, "dtype": "F31"}}, bytes(4), "unknown dtype 'F31'"),
    **{
        f"{dtype} is not read": (
            {"a": {"dtype": dtype, "shape": [16], "data_offsets": [0, 16]}},
            bytes(16),
            f"pygpt does not read {dtype}, the type of 'a'; convert",
        )
        for dtype in ("F8_E4M3", "F8_E5M2", "F8_E8M0", "F4", "F6_E2M3", "F6_E3M2", "C64")
    },
    "dtype is not a string": ({"a": {**GOOD, "dtype": ["F32"]}}, bytes(4), "unknown dtype"),
    "dtype of another size": ({"a": {**GOOD, "dtype": "F64"}}, bytes(4), "takes 8 bytes, but its data_offsets span 4"),
    "duplicate name": (
        b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
        b"",
        "has 'a' twice",
    ),
    "no dtype": (b'{"a": {"shape": [1], "data_offsets": [0, 4]}}', bytes(4), "'a' has no dtype"),
    "minus zero": (b'{"a": {"dtype": "U8", "shape": [-0], "data_offsets": [0, 0]}}', b"", "-0 is not a whole number"),
    "minus zero offset": (b'{"a": {"dtype": "U8", "shape": [0], "data_offsets": [-0, 0]}}', b"", "-0 is not a whole"),
    "empty, and too large for NumPy": (
        {"a": {"dtype": "F32", "shape": [2**32, 2**32, 0], "data_offsets": [0, 0]}},
        b"",
        "more bytes than NumPy can count",
    ),
    "half of a surrogate pair": (
        b'{"\\ud800": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}',
        b"",
        "not JSON",
    ),
    "half of a pair in the metadata": (b'{"__metadata__": {"a": "\\udc00"}}', b"", "not JSON"),
    "null in the metadata": (b'{"__metadata__": {"a": null}}', b"", "not a table of strings"),
    "metadata twice": (b'{"__metadata__": {}, "__metadata__": {}}', b"", "has '__metadata__' twice"),
    "a mark before the header": (b"\xef\xbb\xbf{}", b"", "does not begin with a header"),
    "not a number": (b'{"a": NaN}', b"", "NaN is not a number"),
    "number with thousands of digits": (b'{"a": ' + b"9" * 5000 + b"}", b"", "not JSON"),
    "deeply nested": (b'{"a":' * 100_000, b"", "not JSON"),
    "not UTF-8": (b'{"a\xff": 1}', b"", "not JSON"),
    "not JSON": (b"{]", b"", "not JSON"),
    "no header": (b"", b"", "begin with a header|header is not"),
}


@pytest.mark.parametrize("header, body, message", INCONSISTENT.values(), ids=INCONSISTENT)
def test_an_inconsistent_header_is_rejected(header, body, message):
    with pytest.raises(CheckpointError, match=message):
        read_safetensors(file(header, body))


READ = {
    "spaces before the header": b'  {"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
    "line ends around the header": b'\n\r\t{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}\n',
    "null metadata": b'{"__metadata__":null,"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
    "another field": b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}}',
    "empty, a large size": b'{"a":{"dtype":"F32","shape":[4294967296,0],"data_offsets":[0,0]}}',
    "an empty name": b'{"":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
}


@pytest.mark.parametrize("header", READ.values(), ids=READ)
def test_what_the_reference_library_reads_is_read(header):
    entries, metadata = read_safetensors(file(header))
    reference = dict(safetensors.deserialize(file(header)))
    assert {name: list(entry.shape) for name, entry in entries.items()} == {
        name: array["shape"] for name, array in reference.items()
    }
    assert metadata == {}
    for entry in entries.values():
        np.frombuffer(entry.data, "uint8").reshape(entry.shape)


@pytest.mark.parametrize("header, body, message", INCONSISTENT.values(), ids=INCONSISTENT)
def test_an_error_about_a_header_is_short(header, body, message):
    with pytest.raises(CheckpointError) as caught:
        read_safetensors(file(header, body))
    assert len(str(caught.value)) < 300


ENTRY = b'"%07d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
LARGE = {
    "arrays": lambda size: b"{" + b",".join(ENTRY % number for number in range(size // len(ENTRY % 0))) + b"}",
    "lists": lambda size: b'{"a":[' + b"[]," * (size // 3) + b"[]]}",
    "nested": lambda size: b'{"a":' * (size // 5),
    "a name": lambda size: b'{"' + b'\\"' * (size // 2) + b'":1}',
    "an open string": lambda size: b'{"' + b"a" * size,
    "open strings": lambda size: b"{" + b'"\\' * (size // 2),
    "the same name": lambda size: b"{" + b",".join([b'"a":1'] * 150_000) + b"}" + b" " * size,
}


@pytest.mark.slow
@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE)
def test_a_header_of_50_mb_takes_bounded_memory(make):
    """All of these fail; "arrays" took 950 MB and "nested" more than 2 GB."""
    data = file(make(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError) as caught:
            read_safetensors(data)
        assert tracemalloc.get_traced_memory()[1] < 5 * len(data) and len(str(caught.value)) < 300
    finally:
        tracemalloc.stop()


def test_an_error_states_the_sizes():
    with pytest.raises(CheckpointError, match="its header takes 1000 bytes, but only 3 follow"):
        read_safetensors((1000).to_bytes(8, "little") + b"{} ")


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 10**8 + 1, 10**8, 1000])
def test_an_impossible_header_length_is_rejected(length):
    with pytest.raises(CheckpointError, match="cut short|does not begin with a header"):
        read_safetensors(length.to_bytes(8, "little") + b'{"a": 1}')


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_bytes_changed(saved, data):
    damaged = bytearray(saved)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(damaged), 6000) - 1))
        damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    rejected_or_read(read_checkpoint, bytes(damaged[: data.draw(st.integers(0, len(damaged)) | st.just(len(damaged)))]))


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=5) | st.just("__metadata__"),
        ANY_JSON
        | st.fixed_dictionaries(
            {
                "dtype": st.sampled_from([*_ITEM_SIZE, "F33", 3, None]) | ANY_JSON,
                "shape": st.lists(st.integers(-1, 2**70) | st.integers(0, 4), max_size=3) | ANY_JSON,
                "data_offsets": st.lists(st.integers(-1, 40), min_size=1, max_size=3) | ANY_JSON,
            }
        ),
        max_size=4,
    ),
    st.binary(max_size=40),
)
def test_random_headers(header, body):
    rejected_or_read(read_safetensors, file(header, body))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["experiment", "tokenizer", "provenance", "step", "version", "format", "held"]),
    ANY_JSON.map(json.dumps) | st.text(max_size=30) | st.just("9" * 5000) | st.just("[" * 100_000),
)
def test_random_metadata(saved, name, value):
    entries, metadata = read_safetensors(saved)
    rejected_or_read(read_checkpoint, write_safetensors(entries, {**metadata, name: value}))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("step", str(2**32), "the run's step is '4294967296', expected a whole number of at most 10,000,000"),
        ("step", "10000001", "expected a whole number of at most"),
        ("step", "13", "the run's step is 13, but it has 12 steps: the file is damaged"),
        ("held", '{"step": 11, "loss": 2.5}', "they are not those of step 12"),
        ("held", '{"step": 12}', "they are not those of step 12"),
        ("held", '{"step": 12, "loss": NaN}', "should be a finite number, not nan"),
        ("held", '{"step": 12, "loss": 2.5, "grad_norm": "large"}', "grad_norm of step 12 should be a finite number"),
        ("held", "[]", "the run's held is not a table"),
    ],
)
def test_metadata_that_lies_is_rejected(saved, name, value, message):
    entries, metadata = read_safetensors(saved)
    with pytest.raises(CheckpointError) as error:
        read_checkpoint(write_safetensors(entries, {**metadata, name: value}))
    assert message in str(error.value)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["data", "model", "optim", "train"]),
    st.text(max_size=8)
    | st.sampled_from(["n_layer", "n_embd", "n_head", "dropout", "kind", "steps", "learning_rate", "source", "bias"]),
    ANY_JSON,
)
def test_random_experiment_fields(saved, section, field, value):
    entries, metadata = read_safetensors(saved)
    experiment = json.loads(metadata["experiment"])
    experiment[section][field] = value
    rejected_or_read(read_checkpoint, write_safetensors(entries, {**metadata, "experiment": json.dumps(experiment)}))


def rejected_or_read(read, data):
    """Check that a reader succeeds or raises a CheckpointError with a message."""
    try:
        read(data)
    except CheckpointError as error:
        assert len(str(error)) > 20


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).filter(
            lambda name: name != "__metadata__"
        ),
        st.sampled_from(["float32", "float64", "int32", "uint8", "bool"]).flatmap(
            lambda dtype: st.lists(st.integers(0, 3), max_size=3).map(lambda shape: np.ones(shape, dtype))
        ),
        max_size=4,
    )
)
def test_files_are_compatible_with_the_reference_library(arrays):
    entries, _ = read_safetensors(safetensors.numpy.save(arrays))
    assert {name: (entry.shape, bytes(entry.data)) for name, entry in entries.items()} == {
        name: (array.shape, array.tobytes()) for name, array in arrays.items()
    }
    back = safetensors.numpy.load(write_safetensors(entries, {"who": "me"}))
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype and np.array_equal(back[name], array)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=4),
        st.fixed_dictionaries(
            {
                "dtype": st.sampled_from(["F32", "U8"]),
                "shape": st.lists(st.integers(0, 3), max_size=2),
                "data_offsets": st.lists(st.integers(0, 12), min_size=2, max_size=2),
            }
        ),
        max_size=3,
    ),
    st.integers(0, 12),
)
def test_rejects_what_the_reference_library_rejects(header, length):
    data = file(header, bytes(length))
    try:
        read_safetensors(data)
    except CheckpointError:
        return
    safetensors.deserialize(data)


def test_writing_too_few_bytes_is_an_error():
    with pytest.raises(CheckpointError, match="takes 8 bytes, but it has 4"):
        write_safetensors({"x": Entry("F32", (2,), lambda: bytes(4))}, {})


INVALID_TOML = {
    "[model]\nn_layers = 2": "model.n_layers: there is no such field (did you mean 'n_layer'?)",
    "[modle]\nn_layer = 2": "modle: there is no such field (did you mean 'model'?)",
    '[model]\nn_layer = "2"': "model.n_layer: expected a whole number, got '2'",
    "[model]\nn_layer = 2.0": "model.n_layer: expected a whole number, got 2.0",
    "[model]\nbias = 1": "model.bias: expected true or false, got 1",
    "[optim]\nlearning_rate = nan": "optim.learning_rate: expected a finite number",
    f"[optim]\nlearning_rate = {10**400}": "optim.learning_rate: expected a finite number",
    f"[model]\nn_layer = 0x{'f' * 9999}": "model.n_layer: expected a whole number of at most 18 digits",
    f"[model]\nkind = 0x{'f' * 9999}": "model.kind: expected a string, got a number with thousands of digits",
    f"[model]\nn_layer = {'9' * 9999}": "this is not TOML",
    "[model]\nn_layer = 1979-05-27": "model.n_layer: expected a whole number",
    "model = 3": "model: expected a table of fields, got 3",
    "[model": "this is not TOML",
    "a = " + "[" * 100_000: "this is not TOML",
    '[model]\nkind = "gtp"': "model.kind: 'gtp' is not one of bigram, gpt",
}


@pytest.mark.parametrize("text, message", INVALID_TOML.items(), ids=[text[:30] for text in INVALID_TOML])
def test_invalid_toml_is_rejected(text, message):
    with pytest.raises(ExperimentError) as caught:
        Experiment.from_toml(text)
    assert message in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_random_changes_to_toml(data):
    text = Experiment().to_toml()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 3)) :]
    try:
        assert isinstance(Experiment.from_toml(text), Experiment)
    except ExperimentError as error:
        assert len(str(error)) > 10


@pytest.fixture(scope="module")
def saved_with_bpe():
    return poem_run(NumpyDevice(), **{"data.tokenizer": "bpe", "data.vocab_size": 260}).checkpoint()


def paths(value, path=()):
    """Yield the path of every value in nested lists and tables."""
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from paths(value[key], (*path, key))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_values_in_the_metadata(saved_with_bpe, data):
    entries, metadata = read_safetensors(saved_with_bpe)
    name = data.draw(st.sampled_from(["tokenizer", "experiment", "provenance"]))
    described = json.loads(metadata[name])
    path = data.draw(st.sampled_from([path for path in paths(described) if path]))
    owner = described
    for key in path[:-1]:
        owner = owner[key]
    if data.draw(st.booleans()):
        owner[path[-1]] = data.draw(ANY_JSON)
    else:
        del owner[path[-1]]
    rejected_or_read(read_checkpoint, write_safetensors(entries, {**metadata, name: json.dumps(described)}))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["F16", "BF16", "F32", "F64"]), st.binary(max_size=64), st.integers(0, 3))
def test_not_finite_numbers_are_found(dtype, data, exponents):
    size = _ITEM_SIZE[dtype]
    data = (data + b"\xff" * exponents + bytes(8))[: (len(data) + exponents + 8) // size * size]
    if dtype == "BF16":
        values = (np.frombuffer(data, "uint16").astype("uint32") << 16).view("float32")
    else:
        values = np.frombuffer(data, f"float{8 * size}")
    assert all_finite(Entry(dtype, (len(values),), data)) == np.isfinite(values).all()


def test_not_finite_numbers_are_found_in_a_large_array():
    values = np.full(3 << 20, np.finfo(np.float32).max, np.float32)
    assert all_finite(Entry("F32", values.shape, values.tobytes()))
    values[-1] = np.inf
    assert not all_finite(Entry("F32", values.shape, values.tobytes()))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["head.weight", "blocks.0.mlp.contract.weight", "norm.weight"])
def test_weights_that_are_not_finite_are_refused_by_name(value, name, saved):
    entries, metadata = read_safetensors(saved)
    name = name if name in entries else "embedding.tokens"
    values = np.frombuffer(entries[name].data, "float32").copy()
    values[len(values) // 2] = value
    entries[name] = Entry("F32", entries[name].shape, values.tobytes())
    with pytest.raises(CheckpointError, match=f"'{name}' has numbers that are NaN or infinite"):
        read_checkpoint(write_safetensors(entries, metadata))


def test_an_infinite_second_moment_is_read(saved):
    entries, metadata = read_safetensors(saved)
    name = next(name for name in entries if name.startswith("optimizer.second_moment."))
    values = np.full(entries[name].shape, np.inf, "float32")
    entries[name] = Entry("F32", entries[name].shape, values.tobytes())
    assert read_checkpoint(write_safetensors(entries, metadata)).step


@pytest.mark.parametrize("value", [-1e-12, -np.inf])
def test_a_second_moment_below_zero_is_refused_by_name(value, saved):
    entries, metadata = read_safetensors(saved)
    name = next(name for name in entries if name.startswith("optimizer.second_moment."))
    values = np.frombuffer(entries[name].data, "float32").copy()
    values[-1] = value
    entries[name] = Entry("F32", entries[name].shape, values.tobytes())
    with pytest.raises(CheckpointError, match=f"'{name}' has numbers below 0"):
        read_checkpoint(write_safetensors(entries, metadata))


@pytest.mark.parametrize("value", [np.nan, -np.nan])
@pytest.mark.parametrize("group", ["first_moment", "second_moment"])
def test_a_nan_in_the_state_of_the_optimizer_is_refused_by_name(group, value, saved):
    entries, metadata = read_safetensors(saved)
    name = next(name for name in entries if name.startswith(f"optimizer.{group}."))
    values = np.frombuffer(entries[name].data, "float32").copy()
    values[:1], values[-1] = np.inf, value
    entries[name] = Entry("F32", entries[name].shape, values.tobytes())
    with pytest.raises(CheckpointError, match=f"'{name}' has numbers that are NaN.* use an earlier checkpoint"):
        read_checkpoint(write_safetensors(entries, metadata))


def test_a_sign_alone_does_not_make_a_second_moment_negative(saved):
    entries, metadata = read_safetensors(saved)
    name = next(name for name in entries if name.startswith("optimizer.second_moment."))
    values = np.full(entries[name].shape, -0.0, "float32")
    entries[name] = Entry("F32", entries[name].shape, values.tobytes())
    assert read_checkpoint(write_safetensors(entries, metadata)).step
