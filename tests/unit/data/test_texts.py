"""Texts by name, from files and from bytes; corpora in both layouts; error messages."""

import dataclasses
import hashlib
import os
import re
import socket
import sys
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pygpt.data import (
    DATASETS,
    CutDocuments,
    cut_documents,
    hold_out,
    load_text,
    make_corpus,
    mean_bytes,
    open_dataset_bytes,
    python_sources_text,
    text_from_bytes,
)
from pygpt.data.prepare import Source
from pygpt.errors import DataError, TokenizerError
from pygpt.tokenizers import CharTokenizer, train_tokenizer
from tests.conftest import unavailable


@pytest.fixture
def real_files():
    """The folder with the real data sets."""
    folder = os.environ.get("PYGPT_DATA")
    if folder:
        return folder
    return unavailable("PYGPT_DATA names no folder with tinyshakespeare.txt and names.txt")


@pytest.fixture
def closed_url():
    """A URL on a port without a listener."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}/names.txt"


def serve_names_from(monkeypatch, url, **changes):
    """Set the URL that the data set names is downloaded from."""
    remote = dataclasses.replace(DATASETS["names"].remote, url=url, **changes)
    monkeypatch.setitem(DATASETS, "names", dataclasses.replace(DATASETS["names"], remote=remote))


@pytest.fixture
def tiny_names(tmp_path, monkeypatch, closed_url):
    """Replace the data set names by a small file with an unreachable URL. Unset PYGPT_DATA and use an empty cache."""
    data = b"emma\nolivia\nava\n"
    monkeypatch.delenv("PYGPT_DATA", raising=False)
    monkeypatch.setenv("PYGPT_CACHE", str(tmp_path / "cache"))
    serve_names_from(monkeypatch, closed_url, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    return data


# Texts


def test_the_data_sets_in_their_order():
    assert list(DATASETS) == ["tales", "words", "python", "shakespeare", "names"]
    for name, dataset in DATASETS.items():
        assert dataset.name == name and dataset.layout == ("documents" if name in ("names", "words") else "stream")
        assert (dataset.make is None) == (dataset.remote is not None)


def test_tales_are_built_in():
    text = load_text("tales")
    assert text.built_in and text.name == "tales" and len(text.text) >= 1_000_000
    assert text.sha256 == hashlib.sha256(text.text.encode()).hexdigest()


def test_python_is_the_standard_library():
    text = load_text("python")
    assert text.built_in and 900_000 < len(text.text) < 1_500_000
    assert text.text.isascii() and "class OrderedDict" in text.text
    assert text.origin.endswith(f"Python {sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}")


def test_the_page_supplies_python_in_a_tab(monkeypatch):
    source = python_sources_text()
    monkeypatch.setattr(sys, "platform", "emscripten")
    with pytest.raises(DataError, match="the page supplies the text python: fetch data/python.txt"):
        load_text("python")
    with pytest.raises(DataError, match="the page supplies the text shakespeare"):
        load_text("shakespeare")
    text = open_dataset_bytes("python", source.encode())
    assert text.text == source and "Python 3." in text.origin and text.built_in
    assert load_text("tales").built_in and load_text("words").built_in


def test_the_words_are_those_of_the_tales():
    words = load_text("words")
    listed = words.text.split("\n")[:-1]
    assert len(listed) == 1550 and listed == sorted(set(listed)) and len(words.text) == DATASETS["words"].size
    assert all(word.isalpha() and 2 <= len(word) <= 12 for word in listed)
    assert set(listed) <= set(re.findall("[a-z]+", load_text("tales").text.lower()))


def test_python_without_its_sources(tmp_path, monkeypatch):
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    with pytest.raises(DataError, match="has no .py files"):
        load_text("python")


def test_the_real_files(real_files):
    shakespeare, names = load_text("shakespeare"), load_text("names")
    assert shakespeare.sha256 == DATASETS["shakespeare"].remote.sha256 and shakespeare.text.startswith("First Citizen:")
    assert len(shakespeare.text) == DATASETS["shakespeare"].size
    corpus = make_corpus(shakespeare.text, train_tokenizer("char", shakespeare.text, False), "stream", 256)
    assert len(corpus.train.tokens) == 1_003_854  # as in nanoGPT
    tokenizer = train_tokenizer("char", names.text, True)
    assert tokenizer.vocab_size == 27
    corpus = make_corpus(names.text, tokenizer, "documents", 16)
    assert len(corpus.train.offsets) + len(corpus.val.offsets) == 32_033 + 2


def test_a_wrong_file_in_pygpt_data_is_refused(tiny_names, tmp_path, monkeypatch):
    monkeypatch.setenv("PYGPT_DATA", str(tmp_path))
    (tmp_path / "names.txt").write_bytes(tiny_names)
    assert load_text("names").text == tiny_names.decode()
    (tmp_path / "names.txt").write_bytes(b"eve\n")
    with pytest.raises(DataError, match=r"names.txt \(PYGPT_DATA\) is not the expected file: its sha256 should be"):
        load_text("names")


def test_the_offline_error_names_the_url_and_the_alternatives(tiny_names, closed_url):
    with pytest.raises(DataError) as error:
        load_text("names")
    for part in closed_url, "tales and python need no network", "PYGPT_DATA", "names.txt":
        assert part in str(error.value)


def test_without_the_file_in_pygpt_data_the_network_is_used(tiny_names, tmp_path, monkeypatch):
    monkeypatch.setenv("PYGPT_DATA", str(tmp_path))
    with pytest.raises(DataError, match="could not be fetched"):
        load_text("names")


def test_a_file_is_downloaded_once_and_cached(tiny_names, tmp_path, monkeypatch):
    source = tmp_path / "source.txt"
    source.write_bytes(tiny_names)
    serve_names_from(monkeypatch, source.as_uri())
    first = load_text("names")
    source.unlink()
    assert load_text("names") == first and first.built_in
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["names.txt"]
    # A damaged file in the cache is downloaded again.
    (tmp_path / "cache" / "names.txt").write_bytes(tiny_names[:-3])
    with pytest.raises(DataError, match="could not be fetched"):
        load_text("names")


def test_a_changed_download_is_refused(tiny_names, tmp_path, monkeypatch):
    source = tmp_path / "source.txt"
    source.write_bytes(b"something else")
    serve_names_from(monkeypatch, source.as_uri())
    with pytest.raises(DataError, match="the download from file:.* is not the expected file"):
        load_text("names")
    assert not (tmp_path / "cache").exists()


def test_a_read_only_cache_is_not_an_error(tiny_names, tmp_path, monkeypatch):
    source = tmp_path / "source.txt"
    source.write_bytes(tiny_names)
    (tmp_path / "file").touch()
    monkeypatch.setenv("PYGPT_CACHE", str(tmp_path / "file" / "cache"))
    serve_names_from(monkeypatch, source.as_uri())
    assert load_text("names").text == tiny_names.decode()


def test_bytes_of_a_data_set_are_checked(tiny_names):
    assert open_dataset_bytes("names", tiny_names).name == "names"
    with pytest.raises(DataError, match="the text names is not the expected file"):
        open_dataset_bytes("names", b"x")
    with pytest.raises(DataError, match="no data set 'nope': the names are tales, words, python"):
        open_dataset_bytes("nope", b"x")


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(
        DataError, match="'Shakespear' .did you mean 'shakespeare'... The data sets are tales, words, python"
    ):
        load_text("Shakespear")
    with pytest.raises(DataError, match="no data set and no file named 'xyzzy'. The data"):
        load_text("xyzzy")
    with pytest.raises(DataError, match="no data set and no file"):
        load_text("a\0b")


def test_a_users_file(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    text = load_text(str(path))
    assert (text.name, text.text, text.built_in) == ("mine.txt", "one\ntwo\nthree\n", False)
    assert text.sha256 == hashlib.sha256(b"one\ntwo\nthree\n").hexdigest()


def test_a_folder_is_not_a_text(tmp_path):
    with pytest.raises(DataError, match="cannot read .*it is a folder"):
        load_text(str(tmp_path))


@pytest.mark.parametrize("reads", [load_text, lambda source: [*Source(source).pieces()]])
@pytest.mark.parametrize("kind", ["pipe", "device", "gone", "long", "empty name", "zero byte", "folder"])
def test_what_is_no_text_is_said(tmp_path, kind, reads):
    path = tmp_path / "text"
    if kind == "pipe":
        os.mkfifo(path)
    if kind == "folder":
        path.mkdir()
    names = {"device": "/dev/zero", "long": "x" * 300, "empty name": "", "zero byte": "a\0b"}
    with pytest.raises(DataError, match="cannot read|there is no data set") as error:
        reads(names.get(kind, str(path)))
    assert ("a pipe or a device" in str(error.value)) == (kind in ("pipe", "device"))


def test_a_text_too_large_for_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(3_000_000_000)  # a hole: it takes no disk
    monkeypatch.setattr("pygpt.utils.memory.usable_memory", lambda: 16_000_000_000)
    message = (
        "large.txt has 3.0 GB, and to train on it takes about 60.0 GB of memory, of which there are 16.0 GB: write it"
    )
    with pytest.raises(DataError, match=message):
        load_text(str(path))


@pytest.mark.parametrize("marks", range(3))
def test_marks_at_the_start_are_not_text(marks):
    """Some programs add a mark to a text that has one. Inside, it is a character."""
    assert text_from_bytes("notes", b"\xef\xbb\xbf" * marks + "abc\ufeff".encode()).text == "abc\ufeff"


def test_an_unreadable_file(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")  # not by chmod: root can read every file

    (tmp_path / "secret.txt").write_text("secret")
    monkeypatch.setattr("pygpt.data.loading.open_regular", refuse)
    with pytest.raises(DataError, match="cannot read .*Permission denied. Give the name of a data set"):
        load_text(str(tmp_path / "secret.txt"))


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", r"there is no text in mine \(0 bytes\)"),
        (b"\xef\xbb\xbf \r\n", r"no text in mine \(6 bytes\)"),
        (b"caf\xe9", "byte 0xe9 at offset 3 of mine is not: save it as UTF-8"),
        (b"\xef\xbb\xbfcaf\xe9", "byte 0xe9 at offset 6 of mine is not"),
        ("hello".encode("utf-16"), "starts like UTF-16"),
        ("hello".encode("utf-16-le"), "zero byte at offset 1"),
        (b"PK\x03\x04rest", "starts like a zip archive"),
    ],
)
def test_bytes_that_are_not_text(data, message):
    with pytest.raises(DataError, match=message):
        text_from_bytes("mine", data)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff")).filter(str.strip))
def test_utf8_is_read_unchanged(text):
    if not text.startswith(("PK\x03\x04", "%PDF")):
        assert text_from_bytes("mine", text.encode()).text == text
        assert text_from_bytes("mine", memoryview(text.replace("\n", "\r\n").encode("utf-8-sig"))).text == text


# Corpora


@given(st.text("abc", min_size=30), st.integers(1, 2), st.sampled_from(["char", "byte"]))
def test_a_stream_is_split_once(text, block_size, kind):
    tokenizer = train_tokenizer(kind, text, False)
    corpus = make_corpus(text, tokenizer, "stream", block_size)
    assert corpus.layout == "stream" and corpus.train.offsets is corpus.val.offsets is None
    assert corpus.train.tokens + corpus.val.tokens == tokenizer.encode(text)
    assert len(corpus.train.tokens) == int(0.9 * len(text))


@given(st.lists(st.text("ab c\t", max_size=6), max_size=50), st.sampled_from(["char", "byte"]))
def test_documents_are_delimited(lines, kind):
    documents = [line.strip() for line in lines if line.strip()]
    text = "\n".join(lines)
    tokenizer = train_tokenizer(kind, "abc\n" + text, True)
    if len(documents) < 2:
        with pytest.raises(DataError, match=f"at least 2 documents.*this text has {len(documents)}"):
            make_corpus(text, tokenizer, "documents", 4)
        return
    corpus = make_corpus(text, tokenizer, "documents", 4)
    held_back = documents[9::10] if len(documents) >= 10 else documents[-1:]
    kept = [d for i, d in enumerate(documents) if i % 10 != 9] if len(documents) >= 10 else documents[:-1]
    for split, expected in (corpus.train, kept), (corpus.val, held_back):
        assert split.tokens.typecode == split.offsets.typecode == "I"
        assert len(split.offsets) == len(expected) + 1 and split.offsets[0] == 0
        assert split.offsets[-1] == len(split.tokens) - 1
        assert all(split.tokens[offset] == tokenizer.bos for offset in split.offsets)
        for document, start, end in zip(expected, split.offsets, split.offsets[1:], strict=False):
            assert tokenizer.decode(split.tokens[start + 1 : end]) == document


def test_what_the_context_leaves_out_of_documents_is_counted():
    """Of "abcdef" and its end, a context of 4 predicts four tokens of seven; of "abcd", all but its end."""
    tokenizer = CharTokenizer("abcdef", documents=True)
    corpus = make_corpus("abcdef\nabc\nabcd\nab\n", tokenizer, "documents", 4, val_fraction=0.5)
    cut = cut_documents(4, corpus.train, corpus.val)
    assert cut == CutDocuments(4, documents=4, longer=2, predictions=19, left_out=4)
    kept = sum(len(places) for split in (corpus.train, corpus.val) for _, places in split.predictions(4))
    assert kept == cut.predictions - cut.left_out
    assert str(cut) == (
        "2 of 4 documents are longer than the context of 4: 21 % of the tokens are left out; a larger "
        "model.block_size keeps them, or data.layout stream"
    )
    assert cut_documents(7, corpus.train, corpus.val) is None
    stream = make_corpus("abcdef" * 9, CharTokenizer("abcdef"), "stream", 4)
    assert cut_documents(4, stream.train, stream.val) is None


@pytest.mark.parametrize(
    "cut, words",
    [
        (CutDocuments(32, 2096, 312, 1000, 780), "312 of 2,096 documents are longer than the context of 32: 78 %"),
        (CutDocuments(8, 900, 1, 9000, 3), "1 of 900 documents is longer than the context of 8: less than 1 %"),
        (CutDocuments(1, 1, 1, 5000, 4999), "1 of 1 document is longer than the context of 1: 99 %"),
    ],
)
def test_the_sentence_about_what_is_left_out(cut, words):
    assert str(cut).startswith(words)


def test_the_documented_shape_of_documents():
    corpus = make_corpus("ab\nb\nc\n", CharTokenizer("abc", documents=True), "documents", 8)
    assert corpus.train.tokens == array("I", [3, 0, 1, 3, 1, 3]) and corpus.train.offsets == array("I", [0, 3, 5])
    assert corpus.val.tokens == array("I", [3, 2, 3]) and corpus.val.offsets == array("I", [0, 2])


def test_another_fraction():
    corpus = make_corpus("a\nb\na\nb", CharTokenizer("ab", documents=True), "documents", 8, val_fraction=0.5)
    assert corpus.val.tokens == array("I", [2, 1, 2, 1, 2])
    assert len(make_corpus("ab" * 50, CharTokenizer("ab"), "stream", 8, val_fraction=0.25).val.tokens) == 25


@pytest.mark.parametrize("fraction", [0.5, 0.4, 0.35, 0.3, 0.29, 0.25, 0.2, 0.1, 0.05, 0.02, 0.001])
def test_the_fraction_of_documents_held_out_is_the_one_asked_for(fraction):
    documents = [f"document {number}" for number in range(1000)]
    kept, held_out = hold_out(documents, fraction)
    assert len(held_out) == round(1000 * fraction) and len(kept) + len(held_out) == 1000
    places = [documents.index(document) for document in held_out]
    gaps = {later - earlier for earlier, later in zip(places, places[1:])}
    assert max(gaps, default=0) - min(gaps, default=0) <= 1, "they are spread evenly"
    if 1 / fraction == (every := round(1 / fraction)):  # as in versions that rounded to one in so many
        assert held_out == documents[every - 1 :: every]
    text = "\n".join(documents)
    tokenizer = train_tokenizer("char", text, documents=True)
    corpus = make_corpus(text, tokenizer, "documents", 8, fraction)
    assert len(corpus.val.offsets) - 1 == len(held_out) and len(corpus.train.offsets) - 1 == len(kept)


def test_one_document_is_always_held_out():
    assert hold_out(["a", "b", "c"], 0.1) == (["a", "b"], ["c"])
    assert hold_out(["a", "b", "c"], 0.001) == (["a", "b"], ["c"])


def test_the_error_for_a_short_text_names_the_longest_block():
    tokenizer = CharTokenizer("ab")
    message = (
        "a context length of 10 needs 11 characters for validation; this text of 100 characters leaves 10: "
        "choose a context length of at most 9, or a longer text"
    )
    with pytest.raises(DataError, match=message):
        make_corpus("ab" * 50, tokenizer, "stream", 10)
    make_corpus("ab" * 50, tokenizer, "stream", 9)
    with pytest.raises(DataError, match="leaves 1: choose a longer text"):
        make_corpus("ab", tokenizer, "stream", 10)


def test_a_text_with_a_character_outside_the_vocabulary():
    with pytest.raises(TokenizerError, match="'z' at position 0"):
        make_corpus("zz\nab", CharTokenizer("ab", documents=True), "documents", 4)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("streams", 4), "no layout 'streams': choose one of stream, documents"),
        (("stream", 0), "block_size is 0"),
        (("stream", 4, 0.0), "above 0 and at most 0.5; it is 0.0"),
        (("stream", 4, 0.9), "it is 0.9"),
        (("stream", 4, float("nan")), "it is nan"),
        (("documents", 4), "needs a tokenizer with a delimiter"),
    ],
)
def test_impossible_corpora_are_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        make_corpus("ab\n" * 50, CharTokenizer("\nab"), *arguments)


def test_the_bytes_that_a_token_stands_for():
    text = "ünter den Linden\n\nist es schön\n" * 20
    for kind, layout, expected in (
        ("char", "stream", 33 / 31),
        ("byte", "stream", 1.0),
        ("char", "documents", 32 / 30),
    ):
        tokenizer = train_tokenizer(kind, text, documents=layout == "documents")
        assert mean_bytes(text, make_corpus(text, tokenizer, layout, 4)) == pytest.approx(expected)
