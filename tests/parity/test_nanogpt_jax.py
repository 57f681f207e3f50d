"""The README's row for nanogpt-jax: TOML with overrides, download, prepare, train on shards, sample from the run."""

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
    downloaded = run_pygpt("download", "shakespeare").strip()
    output = run_pygpt(
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
    assert downloaded.endswith("tinyshakespeare.txt") and f"pygpt train --data {shards}" in output
    dataset = json.loads((shards / "dataset.json").read_bytes())
    assert (
        dataset["sha256"] == DATASETS["shakespeare"].remote.sha256
        and len(dataset["val"]) == 2
        and len(dataset["train"]) > 2
    )

    # The command line overrides the file's 50 steps and width of 16.
    output = run_pygpt(
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
    assert f"{dataset['tokens']:,} tokens in shards, vocabulary of 512" in output
    experiment = Experiment.from_toml((out / "experiment.toml").read_text())
    assert (experiment.train.steps, experiment.model.n_embd, experiment.model.block_size) == (20, 24, 8)
    assert (experiment.data.tokenizer, experiment.data.vocab_size, experiment.data.source) == ("bpe", 512, str(shards))
    assert (out / "tokenizer.json").read_bytes() == (shards / "tokenizer.json").read_bytes()
    assert metrics(out)[-1]["loss"] < math.log(512) + 0.1

    # The rest needs only the run and the shards.
    written = run_pygpt("sample", "--init-from", "resume", out, "--prompt", "ROMEO:", "--max-new-tokens", 20)
    assert written.startswith("ROMEO:") and written == run_pygpt(
        "sample", out, "--prompt", "ROMEO:", "--max-new-tokens", 20
    )
    evaluation = json.loads(run_pygpt("eval", out, "--json"))
    assert evaluation["predictions"] == sum(shard["tokens"] for shard in dataset["val"]) - 1
    assert evaluation == json.loads(run_pygpt("eval", out, "--data", shards, "--json"))
    assert "Continuing from step 20" in run_pygpt("train", "--resume", out, "--steps", 30, "--device", "numpy")
    assert json.loads(run_pygpt("plan", file, "--data", shards, "--json"))["vocabulary"] == 512


def test_errors_are_one_sentence(tmp_path):
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
        result = run_pygpt(*arguments, check=False)
        assert result.returncode == 1 and message in result.stderr and result.stderr.count("\n") == 1


def test_the_gpt2_tokenizer_is_downloaded_once_and_checked(tmp_path, monkeypatch):
    monkeypatch.delenv("PYGPT_DATA", raising=False)
    monkeypatch.setenv("PYGPT_CACHE", str(tmp_path))
    requests = []

    def download(dataset):
        requests.append(dataset.url)
        return b"{}"

    monkeypatch.setattr("pygpt.data.download._download", download)
    with pytest.raises(
        DataError, match="the download from https://huggingface.co/.*/vocab.json is not the expected file"
    ):
        fetch(DOWNLOADS["gpt2-tokenizer"])
    monkeypatch.setattr(RemoteFile, "check", lambda *arguments: None)
    paths = [tmp_path / "gpt2-tokenizer" / name for name in ("vocab.json", "merges.txt")]
    assert fetch(DOWNLOADS["gpt2-tokenizer"]) == paths == fetch(DOWNLOADS["gpt2-tokenizer"]) and len(requests) == 3
    assert [remote.url.rsplit("/", 1)[1] for remote in DOWNLOADS["gpt2-tokenizer"]] == [path.name for path in paths]
    result = run_pygpt("download", "gpt2", check=False)
    assert result.returncode == 1 and "there is nothing named 'gpt2' to download" in result.stderr
