"""nanoGPT's checkpoints and data sets: the same logits, nothing in a pickle runs, and damage is named."""

import io
import math
import os
import pickle
import random
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from pygpt.cli import main
from pygpt.data import load_text
from pygpt.data.nanogpt_tokens import read_meta
from pygpt.errors import CheckpointError, DataError, ExperimentError, PygptError, TokenizerError
from pygpt.inference.trained_model import TrainedModel, load
from pygpt.nanogpt import import_checkpoint
from pygpt.nanogpt.torch_file import TYPES, TorchFile
from pygpt.runs.checkpoint import read_checkpoint, write_checkpoint
from pygpt.training.run import Run
from tests.tiny_runs import experiment, finish

GOLDEN = Path(__file__).parents[2] / "goldens" / "nanogpt"
CHECKPOINT, META = GOLDEN / "ckpt.pt", GOLDEN / "meta.pkl"
CHARACTERS = "\n abcdefghi"


def golden():
    """The values of the golden checkpoint, with an array for each tensor of the model."""
    file = TorchFile(CHECKPOINT)
    arrays = {name: file.array(tensor) for name, tensor in file.values["model"].items()}
    return file.values | {"model": arrays, "best_val_loss": whole(file.array(file.values["best_val_loss"]))}


class Tensor:
    """A tensor to save: a view into a storage, an array of one dimension."""

    def __init__(self, storage, offset, shape, strides, kind="FloatStorage", bits=()):
        self.storage, self.kind, self.view, self.bits = storage, kind, (offset, shape, strides), bits


def whole(values, kind="FloatStorage"):
    """A tensor that is a whole array, in a type of torch."""
    data = values.astype("float32")
    stored = (data.view("uint32") >> 16).astype("uint16") if kind == "BFloat16Storage" else data.astype(TYPES[kind])
    strides = tuple(stride // data.itemsize for stride in np.empty(data.shape, data.dtype).strides)
    return Tensor(stored.ravel(), 0, data.shape, strides, kind)


@pytest.fixture
def save(monkeypatch, tmp_path):
    """Return a function that writes a file as torch.save does, and returns its path."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in (*TYPES, "QInt8Storage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))
    utils._rebuild_tensor_v2 = lambda *arguments: None
    utils._rebuild_tensor_v2.__module__, utils._rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    def write(values, change=lambda name, data: data, compression=zipfile.ZIP_STORED):
        storages, stream = {}, io.BytesIO()

        class Pickler(pickle.Pickler):
            def persistent_id(self, value):
                if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], np.ndarray):
                    array, kind = value
                    key = str(list(storages).index(id(array)) if id(array) in storages else len(storages))
                    storages[id(array)] = array
                    return "storage", getattr(torch, kind), key, "cpu", array.size
                return None

            def reducer_override(self, value):
                if isinstance(value, Tensor):
                    storage = value.storage, value.kind
                    return utils._rebuild_tensor_v2, (storage, *value.view, False, OrderedDict(), *value.bits)
                return NotImplemented

        Pickler(stream, protocol=2).dump(values)
        path = tmp_path / "ckpt.pt"
        files = {"data.pkl": stream.getvalue(), "byteorder": b"little", "version": b"3\n"}
        files |= {f"data/{key}": array.tobytes() for key, array in enumerate(storages.values())}
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, data in files.items():
                if (data := change(name, data)) is not None:
                    archive.writestr(f"ckpt/{name}", data)
        return path

    return write


def saved(values, kind="FloatStorage"):
    """The golden checkpoint with each array as a tensor of its own."""
    return values | {"model": {name: whole(array, kind) for name, array in values["model"].items()}}


def logits_of(checkpoint, cpu):
    model = TrainedModel(read_checkpoint(write_checkpoint(checkpoint)), cpu)
    return model.logits(np.load(GOLDEN / "logits.npz")["ids"])


def test_an_imported_checkpoint_has_nanogpts_logits(cpu):
    checkpoint = import_checkpoint(CHECKPOINT, META)
    np.testing.assert_allclose(logits_of(checkpoint, cpu), np.load(GOLDEN / "logits.npz")["logits"], atol=1e-5)
    assert checkpoint.tokenizer.characters == CHARACTERS and checkpoint.step == 0
    model = checkpoint.experiment.model
    assert (model.mlp, model.bias, model.tie_weights, model.dropout) == ("gelu_erf", True, True, 0.1)
    assert checkpoint.provenance["imported"]["steps"] == 250
    assert import_checkpoint(CHECKPOINT, META, 4).experiment.model.block_size == 4
    for length in -1, 0, 9:
        with pytest.raises(ExperimentError, match=f"{length} is outside 1 to 8, the model's"):
            import_checkpoint(CHECKPOINT, META, length)


def test_the_command_line_imports_and_samples(tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["import", "nanogpt", str(CHECKPOINT), "--meta", str(META), str(out)]) == 0
    cut = "(5 rows for tokens that the tokenizer does not have are cut off)"
    assert f"nanoGPT: 6,896 parameters, 11 tokens {cut}, context length 8" in capsys.readouterr().out
    assert len(load(out, "numpy").generate("abc", 5)) == 5
    assert main(["import", "nanogpt", str(CHECKPOINT), str(tmp_path / "other")]) == 1
    message = capsys.readouterr().err
    assert "a model of 16 tokens, which are not GPT-2's: pass the meta.pkl" in message and message.count("\n") == 1
    assert not (tmp_path / "other").exists()
    for flags in ["hf", "--meta", "x"], ["nanogpt", "--tokenizer", "byte"]:
        assert main(["import", flags[0], str(CHECKPOINT), *flags[1:], str(tmp_path / "other")]) == 1


@pytest.mark.parametrize("kind, tolerance", [("DoubleStorage", 1e-5), ("HalfStorage", 0.05), ("BFloat16Storage", 0.3)])
def test_other_types_of_numbers_are_read(kind, tolerance, save, cpu):
    checkpoint = import_checkpoint(save(saved(golden(), kind)), META)
    expected = np.load(GOLDEN / "logits.npz")["logits"]
    np.testing.assert_allclose(logits_of(checkpoint, cpu), expected, atol=tolerance)


def test_views_with_offsets_and_strides_are_read(save, cpu):
    values = golden()
    tensors = {}
    for name, array in values["model"].items():
        turned = np.concatenate([np.full(3, 9, "float32"), np.ravel(array, order="F"), np.full(2, 9, "float32")])
        strides = (1,) if array.ndim == 1 else (1, array.shape[0])
        tensors[name.removeprefix("_orig_mod.")] = Tensor(turned, 3, array.shape, strides)
    checkpoint = import_checkpoint(save(values | {"model": OrderedDict(tensors)}), META)
    np.testing.assert_allclose(logits_of(checkpoint, cpu), np.load(GOLDEN / "logits.npz")["logits"], atol=1e-5)
    assert checkpoint.experiment.model.tie_weights  # equal values, in two storages


@pytest.mark.parametrize("wrappers", ["", "module.", "module._orig_mod.", "_orig_mod.module."])
def test_a_model_that_torch_has_wrapped_is_read(wrappers, save, cpu):
    values = golden()
    named = {wrappers + name.removeprefix("_orig_mod."): array for name, array in values["model"].items()}
    checkpoint = import_checkpoint(save(saved(values | {"model": named})), META)
    np.testing.assert_allclose(logits_of(checkpoint, cpu), np.load(GOLDEN / "logits.npz")["logits"], atol=1e-5)


def tanh_gelu(x):
    return x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def erf_gelu(x):
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def reference_logits(model, ids, n_head, gelu=erf_gelu):
    """nanoGPT's forward pass, in NumPy and with its own layout of arrays; biases can be left out."""
    at = {name.removeprefix("_orig_mod.").removeprefix("transformer."): array for name, array in model.items()}

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return scaled * at[f"{name}.weight"] + at.get(f"{name}.bias", 0)

    def linear(x, name):
        return x @ at[f"{name}.weight"].T + at.get(f"{name}.bias", 0)

    x = at["wte.weight"][ids] + at["wpe.weight"][: ids.shape[1]]
    rows, length, size = x.shape
    for layer in range(sum(name.endswith("ln_1.weight") for name in at)):
        block = f"h.{layer}"
        parts = np.split(linear(norm(x, f"{block}.ln_1"), f"{block}.attn.c_attn"), 3, axis=-1)
        q, k, v = (part.reshape(rows, length, n_head, -1).swapaxes(1, 2) for part in parts)
        scores = q @ k.swapaxes(2, 3) / math.sqrt(size // n_head)
        weights = np.exp(np.where(np.tri(length), scores, -np.inf))
        mixed = (weights / weights.sum(-1, keepdims=True) @ v).swapaxes(1, 2).reshape(x.shape)
        x = x + linear(mixed, f"{block}.attn.c_proj")
        hidden = linear(norm(x, f"{block}.ln_2"), f"{block}.mlp.c_fc")
        x = x + linear(gelu(hidden), f"{block}.mlp.c_proj")
    return linear(norm(x, "ln_f"), "lm_head")


def test_the_reference_has_nanogpts_logits():
    recorded, values = np.load(GOLDEN / "logits.npz"), golden()
    ours = reference_logits(values["model"], recorded["ids"], values["model_args"]["n_head"])
    np.testing.assert_allclose(ours[..., : recorded["logits"].shape[2]], recorded["logits"], atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [11, 16], ids=["every row", "a square with unused rows"])
def test_a_head_of_its_own_is_turned_as_pygpt_stores_it(size, bias, save, cpu):
    """It was taken over as it lies in the file, so that all its numbers were there and none in its place."""
    values, chance = golden(), np.random.default_rng(3)
    values["model_args"] = values["model_args"] | {"bias": bias, "vocab_size": size}
    model = {name: array for name, array in values["model"].items() if bias or not name.endswith(".bias")}
    model = {name: array[:size] if name.endswith("wte.weight") else array for name, array in model.items()}
    model["_orig_mod.lm_head.weight"] = chance.normal(size=(size, 16)).astype("float32")
    checkpoint = import_checkpoint(save(saved(values | {"model": model})), META)
    config = checkpoint.experiment.model
    assert (config.tie_weights, config.bias) == (False, bias)
    ids = np.load(GOLDEN / "logits.npz")["ids"]
    expected = reference_logits(model, ids, values["model_args"]["n_head"])
    np.testing.assert_allclose(logits_of(checkpoint, cpu), expected[..., :11], atol=1e-5)
    head = np.frombuffer(checkpoint.weights["head.weight"](), "float32").reshape(16, 11)
    np.testing.assert_array_equal(head, model["_orig_mod.lm_head.weight"][:11].T)


@pytest.mark.parametrize("bias", [True, False])
def test_an_early_checkpoint_has_no_bias_in_its_model_args(bias, save, cpu):
    """Its arrays say whether there are biases, and its GELU was the approximation by tanh."""
    values = golden()
    values["model_args"] = {name: value for name, value in values["model_args"].items() if name != "bias"}
    model = {name: array for name, array in values["model"].items() if bias or not name.endswith(".bias")}
    # Weights this large make the two forms of GELU differ by more than the tolerance.
    model |= {name: 4 * array for name, array in model.items() if name.endswith("c_fc.weight")}
    # The mask of a version without flash attention is no bias.
    buffers = {"_orig_mod.transformer.h.0.attn.bias": np.ones((1, 1, 8, 8), "float32")}
    checkpoint = import_checkpoint(save(saved(values | {"model": model | buffers})), META)
    config = checkpoint.experiment.model
    assert (config.bias, config.mlp) == (bias, "gelu")
    ids, n_head = np.load(GOLDEN / "logits.npz")["ids"], values["model_args"]["n_head"]
    expected = reference_logits(model, ids, n_head, tanh_gelu)
    np.testing.assert_allclose(logits_of(checkpoint, cpu), expected[..., :11], atol=1e-5)
    assert np.abs(reference_logits(model, ids, n_head) - expected).max() > 1e-4


def changed(name, value):
    """The golden checkpoint with an array of the model replaced, or removed by None."""
    values = golden()
    values["model"][name] = value
    values["model"] = {key: array for key, array in values["model"].items() if array is not None}
    return saved(values)


WTE, LN = "_orig_mod.transformer.wte.weight", "_orig_mod.transformer.ln_f.weight"


@pytest.mark.parametrize(
    "values, message",
    [
        (lambda: changed(LN, None), "has no array ln_f.weight"),
        (lambda: changed(LN, np.full(16, np.nan)), "ln_f.weight has numbers that are NaN or infinite"),
        (lambda: changed(LN, np.ones(17)), r"ln_f.weight is Float\[17\], but model_args needs .* as \[16\]"),
        (lambda: changed("other.weight", np.ones(2)), "arrays that nanoGPT's model does not have: other.weight"),
        (lambda: changed("transformer.ln_f.weight", np.ones(16)), "two arrays for ln_f.weight"),
        (lambda: golden() | {"model": {"x": 3}}, "its model has 'x', which is not a tensor"),
        (lambda: saved(golden()) | {"model_args": {}}, "model_args has n_layer None"),
        (lambda: saved(golden()) | {"model_args": golden()["model_args"] | {"bias": 1}}, "model_args has bias 1"),
        (lambda: saved(golden()) | {"model_args": golden()["model_args"] | {"n_layer": 10**9}}, "cannot build"),
        (lambda: saved(golden()) | {"model_args": golden()["model_args"] | {"dropout": "x"}}, "cannot build"),
        (lambda: [1, 2], "not a checkpoint of nanoGPT: it has no model and model_args"),
        (lambda: saved(golden()) | {"config": Path}, r"needs pathlib.* to be read, which pygpt does not run"),
        (
            lambda: saved(golden()) | {"config": os.system},
            r"needs (posix|nt).system to be read, which pygpt does not run",
        ),
        (lambda: {"model": Tensor(np.ones(4, "int8"), 0, (4,), (1,), "QInt8Storage")}, "needs torch.QInt8Storage"),
        (
            lambda: {"model": Tensor(np.ones(4, "float32"), -1, (4,), (1,))},
            r"ckpt.pt is damaged: a tensor has the shape \(4,\) and the strides",
        ),
        (lambda: {"model": Tensor(np.ones(4, "float32"), 0, (4, 2), (1,))}, r"a tensor has the shape \(4, 2\)"),
        (lambda: changed(WTE, None), "has no array wte.weight"),
    ],
)
def test_another_checkpoint_is_refused_and_named(values, message, save):
    with pytest.raises(CheckpointError, match=message):
        import_checkpoint(save(values()), META)


def test_a_view_beyond_its_storage_is_refused(save):
    values = saved(golden())
    values["model"][LN] = Tensor(np.ones(16, "float32"), 1, (16,), (1,))
    with pytest.raises(CheckpointError, match="is too short for its tensor"):
        import_checkpoint(save(values), META)


@pytest.mark.parametrize("bits", [{"neg": True}, {"conj": True}], ids=str)
def test_a_view_that_changes_its_values_is_refused(bits, save):
    """torch._neg_view stores the values without their sign, and a bit."""
    values = saved(golden())
    for state in ({}, None, bits):
        values["model"][LN] = Tensor(np.ones(16, "float32"), 0, (16,), (1,), bits=(state,))
        path = save(values)
        if state:
            with pytest.raises(CheckpointError, match="a tensor has the bits .*True"):
                import_checkpoint(path, META)
        else:
            import_checkpoint(path, META)


def test_numbers_beyond_float32_are_refused(save):
    values = saved(golden())
    values["model"][LN] = Tensor(np.full(16, 1e300), 0, (16,), (1,), "DoubleStorage")
    with pytest.raises(CheckpointError, match="ln_f.weight has numbers beyond those of float32"):
        import_checkpoint(save(values), META)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda name, data: data[:-1] if name == "data/0" else data, "the storage 0 is too short"),
        (lambda name, data: data + b"0" if name == "data/0" else data, "more than the .* expected"),
        (lambda name, data: None if name == "data/0" else data, "data/0 is missing"),
        (lambda name, data: None if name == "data.pkl" else data, "it has no data.pkl"),
        (lambda name, data: data[:-1] if name == "data.pkl" else data, "ckpt.pt is damaged: Ran out of input"),
        (lambda name, data: b"big" if name == "byteorder" else data, "big-endian"),
    ],
)
def test_damage_inside_the_archive_is_named(change, message, save):
    with pytest.raises(CheckpointError, match=message):
        import_checkpoint(save(saved(golden()), change), META)


def test_a_compressed_archive_is_refused(save):
    with pytest.raises(CheckpointError, match="is compressed or encrypted"):
        import_checkpoint(save(saved(golden()), compression=zipfile.ZIP_DEFLATED), META)


def test_a_file_that_is_cut_or_changed_anywhere_is_read_or_refused(tmp_path):
    data, path, chance = CHECKPOINT.read_bytes(), tmp_path / "ckpt.pt", random.Random(1)
    refused = 0
    for number in range(200):
        if number % 4:
            wrong = bytearray(data)
            for _ in range(chance.randrange(1, 9)):
                wrong[chance.choice([chance.randrange(3000), -chance.randrange(1, 3000)])] = chance.randrange(256)
        else:
            wrong = data[: chance.randrange(len(data))]
        path.write_bytes(wrong)
        try:
            for weight in import_checkpoint(path, META).weights.values():
                weight()
        except PygptError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 100


def test_what_is_no_archive_is_named(tmp_path):
    path = tmp_path / "ckpt.pt"
    for data in b"", b"\x80\x02}.", b"PK":
        path.write_bytes(data)
        with pytest.raises(CheckpointError, match="not a file of torch.save"):
            import_checkpoint(path, META)
    with pytest.raises(CheckpointError, match=r"is a folder; expected a file of nanoGPT's, such as .*ckpt\.pt"):
        import_checkpoint(tmp_path, META)
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        import_checkpoint(tmp_path / "none", META)


def test_tokens_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(TokenizerError, match="the tokenizer has 26 tokens, but the model has 16"):
        import_checkpoint(CHECKPOINT, meta_file(tmp_path, "abcdefghijklmnopqrstuvwxyz"))


def meta_file(folder, characters):
    """Write a meta.pkl, as nanoGPT's prepare.py does; `characters` can be other values too."""
    path = folder / "meta.pkl"
    table = dict(enumerate(characters)) if isinstance(characters, str | list) else characters
    path.write_bytes(pickle.dumps({"vocab_size": len(characters), "itos": table}))
    return path


@pytest.mark.parametrize(
    "characters, message",
    [
        ("ba", "sorted"),
        ("aa", "sorted"),
        (["ab", "c"], "not single characters"),
        ({1: "a"}, "no itos"),
        ([3], "single"),
    ],
)
def test_another_meta_is_refused(characters, message, tmp_path):
    with pytest.raises(DataError, match=message):
        import_checkpoint(CHECKPOINT, meta_file(tmp_path, characters))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"stoi": {"a": 1, "b": 0}}, "its stoi is not the reverse of its itos"),
        ({"stoi": {"a": 0}}, "its stoi is not the reverse of its itos"),
        ({"stoi": {"a": 0, "b": 1, "c": 2}}, "its stoi is not the reverse of its itos"),
        ({"stoi": None}, "its stoi is not the reverse of its itos"),
        ({"vocab_size": 3}, "its vocab_size is 3, and its itos has 2 tokens"),
    ],
)
def test_a_meta_that_contradicts_itself_is_refused(change, message, tmp_path):
    """nanoGPT would encode a prompt with one table and decode the text with the other."""
    path, meta = tmp_path / "meta.pkl", {"vocab_size": 2, "itos": {0: "a", 1: "b"}, "stoi": {"a": 0, "b": 1}}
    path.write_bytes(pickle.dumps(meta))
    assert read_meta(path).characters == "ab"
    path.write_bytes(pickle.dumps(meta | change))
    with pytest.raises(DataError, match=message):
        read_meta(path)


def test_a_meta_with_numpys_numbers_says_what_to_do(tmp_path):
    for table in {np.int64(token): name for token, name in enumerate(CHARACTERS)}, {0: np.str_("a")}:
        with pytest.raises(DataError, match=r"NumPy's numbers.*; write it again with Python's own: itos = {int"):
            import_checkpoint(CHECKPOINT, meta_file(tmp_path, table))


def test_nothing_in_a_meta_runs(tmp_path):
    path = tmp_path / "meta.pkl"
    path.write_bytes(b"cos\nmkdir\n(S'" + os.fsencode(tmp_path / "ran") + b"'\ntR.")
    with pytest.raises(DataError, match="needs os.mkdir to be read, which pygpt does not run"):
        import_checkpoint(CHECKPOINT, path)
    assert not (tmp_path / "ran").exists()


def dataset(folder, characters=CHARACTERS, count=600):
    """A data set of nanoGPT's: every character in turn."""
    tokens = np.arange(count, dtype="<u2") % len(characters)
    tokens.tofile(folder / "train.bin")
    tokens[:90].tofile(folder / "val.bin")
    meta_file(folder, characters)
    return folder


def change_last_token(folder, token):
    path = folder / "train.bin"
    path.write_bytes(path.read_bytes()[:-2] + token.to_bytes(2, "little"))


def test_a_data_set_trains_as_its_text_does(tmp_path, cpu):
    shards = load_text(str(dataset(tmp_path)))
    assert shards.tokenizer.decode(shards.train.window(0, 11)) == CHARACTERS
    run = Run(experiment().with_fields(**shards.fields()), shards, cpu)
    losses = finish(run)
    assert losses[-1].loss < losses[1].loss and losses[-1].step == 12
    again = Run.restore(run.checkpoint(), cpu, text=load_text(str(tmp_path)), steps=20)
    assert finish(again)[-1].step == 20


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda folder: (folder / "val.bin").write_bytes(b"123"), "val.bin has 3 bytes, which are no 16-bit tokens"),
        (lambda folder: (folder / "train.bin").write_bytes(b""), "train.bin has 0 bytes"),
        (lambda folder: (folder / "train.bin").unlink(), "nanoGPT's train.bin and val.bin"),
        (lambda folder: (folder / "meta.pkl").write_bytes(b"x"), "meta.pkl is damaged: "),
        (lambda folder: meta_file(folder, "abc"), "train.bin holds the token 10, but its tokenizer has 3"),
        (lambda folder: (folder / "val.bin").write_bytes(b"\0\0\xff\xff"), "val.bin holds the token 65535"),
        (lambda folder: change_last_token(folder, 11), "train.bin holds the token 11, but its tokenizer has 11"),
    ],
)
def test_a_damaged_data_set_is_named(damage, message, tmp_path, cpu):
    damage(dataset(tmp_path))
    with pytest.raises(DataError, match=message):
        load_text(str(tmp_path))
