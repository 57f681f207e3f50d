"""N-gram baselines, against a direct implementation of the formula and values worked out by hand."""

import json
import math
import random

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


def reference_losses(train, predicted, vocab_size):
    """Witten and Bell's rule, directly. `train` and `predicted` are lists of ((two tokens before), token)."""

    def probability(context, token):
        followers = [t for before, t in train if before[len(before) - len(context) :] == context]
        shorter = 1 / vocab_size if not context else probability(context[1:], token)
        if not followers:
            return shorter
        distinct = len(set(followers)) * shorter if context else len(set(followers)) / vocab_size
        return (followers.count(token) + distinct) / (len(followers) + len(set(followers)))

    return [
        -sum(math.log(probability(before[len(before) - length :], token)) for before, token in predicted)
        / len(predicted)
        for length in (0, 1, 2)
    ]


def test_a_stream_against_the_formula():
    tokenizer, corpus = corpus_of("the cat sat on the mat, the rat sat on the hat; " * 3 + "zq then that")
    # Placeholders for the tokens before the start.
    train, val = ["-", "-", *corpus.train.tokens], ["+", *corpus.val.tokens]
    train_ngrams = [((train[i - 2], train[i - 1]), train[i]) for i in range(2, len(train))]
    losses = baselines(corpus.train, corpus.val, tokenizer.vocab_size, 8)
    assert losses["uniform"] == pytest.approx(math.log(tokenizer.vocab_size))
    val_ngrams = [((val[i - 2], val[i - 1]), val[i]) for i in range(2, len(val))]
    assert [losses[name] for name in ("unigram", "bigram", "trigram")] == pytest.approx(
        reference_losses(train_ngrams, val_ngrams, tokenizer.vocab_size)
    )


@pytest.mark.parametrize("answers_only", [False, True])
def test_documents_against_the_formula(answers_only):
    text = "\n".join(f"{a}{b}={b}{a}" for a in "abcd" for b in "abcde")
    tokenizer, corpus = corpus_of(text, "documents")
    ngrams = []
    for split in (corpus.train, corpus.val):
        rows = []
        for begin, end in zip(split.offsets, split.offsets[1:]):
            row = [tokenizer.bos, tokenizer.bos, *split.tokens[begin + 1 : end + 1]]
            rows += [
                ((row[i - 2], row[i - 1]), row[i])
                for i in range(2, len(row))
                if not answers_only or split is corpus.train or tokenizer.encode("=")[0] in row[2:i]
            ]
        ngrams.append(rows)
    losses = baselines(corpus.train, corpus.val, tokenizer.vocab_size, 8, answers_only)
    assert [losses[name] for name in ("unigram", "bigram", "trigram")] == pytest.approx(
        reference_losses(*ngrams, tokenizer.vocab_size)
    )


def test_the_baselines_predict_what_the_model_predicts_of_long_documents():
    """By hand: of each line, the model predicts its first 2 of 10 tokens; the lines held out are the 10th and 20th."""
    tokenizer, corpus = corpus_of("\n".join(["ab" + "z" * 8] * 19 + ["ba" + "z" * 8]), "documents", block_size=2)
    # In training: 18 lines of 1 a, 1 b, 8 z and the delimiter, so 198 tokens, 4 distinct ones.
    a = b = math.log((18 + 4 / 4) / (198 + 4))
    losses = baselines(corpus.train, corpus.val, tokenizer.vocab_size, 2)
    assert losses["unigram"] == pytest.approx(-(2 * a + 2 * b) / 4)
    # After the delimiter and after a there was only one token, 18 times; after b only z.
    seen, unseen = math.log((18 + 19 / 202) / 19), math.log((19 / 202) / 19)
    assert losses["bigram"] == pytest.approx(-(2 * seen + 2 * unseen) / 4)
    assert [len(places) for _, places in corpus.val.predictions(2)] == [2, 2]


@pytest.mark.parametrize("layout, count", [("documents", 320), ("stream", 1959)])
def test_an_evaluation_and_its_baselines_have_the_same_predictions(layout, count, tmp_path):
    generator = random.Random(0)
    lines = ["".join(generator.choice("abcdefgh") for _ in range(8)) + "z" * 40 for _ in range(400)]
    (tmp_path / "text.txt").write_text("\n".join(lines) + "\n")
    sizes = ("--data.layout", layout, "--model.block-size", 8, "--steps", 1, "--train.batch-size", 7)
    run_pygpt(
        "train", "bigram", "--data", tmp_path / "text.txt", *sizes, "--device", "numpy", "--out", tmp_path / "run"
    )
    result = json.loads(run_pygpt("eval", tmp_path / "run", "--json"))
    assert result["predictions"] == count
    if layout == "documents":  # almost only letters, which are rare in the whole text, where z is frequent
        assert result["baselines"]["unigram"]["loss"] == pytest.approx(3.892, abs=0.001)
        assert result["baselines"]["bigram"]["loss"] == pytest.approx(2.227, abs=0.001)


def test_a_repetitive_text_has_almost_no_bigram_loss():
    tokenizer, corpus = corpus_of("ab" * 20_000)
    losses = baselines(corpus.train, corpus.val, tokenizer.vocab_size, 8)
    assert losses["uniform"] == losses["unigram"] == pytest.approx(math.log(2), abs=1e-6)
    assert losses["bigram"] < 1e-3 and losses["trigram"] < 1e-3


def test_unseen_tokens_have_a_finite_loss():
    tokenizer, corpus = corpus_of("aaaaaaaaabbbbbbbbb" * 10 + "xyzxyzxyzxyzxyzxyzxyzxyz", block_size=4)
    assert all(map(math.isfinite, baselines(corpus.train, corpus.val, tokenizer.vocab_size, 8).values()))


@pytest.mark.parametrize(
    "name, expected",
    [
        ("tales", [4.111, 3.097, 2.328, 1.65]),
        pytest.param("shakespeare", [4.174, 3.347, 2.486, 2.049], marks=pytest.mark.slow),  # a download
    ],
)
def test_a_text_of_a_million_characters(name, expected):
    text = load_text(name)
    tokenizer, corpus = corpus_of(text.text)
    *pieces, losses = baseline_steps(corpus.train, corpus.val, tokenizer.vocab_size, 8)
    assert len(pieces) >= 8, "in pieces, so that a worker can handle messages in between"
    assert [round(loss, 3) for loss in losses.values()] == expected


@pytest.mark.parametrize("kind", ["char", "byte"])
@pytest.mark.parametrize("layout", ["stream", "documents"])
def test_predicted_bytes(kind, layout):
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


@pytest.mark.slow
def test_bits_per_byte_do_not_depend_on_the_tokenizer(tmp_path):
    """An untrained bigram of characters and one of bytes: their losses in nats per token differ."""
    (tmp_path / "text.txt").write_text("naïve çédille où " * 400)
    results = {}
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
        results[kind] = json.loads(run_pygpt("eval", tmp_path / kind, "--json"))
    assert results["char"]["bytes"] == pytest.approx(results["byte"]["bytes"], abs=2)
    assert results["byte"]["predictions"] > results["char"]["predictions"]
    for result in results.values():
        total = result["loss"] * result["predictions"] / math.log(2)
        assert result["bits_per_byte"] == pytest.approx(total / result["bytes"])
        assert list(result["baselines"]) == ["uniform", "unigram", "bigram", "trigram"]
        assert result["baselines"]["uniform"]["loss"] == pytest.approx(result["loss"], abs=0.2), "it is untrained"
    output = run_pygpt("eval", tmp_path / "char")
    assert "bits per byte" in output and "uniform guess" in output and "this model" in output
