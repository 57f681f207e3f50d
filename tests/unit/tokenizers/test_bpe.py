"""Byte-level BPE: what it learns, and lossless encoding."""

import json
import random

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from pygpt.errors import TokenizerError
from pygpt.tokenizers import BPETokenizer, tokenizer_from_dict, tokenizer_json_bytes, train_tokenizer
from pygpt.tokenizers.pretokens import GPT2, GPT2_PATTERN, Pretokenizer
from tests.tiny_runs import POEM

TEXT = POEM + "Élève, naïve café 東京に行く 12 345 x²\n\n\tIt's we'll; they've... \r\n 🙂🙂 ﷽" * 3
TOKENIZER = BPETokenizer.train(TEXT, False, 350)
DOCUMENTS = BPETokenizer.train(TEXT, True, 300)
texts = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    "text, words",
    [
        ("Hello world", ["Hello", " world"]),
        ("it's we'll 'tis I'D", ["it", "'s", " we", "'ll", " '", "tis", " I", "'", "D"]),
        ("a  b\n\nc \n d", ["a", " ", " b", "\n", "\n", "c", " \n", " d"]),
        ("x²+½ no. 4", ["x", "²", "+", "½", " no", ".", " 4"]),
        ("été_東京 ٣٤\u2003\u2003b ", ["été", "_", "東京", " ٣٤", "\u2003", "\u2003", "b", " "]),
        ("\x1c\x1d a", ["\x1c\x1d", " a"]),  # not white space in Unicode, but in str.isspace
        ("", []),
    ],
)
def test_words_are_those_of_gpt2(text, words):
    assert GPT2.split(text) == words


@given(texts, st.data())
def test_words_join_to_the_text_and_no_boundary_splits_one(text, data):
    text += data.draw(st.text(" a.\n\x1c", max_size=9))
    words = GPT2.split(text)
    assert "".join(words) == text
    assert "".join(GPT2.pieces(text)) == text
    boundary = GPT2.last_boundary(text)
    assert GPT2.split(text[:boundary]) + GPT2.split(text[boundary:]) == words


def test_the_seam_of_gpt2_is_what_the_search_finds():
    assert Pretokenizer([(GPT2_PATTERN, False)]).seam is GPT2.seam


def test_a_long_text_is_split_at_word_boundaries(monkeypatch):
    monkeypatch.setattr("pygpt.tokenizers.pretokens.PIECE", 50)
    parts = list(GPT2.pieces(TEXT))
    assert len(parts) > len(TEXT) / 70
    assert [word for part in parts for word in GPT2.split(part)] == GPT2.split(TEXT)


@given(texts)
def test_any_text_is_restored(text):
    for tokenizer in TOKENIZER, DOCUMENTS:
        ids = tokenizer.encode(text)
        assert ids.typecode == "I" and tokenizer.bos not in ids
        assert tokenizer.decode(ids) == text
        assert ids == tokenizer.encode_bytes(text.encode())


@given(st.binary())
def test_any_bytes_are_restored(data):
    ids = TOKENIZER.encode_bytes(data)
    assert TOKENIZER.decode_bytes(ids) == data
    assert TOKENIZER.decode(ids) == data.decode("utf-8", errors="replace")


@given(st.lists(st.lists(st.integers(0, DOCUMENTS.vocab_size - 1), max_size=4)))
def test_the_decoder_agrees_with_decode(parts):
    decoder = DOCUMENTS.decoder()
    streamed = "".join(decoder.feed(part) for part in parts) + decoder.flush()
    assert streamed == DOCUMENTS.decode([token for part in parts for token in part])


def test_the_decoder_waits_for_the_whole_character():
    decoder, ids = DOCUMENTS.decoder(), DOCUMENTS.encode_bytes("€".encode()[:2])
    assert decoder.feed(ids) == "" and decoder.feed(DOCUMENTS.encode_bytes("€".encode()[2:])) == "€"
    decoder.feed(ids)
    assert decoder.flush() == "\ufffd"


def slow_merges(words, count):
    """The merges by definition: all pairs are counted again for each merge."""
    words, merges = {tuple(BPETokenizer.train("", False, 256).encode(word)): n for word, n in words.items()}, []
    size = 256
    for _ in range(count):
        pairs = {}
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] = pairs.get(pair, 0) + n
        best = max(pairs, key=lambda pair: (pairs[pair], -pair[0], -pair[1]), default=None)
        if best is None or pairs[best] < 2:
            break
        merges.append(best)
        words = {merged(word, best, size): n for word, n in words.items()}
        size += 1
    return merges


def merged(word, pair, token):
    """A word with a pair replaced from left to right."""
    new, position = [], 0
    while position < len(word):
        both = word[position : position + 2] == pair
        new.append(token if both else word[position])
        position += 2 if both else 1
    return tuple(new)


@settings(max_examples=200)
@given(st.text("ab c", max_size=60))
def test_it_learns_the_most_frequent_pair_each_time(text):
    tokenizer = BPETokenizer.train(text, False, 276)
    words = {}
    for word in GPT2.split(text):
        words[word] = words.get(word, 0) + 1
    ids = tokenizer.vocabulary.ids
    assert [(ids[left], ids[right]) for left, right in tokenizer.vocabulary.merges] == slow_merges(words, 20)


def test_ties_go_to_the_pair_that_is_first_in_the_alphabet():
    assert BPETokenizer.train("dc ba" * 2, False, 257).vocabulary.merges == ((b"b", b"a"),)


def test_a_vocabulary_has_the_requested_size_if_the_text_repeats_enough():
    assert TOKENIZER.vocab_size == 350 and TOKENIZER.bos is None
    assert DOCUMENTS.vocab_size == 300 and DOCUMENTS.bos == 299
    assert BPETokenizer.train("abcdefg", False, 1000).vocab_size == 256
    assert BPETokenizer.train("", True, 257).bos == 256
    with pytest.raises(TokenizerError, match="256 tokens has no room .*and the delimiter: choose at least 257"):
        BPETokenizer.train("text", True, 256)


def test_the_delimiter_is_never_read_from_a_text():
    assert DOCUMENTS.decode(DOCUMENTS.encode("<|endoftext|>")) == "<|endoftext|>"
    assert DOCUMENTS.decode([299, *DOCUMENTS.encode("hi"), 299]) == "hi"


def test_learning_reports_its_progress():
    fractions, train_stepwise = [], BPETokenizer.train_stepwise(POEM, False, 300)
    while True:
        try:
            fractions.append(next(train_stepwise))
        except StopIteration as done:
            learned = done.value
            break
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] > 0.9
    assert learned == BPETokenizer.train(POEM, False, 300)


@pytest.mark.parametrize("tokenizer", [TOKENIZER, DOCUMENTS])
def test_a_description_survives_json(tokenizer):
    restored = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())))
    assert restored == tokenizer and (restored.vocab_size, restored.bos) == (tokenizer.vocab_size, tokenizer.bos)
    assert restored.encode(TEXT) == tokenizer.encode(TEXT)


@pytest.mark.parametrize("wrong", [-1, 350])
def test_an_id_outside_the_vocabulary_is_an_error(wrong):
    with pytest.raises(TokenizerError, match=f"token {wrong} is outside.* 0 to 349"):
        TOKENIZER.decode([0, wrong])


def test_an_unpaired_surrogate_has_no_bytes():
    TOKENIZER.encode_bytes(b"a\xff")
    with pytest.raises(TokenizerError, match="position 1 is an unpaired surrogate"):
        TOKENIZER.encode("a\udcff")


def test_the_word_cache_is_limited(monkeypatch):
    monkeypatch.setattr("pygpt.tokenizers.bpe._CACHE_SIZE", 3)
    fresh = train_tokenizer("bpe", TEXT, False, 350)
    assert fresh.encode(TEXT) == TOKENIZER.encode(TEXT) and len(fresh._words) <= 3


def test_a_very_long_word_is_encoded():
    text = "".join(random.Random(1).choices("abcd", k=50_000))
    tokenizer = BPETokenizer.train(text, False, 300)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_the_library_learns_the_same_vocabulary():
    library = tokenizers.Tokenizer(tokenizers.models.BPE())
    library.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.train_from_iterator(
        [TEXT],
        tokenizers.trainers.BpeTrainer(
            vocab_size=350, min_frequency=2, show_progress=False, initial_alphabet=library.pre_tokenizer.alphabet()
        ),
    )
    theirs, ours = json.loads(library.to_str()), json.loads(tokenizer_json_bytes(TOKENIZER))
    assert theirs["model"]["vocab"] == ours["model"]["vocab"] and theirs["model"]["merges"] == ours["model"]["merges"]
