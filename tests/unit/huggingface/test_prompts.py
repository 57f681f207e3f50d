"""What the prompt of an imported model begins with: what its tokenizer's template says, as in `transformers`."""

import struct

import numpy as np
import pytest
import tokenizers

from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import TokenizerError
from pygpt.inference.sampler import Sampler
from pygpt.inference.trained_model import TrainedModel
from pygpt.language_model import LanguageModel
from pygpt.nanogpt import import_checkpoint
from pygpt.runs.checkpoint import read_checkpoint, write_checkpoint
from pygpt.training.run import Run
from tests.tiny_runs import poem_run
from tests.unit.huggingface.folders import GOLDENS, change_json, copied, imported
from tests.unit.huggingface.test_huggingface import exported

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def template(*before, after=()):
    """A post-processor that puts the special token <|endoftext|> (0) before a text so many times, or after it."""
    pieces = [{"SpecialToken": {"id": name, "type_id": 0}} for name in before]
    pieces += [{"Sequence": {"id": "A", "type_id": 0}}]
    pieces += [{"SpecialToken": {"id": name, "type_id": 0}} for name in after]
    names = {name: {"id": name, "ids": [0], "tokens": [name]} for name in (*before, *after)}
    pair = [*pieces, {"Sequence": {"id": "B", "type_id": 1}}]
    return {"type": "TemplateProcessing", "single": pieces, "pair": pair, "special_tokens": names}


END = "<|endoftext|>"
TEMPLATES = {
    "none": None,
    "GPT-2": BYTE_LEVEL,
    "Llama": template(END),
    "Llama 3": {"type": "Sequence", "processors": [BYTE_LEVEL, template(END)]},
    "twice": template(END, END),
}


def model_with(folder, post_processor, bos):
    """An imported Llama, its folder's tokenizer in the library, and its config.json's bos_token_id."""
    copied("hf_llama", folder, bos_token_id=bos, eos_token_id=None)
    (folder / "generation_config.json").unlink()
    change_json(folder / "tokenizer.json", post_processor=post_processor)
    library = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    return TrainedModel(imported(folder), NumpyDevice()), library


def continued(model, ids, count=5):
    """The most likely continuation of ids, from the whole logits of each step."""
    ids = list(ids)
    for _ in range(count):
        ids.append(int(np.argmax(model.logits([ids])[0, -1])))
    return model.tokenizer.decode(ids[-count:])


@pytest.mark.parametrize("bos", [0, None])
@pytest.mark.parametrize("processor", TEMPLATES.values(), ids=TEMPLATES)
def test_a_prompt_begins_as_the_tokenizer_says(processor, bos, tmp_path):
    """It began with the token that config.json names, whether or not the tokenizer adds one."""
    model, library = model_with(tmp_path / "folder", processor, bos)
    differ = False
    for prompt in "Twin", "the", " é", "a\n":
        ids = library.encode(prompt).ids
        assert model.generate(prompt, 5, temperature=0) == continued(model, ids), prompt
        differ |= continued(model, ids) != continued(model, [0, *ids] if ids[0] else ids[1:])
    assert differ, "a prompt that began in another way would not be noticed"


@pytest.mark.parametrize("processor", TEMPLATES.values(), ids=TEMPLATES)
def test_an_empty_prompt_begins_with_the_token_that_begins_a_text(processor, tmp_path):
    model, library = model_with(tmp_path / "folder", processor, 0)
    ids = library.encode("").ids or [0]
    assert model.generate("", 5, temperature=0) == continued(model, ids)


def test_a_saved_import_keeps_it(tmp_path):
    model, _ = model_with(tmp_path / "folder", template(END), None)
    again = LanguageModel.from_checkpoint(read_checkpoint(write_checkpoint(model.checkpoint)), NumpyDevice())
    assert again.tokenizer.template == (0,)
    assert again.generate("Twin", 5, temperature=0) == model.generate("Twin", 5, temperature=0)


def test_a_nanogpt_prompt_begins_with_itself():
    """nanoGPT's sample.py puts nothing before a prompt, although GPT-2's tokenizer has a delimiter."""
    checkpoint = import_checkpoint(GOLDENS / "nanogpt" / "ckpt.pt", GOLDENS / "nanogpt" / "meta.pkl")
    stored = read_checkpoint(write_checkpoint(checkpoint))
    # With the golden positions, every text goes on with "iiii".
    stored.weights["embedding.positions"] = np.random.default_rng(1).normal(0, 4, (8, 16)).astype("float32").tobytes()
    model = TrainedModel(stored, NumpyDevice())
    model.tokenizer = model.tokenizer.with_delimiters(1, ())
    ids = list(model.tokenizer.encode("abc"))
    assert model.generate("abc", 4, temperature=0) == continued(model, ids, 4) != continued(model, [1, *ids], 4)


@pytest.mark.parametrize("layout, before", [("documents", [0]), ("stream", [])])
def test_a_model_trained_further_begins_as_its_texts_do(layout, before, tmp_path):
    """With the token between documents; a text without documents taught it no other beginning than it had."""
    base = model_with(tmp_path / "folder", None, 0)[0].checkpoint
    fields = {"train.steps": 1, "train.batch_size": 1, "train.eval_batches": 1, "data.layout": layout}
    run = Run(base.experiment.with_fields(**fields), poem_run(NumpyDevice()).text, NumpyDevice(), init_from=base)
    for _ in run.train():
        pass
    tuned = TrainedModel(read_checkpoint(run.checkpoint()), NumpyDevice())
    again = Run.restore(run.checkpoint(), NumpyDevice(), text=run.text)
    expected = continued(tuned, [*before, *tuned.tokenizer.encode("Twin")])
    assert expected != continued(tuned, [*([] if before else [0]), *tuned.tokenizer.encode("Twin")])
    assert tuned.generate("Twin", 5, temperature=0) == expected
    assert run.template == again.template == (None if before else ())


def test_the_token_between_documents_ends_a_text_of_a_model_that_was_trained_on_them(tmp_path):
    """It began each document, so it is what such a model predicts after one; an import ends at its own tokens alone."""
    model = model_with(tmp_path / "folder", None, 0)[0]
    tokenizer = model.tokenizer.with_delimiters(0, (5,))
    ids = [*tokenizer.encode("Tw"), 0, *tokenizer.encode("in")]
    drawn = struct.pack("<64I", len(ids), *[0] * 63) + struct.pack(f"<{len(ids)}I", *ids)
    for template, done in ((None, True), ((), False)):
        sampler = Sampler(model.model, tokenizer, "a", template=template)
        assert sampler.take(drawn).startswith("Tw") and sampler.done == done


@pytest.mark.parametrize("layout, before", [("documents", [0]), ("stream", [])])
@pytest.mark.parametrize("processor", TEMPLATES.values(), ids=TEMPLATES)
def test_a_run_with_the_tokens_of_a_file_begins_as_its_own_texts_do(processor, layout, before, tmp_path):
    """In the sampler, in the library, and imported again: not as the file says, which is about another model."""
    folder = copied("hf_llama", tmp_path / "folder")
    change_json(folder / "tokenizer.json", post_processor=processor)
    file = {"data.tokenizer": "bpe", "data.tokenizer_file": str(folder), "data.layout": layout}
    run = poem_run(NumpyDevice(), **file, **{"model.init_std": 0.3})
    own = TrainedModel(read_checkpoint(run.checkpoint()), NumpyDevice())
    back = TrainedModel(imported(exported(own.checkpoint, tmp_path / "exported")), NumpyDevice())
    library = tokenizers.Tokenizer.from_file(str(tmp_path / "exported" / "tokenizer.json"))
    ids = [*before, *run.tokenizer.encode("Twin")]
    assert library.encode("Twin").ids == ids
    sampler = own.sampler("Twin")
    assert list(struct.unpack_from(f"<{len(ids)}I", own.device.read(sampler._window))) == ids
    for prompt in "", "Twin":
        assert own.generate(prompt, 5, temperature=0) == back.generate(prompt, 5, temperature=0)


@pytest.mark.parametrize("bos, eos", [(0, None), (5, [7, 9]), (None, 7)], ids=str)
@pytest.mark.parametrize("processor", TEMPLATES.values(), ids=TEMPLATES)
def test_a_model_trained_further_on_documents_goes_out_and_comes_back(processor, bos, eos, tmp_path):
    """Its export said how the model before it began and ended a text."""
    folder = copied("hf_llama", tmp_path / "folder", bos_token_id=bos, eos_token_id=eos)
    (folder / "generation_config.json").unlink()
    change_json(folder / "tokenizer.json", post_processor=processor)
    base = imported(folder)
    fields = {"train.steps": 1, "train.batch_size": 1, "train.eval_batches": 1, "data.layout": "documents"}
    run = Run(base.experiment.with_fields(**fields), poem_run(NumpyDevice()).text, NumpyDevice(), init_from=base)
    for _ in run.train():
        pass
    tuned = read_checkpoint(run.checkpoint())
    back = imported(exported(tuned, tmp_path / "exported"))
    delimiter = run.tokenizer.delimiter
    library = tokenizers.Tokenizer.from_file(str(tmp_path / "exported" / "tokenizer.json"))
    ids = [delimiter, *run.tokenizer.encode("Twin")]
    assert library.encode("Twin").ids == ids and back.tokenizer.template == (delimiter,)
    assert back.tokenizer.bos == bos and set(back.tokenizer.ends) == {*run.tokenizer.ends, delimiter}
    text = TrainedModel(tuned, NumpyDevice()).generate("Twin", 5, temperature=0)
    assert text == TrainedModel(back, NumpyDevice()).generate("Twin", 5, temperature=0)
    assert text == continued(TrainedModel(tuned, NumpyDevice()), ids)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"single": None}, "its template is malformed"),
        ({"single": ["<s> $A"]}, "its template is malformed"),
        ({"special_tokens": {}}, "its template is malformed"),
        ({"special_tokens": {END: {"ids": ["0"]}}}, "its template has ids that are not numbers"),
        ({"special_tokens": {END: {"ids": [264]}}}, "template of this tokenizer.json adds the id 264, which no token"),
    ],
    ids=str,
)
def test_a_template_that_cannot_be_followed_is_refused(change, message, tmp_path):
    folder = copied("hf_llama", tmp_path / "folder")
    change_json(folder / "tokenizer.json", post_processor=template(END) | change)
    with pytest.raises(TokenizerError, match=message):
        imported(folder)


@pytest.mark.parametrize("pair_adds", [True, False])
def test_a_template_after_another_is_read_as_in_the_library_or_refused(pair_adds, tmp_path):
    """The library applies the second one's template for pairs if the first has added tokens."""
    folder = copied("hf_llama", tmp_path / "folder")
    first, other = template(), template(END)
    if not pair_adds:
        other["pair"] = other["pair"][-2:]
    for processors in ([first, other], [other], [other, BYTE_LEVEL], [first, BYTE_LEVEL, first]):
        change_json(folder / "tokenizer.json", post_processor={"type": "Sequence", "processors": processors})
        library = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer = imported(folder).tokenizer
        assert [*tokenizer.template, *tokenizer.encode("Twin")] == library.encode("Twin").ids
    for processors in ([other, other], [other, first], [template(after=(END,)), other]):
        change_json(folder / "tokenizer.json", post_processor={"type": "Sequence", "processors": processors})
        with pytest.raises(TokenizerError, match="its post-processor has a template after one that adds tokens"):
            imported(folder)


@pytest.mark.parametrize("count", [0, 2])
def test_a_template_without_exactly_one_text_is_refused(count, tmp_path):
    folder = copied("hf_llama", tmp_path / "folder")
    pieces = [{"SpecialToken": {"id": END, "type_id": 0}}, *[{"Sequence": {"id": "A", "type_id": 0}}] * count]
    change_json(folder / "tokenizer.json", post_processor=template(END) | {"single": pieces})
    with pytest.raises(TokenizerError, match=f"its template has the text {count} times"):
        imported(folder)


def test_what_comes_after_the_text_is_left_out(tmp_path):
    folder = copied("hf_llama", tmp_path / "folder")
    change_json(folder / "tokenizer.json", post_processor=template(END, after=(END,)))
    assert imported(folder).tokenizer.template == (0,)
