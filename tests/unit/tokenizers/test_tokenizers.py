"""Text to ids and back, and error messages."""

import json
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pygpt.errors import TokenizerError
from pygpt.tokenizers import (
    ByteTokenizer,
    CharTokenizer,
    Tokenizer,
    split_documents,
    tokenizer_from_dict,
    train_tokenizer,
)

texts = st.text(st.characters(exclude_categories=["Cs"]))
some_text = texts.filter(bool)


@given(some_text)
def test_char_round_trip(text):
    tokenizer = CharTokenizer.train(text)
    ids = tokenizer.encode(text)
    assert ids.typecode == "I" and ids.itemsize == 4
    assert len(ids) == len(text) and all(token < tokenizer.vocab_size for token in ids)
    assert tokenizer.decode(ids) == text


@given(texts, st.booleans())
def test_byte_round_trip(text, documents):
    tokenizer = ByteTokenizer(documents)
    ids = tokenizer.encode(text)
    assert ids.typecode == "I" and bytes(ids.tolist()) == text.encode()
    assert tokenizer.decode(ids) == text


@given(some_text, st.booleans(), st.sampled_from(["char", "byte"]))
def test_description_survives_json(text, documents, kind):
    tokenizer = train_tokenizer(kind, "x" + text, documents)
    restored = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())))
    assert restored == tokenizer and type(restored) is type(tokenizer)
    assert (restored.kind, restored.vocab_size, restored.bos) == (kind, tokenizer.vocab_size, tokenizer.bos)


@given(st.lists(st.lists(st.integers(0, 256), max_size=4)))
def test_byte_decoder_agrees_with_decode(pieces):
    tokenizer = ByteTokenizer(documents=True)
    decoder = tokenizer.decoder()
    streamed = "".join(decoder.feed(piece) for piece in pieces) + decoder.flush()
    assert streamed == tokenizer.decode([token for piece in pieces for token in piece])


def test_char_ids_are_the_sorted_characters():
    tokenizer = train_tokenizer("char", "banana", documents=False)
    assert tokenizer.encode("abn") == array("I", [0, 1, 2])
    assert (tokenizer.vocab_size, tokenizer.bos, tokenizer.kind) == (3, None, "char")
    assert isinstance(tokenizer, Tokenizer)


def test_documents_add_a_delimiter_and_drop_the_newline():
    tokenizer = CharTokenizer.train("emma \n\n ava\r\n", documents=True)
    assert tokenizer.characters == "aemv"
    assert (tokenizer.bos, tokenizer.vocab_size) == (4, 5)
    assert tokenizer.decode([4, 1, 4]) == "e"
    assert ByteTokenizer(documents=True).bos == 256
    assert ByteTokenizer(documents=True).decode([256, 104, 105, 256]) == "hi"


def test_documents_are_the_lines_that_are_not_blank():
    assert split_documents(" a b\t\n\n  \nc\u2028d\r\n") == ["a b", "c\u2028d"]


def test_byte_decoder_waits_for_the_whole_character():
    decoder = ByteTokenizer().decoder()
    assert [decoder.feed([byte]) for byte in "é€".encode()] == ["", "é", "", "", "€"]
    assert decoder.feed("€".encode()[:2]) == ""
    assert decoder.flush() == "\ufffd"
    assert decoder.feed(b"ok") == "ok"


def test_char_decoder_holds_nothing_back():
    decoder = CharTokenizer("éö").decoder()
    assert decoder.feed([1, 0]) == "öé" and decoder.flush() == ""


def test_unknown_character_is_named_with_its_position():
    with pytest.raises(TokenizerError, match=r"'z' at position 2 is not in the vocabulary.* has \\nab\. "):
        CharTokenizer("\nab").encode("abz?")


def test_a_long_vocabulary_is_shortened():
    with pytest.raises(TokenizerError, match="and 400 more"):
        CharTokenizer("".join(map(chr, range(0x4E00, 0x4E00 + 500)))).encode("a")


@pytest.mark.parametrize(
    "tokenizer", [CharTokenizer("ab"), CharTokenizer("ab", True), ByteTokenizer(), ByteTokenizer(True)]
)
@pytest.mark.parametrize("wrong", [-1, 400])
def test_an_id_outside_the_vocabulary_is_an_error(tokenizer, wrong):
    with pytest.raises(TokenizerError, match=f"token {wrong} is outside.* 0 to {tokenizer.vocab_size - 1}"):
        tokenizer.decode([0, wrong])
    with pytest.raises(TokenizerError):
        tokenizer.decode([tokenizer.vocab_size])


def test_an_unpaired_surrogate_has_no_bytes():
    with pytest.raises(TokenizerError, match="position 1 is an unpaired surrogate"):
        ByteTokenizer().encode("a\ud800")


@pytest.mark.parametrize("documents", [False, True])
def test_an_empty_text_has_no_vocabulary(documents):
    with pytest.raises(TokenizerError, match="at least one character"):
        train_tokenizer("char", "\n \n" if documents else "", documents)


def test_unknown_kind_lists_the_kinds():
    with pytest.raises(TokenizerError, match="no tokenizer of kind 'word': choose one of char, byte, bpe"):
        train_tokenizer("word", "text", False)


@pytest.mark.parametrize(
    "description, message",
    [
        (None, "described by a dict, not by NoneType"),
        ([], "described by a dict"),
        ({}, "kind None"),
        ({"kind": ["char"]}, "no tokenizer of kind"),
        ({"kind": "char"}, "described by the fields 'kind', 'characters', 'documents'; this description has 'kind'"),
        ({"kind": "byte", "documents": False, "merges": []}, "this description has 'kind', 'documents', 'merges'"),
        ({"kind": "byte", "documents": 1}, "'documents' of a byte tokenizer is a bool"),
        ({"kind": "char", "characters": ["a"], "documents": False}, "'characters' of a char tokenizer is a str"),
        ({"kind": "char", "characters": "", "documents": False}, "at least one character"),
        ({"kind": "char", "characters": "ba", "documents": False}, "sorted and distinct"),
        ({"kind": "char", "characters": "aa", "documents": True}, "sorted and distinct"),
    ],
)
def test_a_malformed_description_is_an_error(description, message):
    with pytest.raises(TokenizerError, match=message):
        tokenizer_from_dict(description)
