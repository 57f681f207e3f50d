"""What counting gives: against the formula written out plainly, and in figures that can be worked out by hand."""

import json
import math

import pytest

from pygpt.data import load_text, make_corpus
from pygpt.tokenizers import train_tokenizer
from pygpt.training.evaluate import predicted_bytes
from pygpt.training.ngram_baselines import baseline_steps, baselines
from tests.tiny_runs import NAMES, POEM
from tests.unit.cli.test_cli import TINY, run_pygpt


def corpus_of(text, layout="stream", kind="char", block_size=8):
    tokenizer = train_tokenizer(kind, text, layout == "documents")
    return tokenizer, make_corpus(text, tokenizer, layout, block_size)


def plainly(train, guessed, vocab_size):
    """Witten and Bell's rule, word for word. Both are lists of (two tokens before, token), contexts as tuples."""

    def odds(context, token):
        follow = [t for before, t in train if before[len(before) - len(context) :] == context]
        simpler = 1 / vocab_size if not context else odds(context[1:], token)
        if not follow:
            return simpler
        different = len(set(follow)) * simpler if context else len(set(follow)) / vocab_size
        return (follow.count(token) + different) / (len(follow) + len(set(follow)))

    return [
        -sum(math.log(odds(before[len(before) - length :], token)) for before, token in guessed) / len(guessed)
        for length in (0, 1, 2)
    ]


def test_a_stream_against_the_formula():
    tokenizer, corpus = corpus_of("the cat sat on the mat, the rat sat on the hat; " * 3 + "zq then that")
    train, val = (
        ["-", "-", *corpus.train.tokens],
        ["+", *corpus.val.tokens],
    )  # before the beginning stands nothing known
    known = [((train[i - 2], train[i - 1]), train[i]) for i in range(2, len(train))]
    found = baselines(corpus.train, corpus.val, tokenizer.vocab_size)
    assert found["uniform"] == pytest.approx(math.log(tokenizer.vocab_size))
    guessed = [((val[i - 2], val[i - 1]), val[i]) for i in range(2, len(val))]
    assert [found[name] for name in ("unigram", "bigram", "trigram")] == pytest.approx(
        plainly(known, guessed, tokenizer.vocab_size)
    )


@pytest.mark.parametrize("separator", [None, "="])
def test_documents_against_the_formula(separator):
    text = "\n".join(f"{a}{b}={b}{a}" for a in "abcd" for b in "abcde")
    tokenizer, corpus = corpus_of(text, "documents")
    sides = []
    for split in (corpus.train, corpus.val):
        rows = []
        for begin, end in zip(split.offsets, split.offsets[1:]):
            row = [tokenizer.bos, tokenizer.bos, *split.tokens[begin + 1 : end + 1]]
            rows += [
                ((row[i - 2], row[i - 1]), row[i])
                for i in range(2, len(row))
                if separator is None or split is corpus.train or tokenizer.encode("=")[0] in row[2:i]
            ]
        sides.append(rows)
    token = tokenizer.encode("=")[0] if separator else None
    found = baselines(corpus.train, corpus.val, tokenizer.vocab_size, token)
    assert [found[name] for name in ("unigram", "bigram", "trigram")] == pytest.approx(
        plainly(*sides, tokenizer.vocab_size)
    )


def test_a_text_that_repeats_itself_costs_nothing_once_pairs_are_counted():
    tokenizer, corpus = corpus_of("ab" * 20_000)
    found = baselines(corpus.train, corpus.val, tokenizer.vocab_size)
    assert found["uniform"] == found["unigram"] == pytest.approx(math.log(2), abs=1e-6)
    assert found["bigram"] < 1e-3 and found["trigram"] < 1e-3


def test_what_was_never_seen_is_not_impossible():
    tokenizer, corpus = corpus_of("aaaaaaaaabbbbbbbbb" * 10 + "xyzxyzxyzxyzxyzxyzxyzxyz", block_size=4)
    assert all(map(math.isfinite, baselines(corpus.train, corpus.val, tokenizer.vocab_size).values()))


def test_shakespeare():
    text = load_text("shakespeare")
    tokenizer, corpus = corpus_of(text.text)
    *pieces, found = baseline_steps(corpus.train, corpus.val, tokenizer.vocab_size)
    assert len(pieces) >= 8, "in pieces, so that a worker can listen in between"
    assert [round(loss, 3) for loss in found.values()] == [4.174, 3.347, 2.486, 2.049]


@pytest.mark.parametrize("kind", ["char", "byte"])
@pytest.mark.parametrize("layout", ["stream", "documents"])
def test_bytes_of_what_is_predicted(kind, layout):
    text = (NAMES + "\nnaïve\nçé\n") * 3 if layout == "documents" else POEM + "naïve çé " * 200
    tokenizer, corpus = corpus_of(text, layout, kind, block_size=64)
    size = predicted_bytes(corpus.val, tokenizer, 64)
    if layout == "stream":
        assert size == len(tokenizer.decode(corpus.val.tokens).encode()) - len(
            tokenizer.decode(corpus.val.tokens[:1]).encode()
        )
    else:
        lines = [line for index, line in enumerate(text.split()) if index % 10 == 9]
        assert size == sum(len(line.encode()) + 1 for line in lines)
        assert predicted_bytes(corpus.val, tokenizer, 2) == sum(
            len(tokenizer.decode(tokenizer.encode(line)[:2]).encode()) + (len(tokenizer.encode(line)) < 2)
            for line in lines
        )


def test_bits_per_byte_do_not_depend_on_the_tokenizer(tmp_path):
    """A bigram of characters and one of bytes that have seen nothing: their losses differ in nats a token."""
    (tmp_path / "text.txt").write_text("naïve çédille où " * 400)
    found = {}
    for kind in ("char", "byte"):
        run_pygpt(
            "train",
            "bigram",
            "--data",
            tmp_path / "text.txt",
            "--data.tokenizer",
            kind,
            "--steps",
            1,
            "--device",
            "numpy",
            "--out",
            tmp_path / kind,
            *TINY,
        )
        found[kind] = json.loads(run_pygpt("eval", tmp_path / kind, "--json"))
    assert found["char"]["bytes"] == pytest.approx(found["byte"]["bytes"], abs=2)
    assert found["byte"]["predictions"] > found["char"]["predictions"]
    for one in found.values():
        total = one["loss"] * one["predictions"] / math.log(2)
        assert one["bits_per_byte"] == pytest.approx(total / one["bytes"])
        assert list(one["baselines"]) == ["uniform", "unigram", "bigram", "trigram"]
        assert one["baselines"]["uniform"]["loss"] == pytest.approx(one["loss"], abs=0.2), "it guesses blindly still"
    said = run_pygpt("eval", tmp_path / "char")
    assert "bits per byte" in said and "uniform guess" in said and "this model" in said
