"""Every run is exported with its tokenizer: `tokenizers` gives the same ids, and the folder comes back in."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import TokenizerError
from pygpt.huggingface.tokenizers import tokenizer_files, tokenizer_for
from pygpt.inference.trained_model import TrainedModel
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.tokenizers import ByteTokenizer, CharTokenizer, tokenizer_from_dict
from tests.tiny_runs import poem_run
from tests.unit.huggingface.folders import change_json, imported
from tests.unit.huggingface.test_huggingface import exported

LLAMA = {"model.norm": "rmsnorm", "model.positions": "rope", "model.mlp": "swiglu"}
NASTY = "\0\t\n\r\x1c \"'\\/<>|[]{}.*+?^$aAzZ0éß\u00a0\u0300\u200d\u2028\ufeff\ufffd\ufffeΩ中🦔👩\U0010ffff"


def reference(tokenizer):
    return tokenizers.Tokenizer.from_buffer(tokenizer_files(tokenizer, 8)["tokenizer.json"])


@settings(max_examples=100, deadline=None)
@given(st.data(), st.booleans())
def test_characters_have_the_same_ids(data, documents):
    characters = "".join(sorted(data.draw(st.sets(st.sampled_from(NASTY) | st.characters(codec="utf-8"), min_size=1))))
    tokenizer = CharTokenizer(characters, documents)
    text = "".join(data.draw(st.lists(st.sampled_from(characters))))
    theirs = reference(tokenizer)
    assert theirs.encode(text).ids == list(tokenizer.encode(text))
    assert theirs.decode(list(tokenizer.encode(text))) == text
    assert theirs.get_vocab_size() == tokenizer.vocab_size


@settings(max_examples=100, deadline=None)
@given(st.text() | st.text(NASTY), st.booleans())
def test_bytes_have_the_same_ids(text, documents):
    tokenizer = ByteTokenizer(documents)
    assert reference(tokenizer).encode(text).ids == list(tokenizer.encode(text))
    assert reference(tokenizer).decode(list(tokenizer.encode(text))) == text
    assert reference(tokenizer).get_vocab_size() == tokenizer.vocab_size


def test_an_unknown_character_is_an_error_there_too():
    with pytest.raises(Exception, match="Missing .UNK. token"):
        reference(CharTokenizer("abc")).encode("abd")


def test_half_of_a_surrogate_pair_cannot_be_exported():
    with pytest.raises(TokenizerError, match="half of a surrogate pair, which a tokenizer.json cannot hold"):
        tokenizer_files(CharTokenizer("a\ud800"), 8)


RUNS = {
    "characters": {},
    "documents of characters": {"data.layout": "documents"},
    "bytes, Llama": {"data.tokenizer": "byte", **LLAMA},
    "documents of bytes, Llama": {"data.tokenizer": "byte", "data.layout": "documents", **LLAMA},
    "documents of BPE, Qwen 3": {
        "data.tokenizer": "bpe",
        "data.vocab_size": 300,
        "data.layout": "documents",
        "model.qk_norm": True,
        **LLAMA,
    },
    "characters, Qwen 2": {"model.qkv_bias": True, **LLAMA},
    "characters, Mistral": {"model.window": 3, **LLAMA},
}


@pytest.mark.parametrize("changes", RUNS.values(), ids=RUNS)
def test_a_run_goes_out_and_comes_back(changes, tmp_path):
    """The same tokenizer, logits and samples; and in transformers, where it is installed, the same ids and logits."""
    run = poem_run(NumpyDevice(), **{"model.init_std": 0.3, **changes})
    checkpoint = read_checkpoint(run.checkpoint())
    folder = exported(checkpoint, tmp_path / "exported")
    back = imported(folder)
    assert back.experiment.data.tokenizer == back.tokenizer.kind == run.tokenizer.kind
    assert (back.tokenizer.bos, back.tokenizer.ends) == (run.tokenizer.bos, run.tokenizer.ends)
    line = run.text.text.split("\n")[0]
    assert back.tokenizer.encode(line) == run.tokenizer.encode(line)
    before = [] if run.tokenizer.bos is None else [run.tokenizer.bos]
    library = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert library.encode(line).ids == [*before, *run.tokenizer.encode(line)] == [*before, *back.tokenizer.encode(line)]
    assert library.encode("").ids == list(back.tokenizer.template) == before
    for prompt in "", line[:1], line[:3]:
        text = TrainedModel(checkpoint, NumpyDevice()).generate(prompt, 9, temperature=0.5)
        assert TrainedModel(back, NumpyDevice()).generate(prompt, 9, temperature=0.5) == text
    ids = list(run.tokenizer.encode(line))[:8]
    expected = TrainedModel(checkpoint, NumpyDevice()).logits([ids])
    np.testing.assert_array_equal(TrainedModel(back, NumpyDevice()).logits([ids]), expected)
    if not (find_spec("transformers") and find_spec("torch")):
        return  # neither is a dependency; `tokenizers` and the recordings replace them
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert tokenizer(line).input_ids == [*before, *run.tokenizer.encode(line)]
    assert tokenizer.decode(tokenizer.encode(line), skip_special_tokens=True) == line
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (run.tokenizer.bos, run.tokenizer.bos)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    assert (model.config.bos_token_id, model.config.eos_token_id) == (run.tokenizer.bos, run.tokenizer.bos)
    with torch.no_grad():
        np.testing.assert_allclose(model(torch.tensor([ids])).logits.numpy(), expected, atol=1e-4)


DOCUMENTS = {name: changes for name, changes in RUNS.items() if name.startswith("documents")}


@pytest.mark.parametrize("changes", DOCUMENTS.values(), ids=DOCUMENTS)
def test_an_imported_run_of_documents_is_saved_and_exported_as_it_is(changes, tmp_path):
    """The delimiter before a prompt is in the checkpoint of the import, and in its own export."""
    run = poem_run(NumpyDevice(), **changes)
    folder = exported(read_checkpoint(run.checkpoint()), tmp_path / "exported")
    back = imported(folder)
    again = imported(exported(back, tmp_path / "again"))
    assert again.tokenizer == back.tokenizer and again.tokenizer.template == (run.tokenizer.bos,)
    first, second = ((tmp_path / name / "tokenizer.json").read_bytes() for name in ("exported", "again"))
    assert json.loads(first) == json.loads(second)


def test_an_export_of_an_earlier_version_begins_as_its_file_says(tmp_path):
    """It had no post-processor, so `transformers` puts nothing before a text."""
    run = poem_run(NumpyDevice(), **{"data.layout": "documents"})
    folder = exported(read_checkpoint(run.checkpoint()), tmp_path / "exported")
    change_json(folder / "tokenizer.json", post_processor=None)
    assert imported(folder).tokenizer.template == ()
    change_json(folder / "tokenizer.json", post_processor={"type": "RobertaProcessing"})
    with pytest.raises(TokenizerError, match="its post-processor is RobertaProcessing"):
        imported(folder)


@pytest.mark.parametrize("template, message", [([99], "outside the vocabulary"), ("a", "a list of ids, not by 'a'")])
def test_a_damaged_template_is_refused(template, message):
    with pytest.raises(TokenizerError, match=message):
        tokenizer_from_dict(CharTokenizer("ab", True).describe() | {"template": template})


@pytest.mark.parametrize(
    "vocab, message",
    [
        ({"b": 0, "a": 1}, "must be sorted and distinct"),
        ({"a": 0, "b": 2}, "in another order than pygpt"),
        ({"a": 0, "bc": 1}, "in another order than pygpt|sorted and distinct"),
    ],
    ids=str,
)
def test_other_words_are_not_taken_for_characters(vocab, message, tmp_path):
    (tmp_path / "tokenizer.json").write_bytes(tokenizer_files(CharTokenizer("ab"), 8)["tokenizer.json"])
    contents = json.loads((tmp_path / "tokenizer.json").read_text())
    change_json(tmp_path / "tokenizer.json", model=contents["model"] | {"vocab": vocab})
    with pytest.raises(TokenizerError, match=message):
        tokenizer_for(tmp_path, None, 2)


@pytest.mark.parametrize("contents", [b"{}", b"[]", b"3", b"\xff", b"[" * 100_000, b'{"model": {"type": "WordLevel"}}'])
def test_another_file_is_left_to_the_reader_of_tokenizers(contents, tmp_path):
    (tmp_path / "tokenizer.json").write_bytes(contents)
    with pytest.raises(TokenizerError, match="tokenizer"):
        tokenizer_for(tmp_path, None, 2)
