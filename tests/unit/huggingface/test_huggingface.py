"""`transformers` folders: imported with the same logits, exported unchanged, and rejected if invalid."""

import json
import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pygpt
from pygpt.cli import main
from pygpt.data import text_from_bytes
from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import CheckpointError, DataError, ExperimentError, PygptError, TokenizerError
from pygpt.huggingface import export_folder, import_folder
from pygpt.huggingface.layouts import LAYOUTS, layout_of
from pygpt.inference.trained_model import TrainedModel
from pygpt.runs.checkpoint import checkpoint_pieces, read_checkpoint
from pygpt.runs.safetensors import read_safetensors, write_safetensors
from pygpt.training.run import Run
from tests.tiny_runs import POEM, experiment, samplers
from tests.unit.huggingface.folders import GOLDENS, arrays_of, copied, golden, imported, with_biases
from tests.unit.runs.test_damaged_files import ANY_JSON

FOLDERS = sorted(path.name for path in GOLDENS.glob("hf_*"))
LLAMA = {"model.norm": "rmsnorm", "model.positions": "rope", "model.mlp": "swiglu"}


def trained_model(checkpoint):
    return TrainedModel(checkpoint, NumpyDevice())


def exported(checkpoint, folder):
    """Export a checkpoint to a folder and return the folder."""
    folder.mkdir(exist_ok=True)
    for name, content in export_folder(checkpoint).items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else b"".join(content))
    return folder


@pytest.mark.parametrize("name", FOLDERS)
def test_the_logits_equal_those_of_transformers(name):
    checkpoint, ids, logits, every = golden(name)
    model = trained_model(checkpoint)
    np.testing.assert_allclose(model.logits(ids)[..., ::every], logits, atol=1e-4, rtol=0)
    assert np.ptp(logits) > 3, "smaller logits would hide mistakes"
    assert model.provenance["imported"]["from"] == name and len(model.provenance["imported"]["sha256"]) == 64
    assert model.tokenizer.decode(model.tokenizer.encode("the hedgehog ☃")) == "the hedgehog ☃"


@pytest.mark.parametrize("name", FOLDERS)
def test_an_imported_folder_is_exported_unchanged(name, tmp_path):
    checkpoint, ids, _, _ = golden(name)
    exported(checkpoint, tmp_path)
    (ours, metadata), (theirs, _) = (
        read_safetensors((folder / "model.safetensors").read_bytes()) for folder in (tmp_path, GOLDENS / name)
    )
    assert metadata == {"format": "pt"}
    before, after = (json.loads((folder / "config.json").read_text()) for folder in (GOLDENS / name, tmp_path))
    # AutoTokenizer gives every qwen2 Qwen's own tokenizer, and this one has another.
    assert after["model_type"] == ("llama" if name == "hf_qwen2" else before["model_type"])
    prefix = LAYOUTS[before["model_type"]].prefix
    # In transformers, attention can have biases without the MLP; in pygpt both have them, or neither.
    added = {key.removeprefix(prefix) for key in ours} - {key.removeprefix(prefix) for key in theirs}
    assert all(key.endswith(".bias") and not np.frombuffer(ours[prefix + key].data, "float32").any() for key in added)
    assert (name in ("hf_llama_biased", "hf_qwen2")) == bool(added)
    for key, entry in theirs.items():
        back = ours.get(key) or ours[prefix + key]
        assert back.shape == entry.shape and (entry.dtype == "BF16" or bytes(back.data) == bytes(entry.data)), key
    different = {key for key, value in after.items() if before.get(key) != value and key in before}
    assert different <= {"architectures", "dtype", "n_inner", "mlp_bias", "max_window_layers"} | (
        {"model_type"} if name == "hf_qwen2" else set()
    ), different
    np.testing.assert_array_equal(trained_model(imported(tmp_path)).logits(ids), trained_model(checkpoint).logits(ids))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model.bias": True, "model.mlp": "gelu_erf"},
        {"model.norm_scale": False, "model.tie_weights": False, "model.mlp": "silu"},
        LLAMA,
        {**LLAMA, "model.n_kv_head": 1, "model.bias": True},
        {"model.norm_epsilon": 1e-3},
        {**LLAMA, "model.window": 3, "model.norm_epsilon": 1e-6},  # Mistral
        {**LLAMA, "model.head_dim": 6},
        {**LLAMA, "model.n_embd": 15, "model.n_head": 2, "model.head_dim": 6},
        {**LLAMA, "model.qkv_bias": True, "model.tie_weights": False},  # Qwen 2
        {**LLAMA, "model.qk_norm": True, "model.head_dim": 6, "model.n_kv_head": 1},  # Qwen 3
        {**LLAMA, "model.qk_norm": True, "model.qk_norm_scale": True, "model.qkv_bias": True, "model.window": 3},
        {**LLAMA, "model.rope_scaling": "linear", "model.rope_factor": 2.5},
        {**LLAMA, "model.rope_scaling": "llama3", "model.rope_factor": 4.0, "model.rope_original_context": 8},
        {**LLAMA, "model.mlp": "geglu", "model.mlp_ratio": 2.5, "model.norm_scale": False, "model.tie_weights": False},
    ],
)
def test_exported_models_have_the_same_logits_in_transformers(changes, tmp_path):
    run = Run(
        experiment(**{"data.tokenizer": "bpe", "data.vocab_size": 300, "model.init_std": 0.3, **changes}),
        text_from_bytes("poem", POEM.encode()),
        NumpyDevice(),
    )
    checkpoint = read_checkpoint(run.checkpoint())
    folder = exported(checkpoint, tmp_path / "exported")
    ids = np.random.default_rng(1).integers(0, run.tokenizer.vocab_size, (2, 8))
    expected = trained_model(checkpoint).logits(ids)
    np.testing.assert_allclose(trained_model(imported(folder)).logits(ids), expected, atol=1e-5)
    assert imported(folder).tokenizer.encode("Twinkle") == run.tokenizer.encode("Twinkle")
    if not (find_spec("transformers") and find_spec("torch")):
        return  # neither is a dependency; the recordings replace them
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    with torch.no_grad():
        np.testing.assert_allclose(model(torch.tensor(ids)).logits.numpy(), expected, atol=1e-4)
    assert transformers.AutoTokenizer.from_pretrained(folder).encode("Twinkle, twinkle") == list(
        run.tokenizer.encode("Twinkle, twinkle")
    )


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"model.positions": "sinusoidal"},
            "model.positions: this model has none of .* gpt2, but model.positions is sinusoidal",
        ),
        ({"model.attention_gate": True}, "model.attention_gate is True .it must be False"),
        ({**LLAMA, "model.qk_norm": True, "model.norm": "layernorm"}, "closest to qwen3, but model.norm is layernorm"),
        ({**LLAMA, "model.mlp": "gelu"}, "closest to llama, but model.mlp is gelu .it must be geglu or swiglu"),
        ({"model.norm_place": "post"}, "model.norm_place is post"),
        ({"model.logit_cap": 3.0}, "model.logit_cap"),
        ({"model.window": 4}, "model.window"),
        (
            {**LLAMA, "model.window": 4, "model.qkv_bias": True},
            "closest to (mistral, but model.qkv_bias is True|qwen2, but data.tokenizer is not qwen2's)",
        ),
        ({"model.kind": "bigram"}, "model.kind: transformers has no bigram model"),
    ],
)
def test_an_export_is_rejected_with_the_name_of_the_setting(changes, message):
    with pytest.raises(ExperimentError, match=message):
        layout_of(experiment(**changes).model)


def test_a_qwen_3_with_biases_in_its_attention_is_exported_unchanged(tmp_path):
    """In pygpt the MLP then has biases too, which are zero: transformers has no place for them, and needs none."""
    biases = with_biases("hf_qwen3", tmp_path / "folder", ["self_attn"], attention_bias=True)
    checkpoint = imported(tmp_path / "folder", tokenizer=str(GOLDENS / "hf_llama"))
    out = exported(checkpoint, tmp_path / "out")
    arrays, before = arrays_of(out), arrays_of(tmp_path / "folder")
    assert arrays.keys() == before.keys() > biases.keys()
    assert all(bytes(arrays[name].data) == bytes(before[name].data) for name in biases)
    config = json.loads((out / "config.json").read_text())
    assert (config["model_type"], config["attention_bias"]) == ("qwen3", True)
    ids = np.load(GOLDENS / "hf_qwen3" / "logits.npz")["ids"]
    logits = trained_model(checkpoint).logits(ids)
    np.testing.assert_array_equal(trained_model(imported(out)).logits(ids), logits)
    assert np.abs(logits - trained_model(golden("hf_qwen3")[0]).logits(ids)).max() > 0.1


def test_a_bias_that_transformers_has_no_place_for_is_refused_by_name(tmp_path):
    with_biases("hf_qwen3", tmp_path / "folder", ["self_attn"], attention_bias=True)
    checkpoint = imported(tmp_path / "folder", tokenizer=str(GOLDENS / "hf_llama"))
    name = "blocks.1.mlp.factor.bias"
    checkpoint.weights[name] = (np.frombuffer(checkpoint.weights[name], "float32") + 1).tobytes()
    with pytest.raises(ExperimentError, match=f"model.bias: .*qwen3, has no array .*up_proj.bias, and {name} is not"):
        export_folder(checkpoint)


def test_a_shorter_block(tmp_path):
    golden = np.load(GOLDENS / "hf_gpt2" / "logits.npz")
    model = trained_model(imported(GOLDENS / "hf_gpt2", block_size=7))
    np.testing.assert_allclose(model.logits(golden["ids"][:, :7]), golden["logits"][:, :7], atol=1e-4)
    for length in (-1, 0, 13):
        with pytest.raises(ExperimentError, match=f"block-size: {length} is outside 1 to 12, the model's"):
            import_folder(GOLDENS / "hf_gpt2", length)


def test_a_block_that_is_too_long_is_shortened(tmp_path):
    folder = copied("hf_llama", tmp_path / "folder", max_position_embeddings=131072)
    with pytest.raises(ExperimentError, match="block-size: the model's context of 131,072 tokens is longer"):
        import_folder(folder)
    checkpoint, ids, logits, _ = golden("hf_llama")
    short = imported(folder, block_size=7)
    np.testing.assert_allclose(trained_model(short).logits(ids[:, :7]), logits[:, :7], atol=1e-4)
    assert short.experiment.model.block_size == 7


def test_a_shorter_block_keeps_the_context_that_rope_was_scaled_for(tmp_path):
    rope = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    folder = copied("hf_llama", tmp_path / "folder", rope_parameters=rope, max_position_embeddings=4096)
    assert imported(folder, block_size=8).experiment.model.rope_original_context == 4096


def test_a_folder_without_a_tokenizer(tmp_path):
    folder = copied("hf_qwen3", tmp_path / "folder")
    with pytest.raises(TokenizerError, match="has no tokenizer: .*--tokenizer` takes the folder of another one, gpt2,"):
        imported(folder)
    _, ids, logits, every = golden("hf_qwen3")
    byte, other, file = (
        imported(folder, tokenizer=str(choice))
        for choice in ("byte", GOLDENS / "hf_llama", GOLDENS / "hf_llama" / "tokenizer.json")
    )
    assert (byte.tokenizer.kind, byte.tokenizer.vocab_size, byte.tokenizer.ends) == ("byte", 257, (0,))
    assert byte.experiment.data.tokenizer == "byte"
    for checkpoint, tokens in ((byte, 257), (other, 264), (file, 264)):
        fits = (ids < tokens).cumprod().sum()
        ours = trained_model(checkpoint).logits(ids[:, :fits])[..., ::every]
        np.testing.assert_allclose(ours, logits[:, :fits, : ours.shape[2]], atol=1e-4)
    with pytest.raises(PygptError, match="has 50257 tokens, but the model has 264|GPT-2's tokenizer is read"):
        imported(folder, tokenizer="gpt2")


def test_a_qwen_2_with_qwens_tokenizer_stays_one():
    model = experiment(**LLAMA, **{"model.qkv_bias": True}).model
    assert layout_of(model, "NFC").model_type == "qwen2" and layout_of(model).model_type == "llama"


WINDOWS = {
    "none": ({"use_sliding_window": False, "sliding_window": 4, "max_window_layers": 0}, 0),
    "all": ({"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 0}, 4),
    "all, named": ({"use_sliding_window": True, "sliding_window": 4, "layer_types": ["sliding_attention"] * 2}, 4),
    "some": ({"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}, None),
    "from a later layer": ({"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 28}, 0),
    "some, named": ({"layer_types": ["full_attention", "sliding_attention"], "use_sliding_window": True}, None),
    "another kind": ({"layer_types": ["linear_attention"] * 2}, None),
    "too few": ({"layer_types": ["full_attention"]}, None),
    "not a list": ({"layer_types": 3}, None),
}


@pytest.mark.parametrize("changes, window", WINDOWS.values(), ids=WINDOWS)
def test_a_window_of_every_layer_or_none(changes, window, tmp_path):
    folder = copied("hf_qwen2", tmp_path / "folder", **{"layer_types": None, "sliding_window": 5, **changes})
    if window is None:
        with pytest.raises(CheckpointError, match="layer_types is .*; (pygpt has the same|expected the kind)"):
            imported(folder, tokenizer="byte")
    else:
        assert imported(folder, tokenizer="byte").experiment.model.window == window


@pytest.mark.parametrize("name", ["hf_gpt2", "hf_llama", "hf_mistral", "hf_qwen2", "hf_qwen3"])
@pytest.mark.parametrize("value", [2**31 - 1, 2**31, 2**64, 0, -1])
def test_impossible_sizes_are_refused_before_memory_is_taken(name, value, tmp_path):
    values = json.loads((GOLDENS / name / "config.json").read_text())
    sizes = [key for key, size in values.items() if type(size) is int and "token" not in key]
    assert len(sizes) >= 5
    for key in sizes:
        folder = copied(name, tmp_path / key, **{key: value, "layer_types": None})
        try:
            import_folder(folder, tokenizer="byte")
        except PygptError as error:
            assert len(str(error)) > 20


def test_what_config_json_leaves_out_is_what_transformers_takes(tmp_path):
    """Llama's norms add 1e-6 unless the file says something else; that was taken for 1e-5."""
    folder = copied("hf_llama", tmp_path / "folder")
    values = json.loads((folder / "config.json").read_text())
    for name in ("rms_norm_eps", "max_position_embeddings", "initializer_range"):
        del values[name]
    (folder / "config.json").write_text(json.dumps(values))
    model = imported(folder).experiment.model
    assert (model.norm_epsilon, model.block_size, model.init_std) == (1e-6, 2048, 0.02)


def test_tokens_without_a_tokenizer_entry_are_dropped(tmp_path, capsys):
    shutil.copytree(GOLDENS / "hf_llama", tmp_path / "padded")
    entries, metadata = read_safetensors((GOLDENS / "hf_llama" / "model.safetensors").read_bytes())
    config = json.loads((GOLDENS / "hf_llama" / "config.json").read_text()) | {"vocab_size": 320}
    for name in ("lm_head.weight", "model.embed_tokens.weight"):
        rows = bytes(entries[name].data) + bytes(4 * 16 * (320 - 264))
        entries[name] = type(entries[name])("F32", (320, 16), rows)
    (tmp_path / "padded" / "model.safetensors").write_bytes(write_safetensors(entries, metadata))
    (tmp_path / "padded" / "config.json").write_text(json.dumps(config))
    golden = np.load(GOLDENS / "hf_llama" / "logits.npz")
    np.testing.assert_allclose(
        trained_model(imported(tmp_path / "padded")).logits(golden["ids"]), golden["logits"], atol=1e-4
    )
    padded = tmp_path / "padded", "264 tokens (56 rows for tokens that"
    for folder, said in padded, (GOLDENS / "hf_llama", "264 tokens,"):
        assert main(["import", "hf", str(folder), str(tmp_path / "run")]) == 0
        assert said in capsys.readouterr().out


INVALID = {
    "no config": ("config.json", None, "it has no config.json"),
    "no weights": ("model.safetensors", None, "has no model.safetensors"),
    "no tokenizer": ("merges.txt", None, "no tokenizer"),
    "broken": ("config.json", "{", "is not JSON"),
    "another kind": (
        "config.json",
        {"model_type": "mamba"},
        "model_type is 'mamba'; pygpt reads gpt2, llama, mistral, qwen2, qw",
    ),
    "no size": ("config.json", {"n_embd": "wide"}, "n_embd is 'wide'; expected a whole number"),
    "a huge size": ("config.json", {"n_layer": 10**10}, "n_layer is 10000000000; expected .* from 1 to 2,147,483,647"),
    "another size": (
        "config.json",
        {"n_embd": 32},
        r"is F32\[\d+, 16\], but config.json needs floating-point numbers as \[\d+, 32\]",
    ),
    "odd heads": ("config.json", {"n_head": 5}, "cannot build: model.n_embd"),
    "another epsilon": ("config.json", {"layer_norm_epsilon": "small"}, "layer_norm_epsilon is 'small'"),
    "a large epsilon": ("config.json", {"layer_norm_epsilon": 2.0}, "model.norm_epsilon: 2 is outside 0 to 1"),
    "another activation": (
        "config.json",
        {"activation_function": "mish"},
        "activation_function is 'mish'; pygpt supports gelu_new",
    ),
    "scaled": ("config.json", {"scale_attn_by_inverse_layer_idx": True}, "its logits would differ"),
    "more layers": ("config.json", {"n_layer": 3}, "no array h.2.ln_1.weight, which config.json says the model has"),
    "fewer layers": ("config.json", {"n_layer": 1}, "arrays that pygpt's gpt2 does not have with this config.json"),
    "fewer tokens": ("config.json", {"vocab_size": 100}, "they do not belong together"),
    "no head": ("config.json", {"tie_word_embeddings": False}, "there is no lm_head.weight"),
    "cut short": ("model.safetensors", b"\x08\0\0\0\0\0\0\0{}      x", "belong to no array"),
    "empty": ("model.safetensors", b"", "cannot be read"),
}


@pytest.mark.parametrize("file, content, message", INVALID.values(), ids=INVALID)
def test_an_invalid_folder_is_rejected(file, content, message, tmp_path):
    folder = tmp_path / "folder"
    shutil.copytree(GOLDENS / "hf_gpt2", folder)
    path = folder / file
    if content is None:
        path.unlink()
    elif isinstance(content, dict):
        path.write_text(json.dumps(json.loads(path.read_text()) | content))
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(PygptError, match=message):
        import_folder(folder)


def test_a_file_in_place_of_a_folder_says_what_was_expected(tmp_path):
    for file in "model.safetensors", "config.json":
        with pytest.raises(CheckpointError, match=f"{file} is a file; expected the folder of a model, which holds"):
            import_folder(GOLDENS / "hf_llama" / file)


@pytest.mark.parametrize("name", ["hf_gpt2", "hf_llama"])
def test_the_cache_does_not_change_the_text(name):
    for case, cached, uncached in samplers(trained_model(imported(GOLDENS / name))):
        texts = [sampler.take(sampler.device.read(sampler.output)) for sampler in (cached, uncached)]
        assert texts[0] == texts[1], case


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["hf_gpt2", "hf_llama"]), st.data())
def test_a_random_config_is_rejected_or_read(name, data):
    values = json.loads((GOLDENS / name / "config.json").read_text())
    for key in data.draw(
        st.lists(st.sampled_from([*values, "rope_scaling", "n_inner", "rope_theta"]), min_size=1, max_size=2)
    ):
        values[key] = data.draw(ANY_JSON | st.integers(1, 64) | st.just(10**400))
    with TemporaryDirectory() as folder:
        for path in (GOLDENS / name).iterdir():
            os.symlink(path, Path(folder) / path.name)
        (Path(folder) / "config.json").unlink()
        (Path(folder) / "config.json").write_text(json.dumps(values))
        try:
            b"".join(checkpoint_pieces(import_folder(folder)))
        except PygptError as error:
            assert len(str(error)) > 20


def test_an_imported_model_has_no_text_of_its_own(tmp_path, capsys):
    run = str(tmp_path / "run")
    assert main(["import", "hf", str(GOLDENS / "hf_gpt2"), run]) == 0
    for command in ["eval", run], ["train", "--init-from", run, "--steps", "1", "--out", str(tmp_path / "new")]:
        assert main([*command, "--device", "numpy"]) == 1
        assert "does not say on what text it was trained: choose one, with --data" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    model = pygpt.load(run, device="numpy")
    for use in (model.fit, model.evaluate):
        with pytest.raises(DataError, match="was imported"):
            use()
    assert model.fit("the cat sat on the mat. " * 100, steps=1)[-1].step == 1 and model.evaluate().loss > 0


def test_a_folder_that_cannot_be_written_is_named_without_a_flag(tmp_path, capsys):
    """`import` has no --out."""
    (tmp_path / "file").write_text("mine")
    assert main(["import", "hf", str(GOLDENS / "hf_gpt2"), str(tmp_path / "file")]) == 1
    error = capsys.readouterr().err
    assert (
        "file cannot be written (File exists); choose another\n" in error and (tmp_path / "file").read_text() == "mine"
    )


def test_an_imported_model_cannot_be_resumed():
    data = b"".join(checkpoint_pieces(import_folder(GOLDENS / "hf_gpt2")))
    with pytest.raises(CheckpointError, match="start a new run with its weights: `pygpt train --init-from`"):
        Run.restore(data, NumpyDevice())


def test_an_import_replaces_no_model_of_transformers(tmp_path, capsys):
    source, other = copied("hf_gpt2", tmp_path / "source"), copied("hf_llama", tmp_path / "other")
    for out in source, other:
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        assert main(["import", "hf", str(source), str(out)]) == 1
        assert f"{out} holds a model of transformers, which would be lost" in capsys.readouterr().err
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before
