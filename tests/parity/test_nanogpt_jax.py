"""The row of nanogpt-jax: TOML with overrides, download, prepare, train from shards, sample from the checkpoint."""

import json
import math

import pytest

from pygpt import Experiment
from pygpt.data import DATASETS
from pygpt.data.download import fetch
from pygpt.data.registry import DOWNLOADS, RemoteFile
from pygpt.errors import DataError
from tests.tiny_runs import POEM
from tests.unit.cli.test_cli import TINY, metrics, run_pygpt

TOML = """
name = "mine"
[model]
n_layer = 1
n_head = 2
n_embd = 16
block_size = 8
[train]
steps = 50
batch_size = 4
eval_every = 10
eval_batches = 2
"""


def test_download_prepare_train_from_shards(tmp_path):
    file, shards, out = tmp_path / "mine.toml", tmp_path / "shards", tmp_path / "run"
    file.write_text(TOML)
    place = run_pygpt("download", "shakespeare").strip()
    said = run_pygpt(
        "prepare",
        "shakespeare",
        "--encoding",
        "bpe",
        "--vocab-size",
        512,
        "--shard-size",
        100_000,
        "--shards-val",
        2,
        "--out",
        shards,
    )
    assert place.endswith("tinyshakespeare.txt") and f"pygpt train --data {shards}" in said
    about = json.loads((shards / "dataset.json").read_bytes())
    assert (
        about["sha256"] == DATASETS["shakespeare"].remote.sha256 and len(about["val"]) == 2 and len(about["train"]) > 2
    )

    # The file says 50 steps and a width of 16; the command line says otherwise.
    said = run_pygpt(
        "train",
        file,
        "--data",
        shards,
        "--train.steps",
        20,
        "--model.n-embd",
        24,
        "--device",
        "numpy",
        "--log-every",
        5,
        "--out",
        out,
    )
    assert f"{about['tokens']:,} tokens in shards, vocabulary of 512" in said
    experiment = Experiment.from_toml((out / "experiment.toml").read_text())
    assert (experiment.train.steps, experiment.model.n_embd, experiment.model.block_size) == (20, 24, 8)
    assert (experiment.data.tokenizer, experiment.data.vocab_size, experiment.data.source) == ("bpe", 512, str(shards))
    assert (out / "tokenizer.json").read_bytes() == (shards / "tokenizer.json").read_bytes()
    assert metrics(out)[-1]["loss"] < math.log(512) + 0.1

    # Nothing but the run and the shards is needed from here on.
    written = run_pygpt("sample", "--init-from", "resume", out, "--prompt", "ROMEO:", "--max-new-tokens", 20)
    assert written.startswith("ROMEO:") and written == run_pygpt(
        "sample", out, "--prompt", "ROMEO:", "--max-new-tokens", 20
    )
    found = json.loads(run_pygpt("eval", out, "--json"))
    assert found["predictions"] == sum(shard["tokens"] for shard in about["val"]) - 1
    assert found == json.loads(run_pygpt("eval", out, "--data", shards, "--json"))
    assert "Continuing from step 20" in run_pygpt("train", "--resume", out, "--steps", 30, "--device", "numpy")
    assert json.loads(run_pygpt("plan", file, "--data", shards, "--json"))["vocabulary"] == 512


def test_mistakes_are_told_in_a_sentence(tmp_path):
    (tmp_path / "poem.txt").write_text(POEM)
    run_pygpt("prepare", tmp_path / "poem.txt", "--encoding", "byte", "--shard-size", 1000, cwd=tmp_path)
    shards = tmp_path / "shards" / "poem"
    for arguments, message in (
        (["prepare", "tales", "--vocab-size", 3, "--out", tmp_path / "x"], "data.vocab_size: 3 is outside"),
        (["prepare", tmp_path / "poem.txt", "--out", shards], "is not empty"),
        (["train", "baby", "--data", shards, "--data.tokenizer", "bpe", *TINY], "were prepared with byte, not bpe"),
        (["train", "baby", "--data", shards, "--data.layout", "documents", *TINY], "shards are one stream of tokens"),
        (["train", "baby", "--data", tmp_path, *TINY], "it is a folder, and it has no dataset.json"),
        (
            ["download", "tales"],
            "tales is made by pygpt itself and needs no download; there are shakespeare, names, gpt2-tokenizer",
        ),
    ):
        done = run_pygpt(*arguments, check=False)
        assert done.returncode == 1 and message in done.stderr and done.stderr.count("\n") == 1


def test_gpt2s_tokenizer_is_fetched_once_and_checked(tmp_path, monkeypatch):
    monkeypatch.delenv("PYGPT_DATA", raising=False)
    monkeypatch.setenv("PYGPT_CACHE", str(tmp_path))
    asked = []

    def download(dataset):
        asked.append(dataset.url)
        return b"{}"

    monkeypatch.setattr("pygpt.data.download._download", download)
    with pytest.raises(
        DataError, match="what came from https://huggingface.co/.*/vocab.json is not the one pygpt knows"
    ):
        fetch(DOWNLOADS["gpt2-tokenizer"])
    monkeypatch.setattr(RemoteFile, "check", lambda *arguments: None)
    wanted = [tmp_path / "gpt2-tokenizer" / name for name in ("vocab.json", "merges.txt")]
    assert fetch(DOWNLOADS["gpt2-tokenizer"]) == wanted == fetch(DOWNLOADS["gpt2-tokenizer"]) and len(asked) == 3
    assert [remote.url.rsplit("/", 1)[1] for remote in DOWNLOADS["gpt2-tokenizer"]] == [path.name for path in wanted]
    done = run_pygpt("download", "gpt2", check=False)
    assert done.returncode == 1 and "there is nothing named 'gpt2' to download" in done.stderr
