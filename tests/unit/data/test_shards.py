"""Shards: prepared piece by piece, mapped into memory, and refused if they are inconsistent."""

import hashlib
import json
import os
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pygpt.data import load_text, text_from_bytes
from pygpt.data.prepare import UNFINISHED, prepare
from pygpt.data.shard_batches import ShardBatches
from pygpt.data.shards import DESCRIPTION, FIELDS, Shards, open_shards
from pygpt.errors import DataError, ExperimentError, PygptError
from pygpt.ops.threefry import BATCH
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.tokenizers import make_tokenizer
from pygpt.training.run import Run
from pygpt.utils.files import write_atomically
from tests.tiny_runs import POEM, bits, experiment, finish

TEXT = "\ufeff" + (POEM + "Élève, naïve\r\ncafé 東京に行く\r").replace("\n", "\r\n") * 3


def data(path, encoding="char", **changes):
    return experiment(
        **{
            "data.source": str(path),
            "data.tokenizer": encoding,
            "data.vocab_size": 300,
            **{f"data.{name}": value for name, value in changes.items()},
        }
    ).data


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "poem.txt"
    path.write_bytes(TEXT.encode())
    return path


@pytest.mark.parametrize("piece", [7, 1000, 1 << 22])
@pytest.mark.parametrize("encoding", ["char", "byte", "bpe"])
def test_shards_hold_the_tokens_of_the_text(encoding, piece, file, tmp_path, monkeypatch):
    monkeypatch.setattr("pygpt.data.prepare.PIECE", piece)
    config = data(file, encoding)
    prepare(config, tmp_path / "shards", 1000, 2)
    shards, text = load_text(str(tmp_path / "shards")), load_text(str(file))
    assert isinstance(shards, Shards)
    assert (shards.name, shards.sha256, shards.origin, shards.encoding) == (
        text.name,
        text.sha256,
        text.origin,
        encoding,
    )
    assert shards.tokenizer == make_tokenizer(config, text.text)
    tokens = shards.tokenizer.encode(text.text)
    whole = len(tokens) // 1000
    held_back = len(tokens) - 1000 * (whole - 1)
    assert (len(shards.train), len(shards.val)) == (len(tokens) - held_back, held_back)
    assert shards.train.all().tokens + shards.val.all().tokens == tokens
    for start, length in (0, 1), (999, 2), (500, 2100), (len(tokens) - held_back - 3, 3):
        assert shards.train.window(start, length) == tokens[start : start + length]
    description = json.loads((tmp_path / "shards" / "dataset.json").read_bytes())
    assert description["sha256"] == hashlib.sha256(text.text.encode()).hexdigest() and description["dtype"] == "uint16"
    assert description["characters"] == len(text.text) and description["tokens"] == len(tokens)
    assert (tmp_path / "shards" / "tokenizer.json").exists() == (encoding == "bpe")


def test_a_large_vocabulary_takes_32_bits(tmp_path):
    path = tmp_path / "many.txt"
    path.write_text(
        "".join(chr(code) for code in range(0x20, 0x12000) if not 0xD800 <= code < 0xE000), encoding="utf-8"
    )
    assert prepare(data(path), tmp_path / "shards", 40_000, 1)["dtype"] == "uint32"
    shards = open_shards(tmp_path / "shards")
    assert shards.val.all().tokens[-1] == shards.tokenizer.vocab_size - 1 > 65_535


def test_a_text_by_name_is_prepared(tmp_path):
    description = prepare(data("tales", "bpe"), tmp_path / "shards", 200_000, 1)
    assert description["sha256"] == load_text("tales").sha256 and len(description["train"]) >= 1


def test_a_folder_must_be_empty_except_for_unfinished_shards(file, tmp_path):
    out = tmp_path / "shards"
    out.mkdir()
    (out / "tokens-00099.bin").write_bytes(b"left over")
    (out / "tokenizer.json").write_bytes(b"{}")
    (out / UNFINISHED).touch()
    prepare(data(file), out, 1000, 1)
    assert not {"tokens-00099.bin", "tokenizer.json", UNFINISHED} & set(os.listdir(out))
    with pytest.raises(DataError, match="is not empty"):
        prepare(data(file), out, 1000, 1)
    with pytest.raises(DataError, match="cannot create the folder"):
        prepare(data(file), file / "shards", 1000, 1)


def test_no_file_of_the_user_is_taken_for_an_unfinished_shard(file, tmp_path):
    """Whether the preparation is refused for the folder, for its text, or for a tokenizer inside the folder."""
    out = tmp_path / "mine"
    out.mkdir()
    mine = {"tokenizer.json": b"{}", "tokens-00001.bin": b"mine"}
    for name, content in mine.items():
        (out / name).write_bytes(content)
    own_tokenizer = data(file, "bpe", tokenizer_file=str(out / "tokenizer.json"))
    for config in (data(file), data(tmp_path / "none.txt"), own_tokenizer, data(out / "tokens-00001.bin")):
        with pytest.raises(DataError):
            prepare(config, out, 1000, 1)
        assert {path.name: path.read_bytes() for path in out.iterdir()} == mine
    (out / UNFINISHED).touch()
    for config in (own_tokenizer, data(out / "tokens-00001.bin")):
        with pytest.raises(DataError, match="is in the folder"):
            prepare(config, out, 1000, 1)
        assert set(os.listdir(out)) == {*mine, UNFINISHED}


def test_two_preparations_in_one_folder_are_refused(file, tmp_path):
    """The second begins while the first writes its shards, and takes none of them away."""
    out, refused = tmp_path / "shards", []

    def second(line):
        with pytest.raises(PygptError, match="in use by another pygpt"):
            prepare(data(file), out, 10_000_000, 1)
        refused.append(line)

    description = prepare(data(file), out, 1000, 1, second)
    assert len(refused) > 2 and open_shards(out).sha256 == description["sha256"]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "there is no text in"),
        (b" \n", "there is no text in"),
        (b"ab\0c", "zero byte at offset 2"),
        (b"abc" * 9 + b"\xff", "byte 0xff at offset 27"),
        (b"\xff\xfea", "starts like UTF-16"),
        (b"\xef\xbb\xbfab\xe2\x82", "byte 0xe2 at offset 5"),
    ],
)
@pytest.mark.parametrize("piece", [2, 1000])
def test_bytes_that_are_not_text_are_refused_as_in_memory(content, message, piece, tmp_path, monkeypatch):
    monkeypatch.setattr("pygpt.data.prepare.PIECE", piece)
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        text_from_bytes("text.txt", content)
    with pytest.raises(DataError, match=message):
        prepare(data(path), tmp_path / "shards", 10, 1)


@settings(max_examples=60)
@given(st.text("aé東\r\n \ufeff🙂", max_size=30), st.integers(1, 7))
def test_pieces_decode_like_the_whole(text, piece):
    from pygpt.data.text import decode_pieces

    encoded = ("x" + text).encode()
    pieces = [encoded[start : start + piece] for start in range(0, len(encoded), piece)]
    assert "".join(decode_pieces("a", pieces)) == ("x" + text).replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("shards_val", [1, 3])
def test_a_short_text_holds_out_a_tenth(file, tmp_path, shards_val, monkeypatch):
    """Whatever its size: the defaults fit every text that can be trained on."""
    description = prepare(data(file), tmp_path / "shards", None, shards_val)
    counts = [shard["tokens"] for shard in description["train"] + description["val"]]
    assert len(counts) == 10 * shards_val and len(description["val"]) == shards_val
    assert sum(counts) == description["tokens"] and max(counts) == description["shard_size"]
    assert load_text(str(tmp_path / "shards")).val.window(0, 1)
    monkeypatch.setattr("pygpt.data.prepare.USUAL_SHARD", 1000)
    monkeypatch.setattr("pygpt.data.prepare.PIECE", 500)
    usual = prepare(data(file), tmp_path / "usual", None, shards_val)
    expected = prepare(data(file), tmp_path / "given", 1000, shards_val)
    assert usual == expected and usual["tokens"] > 4 * 1000


def test_a_preparation_that_fails_leaves_nothing(file, tmp_path, monkeypatch):
    """Each write in turn finds the disk full; and the shards turn out to be too few."""
    out, written, refused = tmp_path / "shards", [], 0

    def full(path, content):
        written.append(path)
        if len(written) == refused:
            raise OSError(28, "No space left on device", str(path))
        write_atomically(path, content)

    monkeypatch.setattr("pygpt.data.prepare.write_atomically", full)
    prepare(data(file, "bpe"), tmp_path / "whole", 400, 1)
    assert len(written) > 3 and written[-2:] == [
        tmp_path / "whole" / "tokenizer.json",
        tmp_path / "whole" / DESCRIPTION,
    ]
    for refused in range(1, len(written) + 1):
        written.clear()
        with pytest.raises(DataError, match="cannot be written .No space left on device"):
            prepare(data(file, "bpe"), out, 400, 1)
        assert not out.exists()
    out.mkdir()
    with pytest.raises(DataError, match="none is left"):
        prepare(data(file), out, 10_000_000, 1)
    assert [*out.iterdir()] == []


def test_a_text_too_short_for_the_shards_is_refused_before_the_work(tmp_path, monkeypatch):
    path = tmp_path / "long.txt"
    path.write_text(POEM * 1000)
    monkeypatch.setattr("pygpt.data.prepare.tokenizer_from_pieces", None)
    with pytest.raises(DataError, match="at most 4,520,000 tokens, which make 1 shards of 10,000,000"):
        prepare(data(path), tmp_path / "shards", 10_000_000, 1)
    assert not (tmp_path / "shards").exists()


def test_more_shards_than_a_folder_should_hold_are_refused_with_a_size_that_works(tmp_path, monkeypatch):
    monkeypatch.setattr("pygpt.data.prepare.MOST_SHARDS", 10)
    path = tmp_path / "poem.txt"
    path.write_text("abcde" * 5)
    message = "has 25 tokens, which make 25 shards of 1, more than 10: choose shards of at least 3, or leave out"
    with pytest.raises(DataError, match=message):
        prepare(data(path), tmp_path / "shards", 1, 1)
    assert not (tmp_path / "shards").exists()
    assert len(prepare(data(path), tmp_path / "shards", 3, 1)["train"]) == 8
    assert len(prepare(data(path), tmp_path / "usual", None, 5)["train"]) == 4
    with pytest.raises(DataError, match="10 shards for validation are too many: choose fewer than 10"):
        prepare(data(path), tmp_path / "many", 1, 10)
    with pytest.raises(DataError, match="for validation; got 0 shards$"):
        prepare(data(path), tmp_path / "none", None, 0)


def test_mistakes_are_reported(file, tmp_path):
    out = tmp_path / "shards"
    with pytest.raises(DataError, match="none is left for training: choose shards of at most"):
        prepare(data(file), out, 10_000_000, 1)
    for size, held_back in (0, 1), (10, 0):
        with pytest.raises(DataError, match="shards need at least 1 token each"):
            prepare(data(file), out, size, held_back)
    with pytest.raises(DataError, match="cannot read .*none.txt: No such file"):
        prepare(data(tmp_path / "none.txt"), out, 10, 1)
    with pytest.raises(ExperimentError, match="data.tokenizer_file"):
        prepare(data(file, "bpe", tokenizer_file=str(tmp_path)), out, 10, 1)
    with pytest.raises(DataError, match="it is a folder, and it has no dataset.json"):
        load_text(str(tmp_path))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "poem.txt").write_bytes(TEXT.encode())
    prepare(data(folder / "poem.txt", "bpe"), folder / "shards", 1000, 1)
    return folder / "shards"


@pytest.fixture
def damaged(prepared, tmp_path):
    """A copy of the shards, for a test to damage."""
    return shutil.copytree(prepared, tmp_path / "damaged")


def change_description(folder, change):
    path = folder / "dataset.json"
    meta = json.loads(path.read_bytes())
    change(meta)
    path.write_text(json.dumps(meta))


def test_a_missing_truncated_or_changed_shard_is_refused(damaged):
    shard = damaged / "tokens-00001.bin"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-2])
    with pytest.raises(DataError, match="has 1998 bytes, but 1000 tokens take 2000: it was cut short"):
        open_shards(damaged)
    shard.write_bytes(whole[:7] + bytes([whole[7] ^ 1]) + whole[8:])
    with pytest.raises(DataError, match="was changed: its sha256 should be"):
        open_shards(damaged)
    shard.unlink()
    with pytest.raises(DataError, match="tokens-00001.bin cannot be read .No such file"):
        open_shards(damaged)
    os.mkfifo(shard)
    with pytest.raises(DataError, match="tokens-00001.bin cannot be read .it is not a file with content"):
        open_shards(damaged)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda meta: meta.update(format="other"), "its format is not"),
        (lambda meta: meta.update(version=2), "has version 2"),
        (lambda meta: meta.update(dtype="float32"), "'dtype' is missing or malformed"),
        (lambda meta: meta.update(tokens=5), "lists 5 tokens in total"),
        (lambda meta: meta.update(vocab_size=5), "gives the tokenizer 5 tokens"),
        (
            lambda meta: meta.update(tokenizer={"kind": "other"}),
            "a damaged tokenizer: there is no tokenizer of kind 'other'",
        ),
        (lambda meta: meta["train"][0].update(file="../poem.txt"), "does not describe a shard in this folder"),
        (lambda meta: meta["train"][0].update(tokens=0), "does not describe a shard"),
        (lambda meta: meta["train"].append(3), "does not describe a shard"),
        (lambda meta: meta["train"][0].update(file="dataset.json"), "has .* bytes"),
        *((lambda meta, name=name: meta.pop(name), "its format|has version|missing or malformed") for name in FIELDS),
    ],
)
def test_a_wrong_description_is_refused(change, message, damaged):
    change_description(damaged, change)
    with pytest.raises(DataError, match=message):
        open_shards(damaged)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_a_description_of_any_bytes_is_refused(content, damaged):
    (damaged / "dataset.json").write_bytes(content)
    with pytest.raises(DataError):
        open_shards(damaged)


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_fuzzed_descriptions_raise_data_error_or_can_be_read(prepared, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("fuzzed")
    for path in prepared.iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "dataset.json").unlink()
    meta = json.loads((prepared / "dataset.json").read_bytes())
    node = meta
    while True:
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else list(range(len(node)))))
        if isinstance(node[key], dict | list) and node[key] and data.draw(st.booleans()):
            node = node[key]
            continue
        node[key] = data.draw(anything)
        break
    (folder / "dataset.json").write_text(json.dumps(meta))
    try:
        shards = open_shards(folder)
    except DataError:
        return
    assert len(shards.train.all().tokens) == len(shards.train)


def test_a_token_outside_the_vocabulary_is_refused(damaged):
    shard = damaged / "tokens-00000.bin"
    shard.write_bytes(b"\xff\xff" + shard.read_bytes()[2:])
    sha256 = hashlib.sha256(shard.read_bytes()).hexdigest()
    change_description(damaged, lambda meta: meta["train"][0].update(sha256=sha256))
    shards = open_shards(damaged)
    assert shards.train.window(1, 9)
    with pytest.raises(DataError, match="hold the token 65535, but their tokenizer has 300 tokens"):
        shards.train.window(0, 9)


def test_shards_must_be_one_stream_and_long_enough(prepared):
    shards = open_shards(prepared)
    with pytest.raises(DataError, match="data.layout is documents: set it to stream"):
        shards.corpus("documents", 8, shards.tokenizer)
    with pytest.raises(DataError, match="a block of 5000 needs 5001 tokens for training"):
        shards.corpus("stream", 5000, shards.tokenizer)
    with pytest.raises(DataError, match="hold the tokens of another tokenizer .bpe, 300 tokens. than this run's"):
        shards.corpus("stream", 8, make_tokenizer(data("x"), "ab"))
    assert shards.corpus("stream", 8, shards.tokenizer).train is shards.train


def on_shards(tmp_path, encoding="char", **changes):
    """Return an experiment, the poem in memory, and the poem in shards with the same training and validation parts."""
    path = tmp_path / "poem.txt"
    path.write_text(POEM)
    text = load_text(str(path))
    changes = {"data.tokenizer": encoding, "data.vocab_size": 280, "model.block_size": 8, **changes}
    tokens = make_tokenizer(experiment(**changes).data, text.text).encode(text.text)
    held_back = len(tokens) - int(len(tokens) * 0.9)
    # Shards of about a tenth of the training tokens, so that windows cross their ends.
    size = next(size for size in range(held_back, 0, -1) if (len(tokens) - held_back) % size == 0)
    prepare(experiment(**{**changes, "data.source": str(path)}).data, tmp_path / "shards", size, -(-held_back // size))
    return experiment(**changes), text, load_text(str(tmp_path / "shards"))


@pytest.mark.parametrize(
    "changes",
    [{}, {"train.accumulation": 3, "model.dropout": 0.1}, {"model.kind": "bigram"}, {"train.seed": 2**32 - 1}],
    ids=str,
)
@pytest.mark.parametrize("encoding", ["char", "bpe"])
def test_a_run_on_shards_has_the_losses_of_a_run_in_memory_bit_for_bit(
    encoding, changes, tmp_path, device, monkeypatch
):
    monkeypatch.setattr("pygpt.data.shard_batches.MAX_STEPS_PER_WRITE", 4)
    config, text, shards = on_shards(tmp_path, encoding, **changes)
    in_memory = Run(config, text, device)
    expected = bits(finish(in_memory))
    run = Run(config, shards, device)
    assert (run.experiment.data.tokenizer, run.experiment.data.source) == (encoding, str(tmp_path / "shards"))
    assert len(shards.train) == in_memory.train_batches.tokens.size and len(shards.train._views) > 1
    assert bits(finish(run)) == expected
    # Interrupted, and continued with the folder that the checkpoint names.
    interrupted = Run(config, shards, device)
    finish(interrupted, at_most=7)
    restored = Run.restore(interrupted.checkpoint(), device)
    assert restored.text.text is None and restored.tokenizer == run.tokenizer
    assert bits(finish(restored)).items() <= expected.items()
    assert restored.checkpoint()[-1000:] == run.checkpoint()[-1000:]


def test_only_the_next_windows_are_on_the_device(tmp_path, cpu, monkeypatch):
    monkeypatch.setattr("pygpt.data.shard_batches.MAX_STEPS_PER_WRITE", 4)
    config, text, shards = on_shards(tmp_path)
    monkeypatch.setattr(type(shards.train), "all", None)
    run = Run(config, shards, cpu)
    finish(run)
    windows = config.train.batch_size * (config.model.block_size + 1)
    assert run.train_batches.tokens.size == 4 * windows < len(shards.train)


def test_another_tokenizer_or_layout_than_the_shards_is_refused(tmp_path, cpu):
    config, text, shards = on_shards(tmp_path)
    with pytest.raises(DataError, match="hold the tokens of another tokenizer"):
        Run(config, shards, cpu, make_tokenizer(config.data, "ab"))
    with pytest.raises(DataError, match="data.layout is documents"):
        Run(config.with_fields(**{"data.layout": "documents"}), shards, cpu)


def test_a_run_starts_from_the_weights_of_a_run_with_the_same_tokenizer(tmp_path, cpu):
    config, text, shards = on_shards(tmp_path, "bpe")
    first = Run(config, text, cpu)
    last = finish(first)[-1]
    run = Run(config, shards, cpu, init_from=read_checkpoint(first.checkpoint()))
    assert finish(run)[0].val_loss == last.val_loss and run.tokenizer == first.tokenizer
    other = Run(experiment(**{"data.tokenizer": "char"}), text, cpu)
    with pytest.raises(DataError, match="hold the tokens of another tokenizer"):
        Run(config, shards, cpu, init_from=read_checkpoint(other.checkpoint()))


def test_positions_beyond_32_bits_are_drawn(cpu):
    class Long:
        def __len__(self):
            return 2**40

    batches = ShardBatches(cpu, Long(), 1337, BATCH, 4, 8)
    starts = [batches._start(step, row) for step in range(50) for row in range(4)]
    assert len(set(starts)) == 200 and max(starts) > 2**39 and min(starts) < 2**36 * 4
