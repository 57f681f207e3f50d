"""The tokens that begin and end a text: read from the two files, never guessed, and written back as they were."""

import json

import pytest

from pygpt.data.corpus import make_corpus
from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import CheckpointError, DataError
from pygpt.huggingface import export_folder
from pygpt.inference.trained_model import TrainedModel
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.training.run import Run
from tests.tiny_runs import poem_run
from tests.unit.huggingface.folders import change_json, copied, imported

GENERATION = "generation_config.json"


def folder_with(tmp_path, config, generation=None, name="hf_llama"):
    """A folder whose two files have exactly these token ids; without `generation`, it has one file."""
    folder = copied(name, tmp_path / "folder")
    values = {
        key: value for key, value in json.loads((folder / "config.json").read_text()).items() if "token" not in key
    }
    (folder / "config.json").write_text(json.dumps(values | config))
    (folder / GENERATION).unlink(missing_ok=True)
    if generation is not None:
        (folder / GENERATION).write_text(json.dumps(generation))
    return folder


def ids(bos, eos):
    return {"bos_token_id": bos, "eos_token_id": eos}


READ = {
    "a number": (ids(5, 7), None, 5, (7,)),
    "a list": (ids(5, [7, 9]), None, 5, (7, 9)),
    "null": (ids(None, None), None, None, ()),
    "no beginning": (ids(None, 7), None, None, (7,)),
    "no end": (ids(5, None), None, 5, ()),
    "generation_config.json comes first": (ids(0, 0), ids(5, [7, 9]), 5, (7, 9)),
    "null in generation_config.json": (ids(0, 0), ids(None, None), None, ()),
    "not in generation_config.json": (ids(5, 7), {"temperature": 0.6}, 5, (7,)),
    "no field: Llama's own": ({}, None, 1, (2,)),
    "an id that no token has": (ids(-1, [7, 99999]), None, None, (7,)),
}


@pytest.mark.parametrize("config, generation, bos, ends", READ.values(), ids=READ)
def test_the_files_say_which(config, generation, bos, ends, tmp_path):
    checkpoint = imported(folder_with(tmp_path, config, generation))
    assert (checkpoint.tokenizer.bos, checkpoint.tokenizer.ends) == (bos, ends)


@pytest.mark.parametrize("config, generation, bos, ends", READ.values(), ids=READ)
def test_an_export_writes_back_what_was_there(config, generation, bos, ends, tmp_path):
    files = export_folder(imported(folder_with(tmp_path, config, generation)))
    written = {name: json.loads(files[name]) for name in ("config.json", GENERATION) if name in files}
    assert {key: value for key, value in written["config.json"].items() if "token" in key} == config
    assert (GENERATION in written) == (generation is not None)
    if generation is not None:
        assert written[GENERATION] == generation


SAMPLING = {"do_sample": True, "temperature": 0.6, "top_k": 50, "top_p": 0.9, "repetition_penalty": 1.1}


def test_an_export_writes_back_the_sampling_settings(tmp_path):
    """What transformers generates with was lost on the way: it then chose the most likely token each time."""
    odd = {"min_p": float("nan"), "max_length": 20, "transformers_version": "4.1"}
    without = {name: SAMPLING[name] for name in SAMPLING if name != "top_k"}
    large = imported(folder_with(tmp_path, ids(5, 7), ids(5, 7) | SAMPLING | {"top_k": 10**400}))
    assert json.loads(export_folder(large)[GENERATION]) == ids(5, 7) | without
    base = imported(folder_with(tmp_path / "second", ids(5, 7), ids(5, 7) | SAMPLING | odd))
    assert json.loads(export_folder(base)[GENERATION]) == ids(5, 7) | SAMPLING
    assert SAMPLING.keys().isdisjoint(json.loads(export_folder(base)["config.json"]))
    experiment = base.experiment.with_fields(**{"train.steps": 1, "train.batch_size": 1, "train.eval_batches": 1})
    run = Run(experiment, poem_run(NumpyDevice()).text, NumpyDevice(), init_from=base)
    assert json.loads(export_folder(read_checkpoint(run.checkpoint()))[GENERATION]) == ids(5, 7) | SAMPLING


def test_what_gpt2_has_if_the_file_does_not_say(tmp_path):
    # Its id 50256 is outside this vocabulary, which has a token called <|endoftext|> all the same.
    tokenizer = imported(folder_with(tmp_path, {}, name="hf_gpt2")).tokenizer
    assert (tokenizer.bos, tokenizer.ends) == (None, ())
    assert "<|endoftext|>" in tokenizer.vocabulary.special


@pytest.mark.parametrize("value", ["</s>", 1.0, True, [], ["2"], [[2]], {"id": 2}, 10**400], ids=repr)
@pytest.mark.parametrize("file", ["config.json", GENERATION])
def test_another_value_is_refused(file, value, tmp_path):
    folder = folder_with(tmp_path, ids(1, 2), ids(1, 2))
    change_json(folder / file, eos_token_id=value)
    with pytest.raises(CheckpointError, match=f"{file}: eos_token_id is .*, expected a number, a list of numbers or"):
        imported(folder)


def test_a_text_begins_with_no_list(tmp_path):
    with pytest.raises(CheckpointError, match="bos_token_id is .1, 2., expected a number or null"):
        imported(folder_with(tmp_path, ids([1, 2], 2)))


def test_sampling_stops_at_each_end(tmp_path):
    """The model's most likely tokens are made its ends, one after the other: the text stops before each."""
    model = TrainedModel(imported(folder_with(tmp_path, ids(5, None))), NumpyDevice())
    tokens = []
    for _ in range(3):
        tokens.append(int(model.logits([[5, *tokens]])[0, -1].argmax()))
    for ends in ([tokens[2], 3], [3, tokens[1]]):
        change_json(tmp_path / "folder" / "config.json", eos_token_id=ends)
        stopped = TrainedModel(imported(tmp_path / "folder"), NumpyDevice())
        expected = tokens[: min(tokens.index(token) for token in ends if token in tokens)]
        assert stopped.generate("", 6, temperature=0) == model.tokenizer.decode(expected)


@pytest.mark.parametrize("bos, eos, delimiter", [(5, 7, 5), (None, [7, 9], 7), (0, 0, 0)])
def test_documents_are_delimited_by_the_models_own_token(bos, eos, delimiter, tmp_path):
    tokenizer = imported(folder_with(tmp_path, ids(bos, eos))).tokenizer
    tokens = make_corpus("the pond\nthe duck\n" * 20, tokenizer, "documents", 8, 0.1).train.tokens
    assert tokens[0] == delimiter and list(tokens).count(delimiter) >= 20


def test_a_model_without_delimiters_cannot_be_trained_on_documents(tmp_path):
    tokenizer = imported(folder_with(tmp_path, ids(None, None))).tokenizer
    with pytest.raises(DataError, match="needs a tokenizer with a delimiter"):
        make_corpus("the pond\nthe duck\n" * 20, tokenizer, "documents", 8, 0.1)


def test_a_fine_tuned_model_keeps_the_ids(tmp_path):
    base = imported(folder_with(tmp_path, ids(None, [7, 9])))
    experiment = base.experiment.with_fields(**{"train.steps": 1, "train.batch_size": 1, "train.eval_batches": 1})
    run = Run(experiment, poem_run(NumpyDevice()).text, NumpyDevice(), init_from=base)
    for _ in run.train():
        pass
    tuned = read_checkpoint(run.checkpoint())
    assert (tuned.tokenizer.bos, tuned.tokenizer.ends) == (None, (7, 9))
    config = json.loads(export_folder(tuned)["config.json"])
    assert {key: config[key] for key in ids(0, 0)} == ids(None, [7, 9])
