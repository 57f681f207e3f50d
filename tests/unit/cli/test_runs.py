"""`pygpt runs` and `pygpt compare`: the runs in a folder, and what differs between them."""

import json
import shutil

import pytest

from pygpt.cli import main
from pygpt.devices.numpy import NumpyDevice
from pygpt.runs.run_folder import write_run
from tests.tiny_runs import finish, poem_run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two finished runs that differ in their learning rate, a damaged one, and what is no run."""
    monkeypatch.chdir(tmp_path)
    losses = {}
    for name, rate in (("slow", 0.001), ("fast", 0.1)):
        run = poem_run(NumpyDevice(), **{"optim.learning_rate": rate})
        losses[name] = [metric.val_loss for metric in finish(run) if metric.val_loss is not None]
        write_run(tmp_path / "runs" / name, run.checkpoint())
    (tmp_path / "runs" / "damaged").mkdir()
    (tmp_path / "runs" / "damaged" / "model.safetensors").write_bytes(b"\xff" * 100)
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "runs" / "a file").write_text("")
    return losses


def test_runs_are_listed_with_their_losses(folder, capsys):
    assert main(["runs", "--json"]) == 0
    runs = {run["run"]: run for run in json.loads(capsys.readouterr().out)}
    assert set(runs) == {"runs/slow", "runs/fast", "runs/damaged"} and "damaged" in runs["runs/damaged"]["error"]
    for name, losses in folder.items():
        run = runs[f"runs/{name}"]
        assert (run["text"], run["step"], run["steps"]) == ("poem", run["steps"], run["step"])
        assert run["val_loss"] == losses[-1] and run["parameters"] > 100
    assert main(["runs"]) == 0
    printed = capsys.readouterr().out
    assert "slow " in printed and f"{folder['slow'][-1]:.4f}" in printed and "damaged" in printed


def test_only_what_differs_is_compared(folder, capsys):
    assert main(["compare", "runs/slow", "runs/fast", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["settings"] == {"optim.learning_rate": [0.001, 0.1]}
    assert found["results"]["validation loss"] == [folder["slow"][-1], folder["fast"][-1]]
    assert found["results"]["best validation loss"] == [min(folder["slow"]), min(folder["fast"])]
    assert main(["compare", "runs/slow", "runs/fast", "--all", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["settings"]) > 50
    assert main(["compare", "runs/slow", "runs/slow"]) == 0
    assert "the same settings" in capsys.readouterr().out


def test_a_run_has_the_same_losses_as_a_folder_and_as_a_file(tmp_path, monkeypatch, capsys):
    """A fine-tune can be best before its first step; a log has no line of that, and can be ahead of the file."""
    monkeypatch.chdir(tmp_path)
    command = ["train", "bigram", "--steps=3", "--train.eval-every=1", "--train.eval-batches=1", "--device=numpy"]
    assert main([*command, "--optim.learning-rate=100", "--optim.warmup-steps=0", "--out=run"]) == 0
    shutil.copy("run/model.safetensors", "alone.safetensors")
    with open("run/metrics.jsonl", "a") as log:
        log.write('{"step": 4, "loss": 0.1, "val_loss": 0.1}\n')
    capsys.readouterr()
    found = []
    for place in ("run", "alone.safetensors"):
        assert main(["show", place, "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out)["losses"])
    assert found[0] == found[1]
    assert (
        found[0]["best validation"]["step"] == 0 and found[0]["validation"]["step"] == found[0]["training"]["step"] == 3
    )
    assert main(["compare", "run", "alone.safetensors", "--json"]) == 0
    best = json.loads(capsys.readouterr().out)["results"]["best validation loss"]
    assert best == [found[0]["best validation"]["loss"]] * 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["runs", "nowhere"], "there is no folder nowhere"),
        (["compare", "runs/slow"], "a comparison needs two runs, got 1"),
        (["compare", "runs/slow", "runs/damaged"], "runs/damaged: this is not the checkpoint of a pygpt run"),
        (["compare", "runs/slow", "runs/nothing"], "there is no run at runs/nothing"),
    ],
)
def test_what_cannot_be_listed_or_compared_is_said(folder, capsys, arguments, sentence):
    assert main(arguments) == 1
    assert sentence in capsys.readouterr().err


def test_runs_that_differ_in_their_seed_are_one_column(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    losses = {}
    for rate in (0.001, 0.1):
        for seed in (1, 2, 3):
            run = poem_run(NumpyDevice(), **{"optim.learning_rate": rate, "train.seed": seed})
            losses[rate, seed] = [metric.val_loss for metric in finish(run) if metric.val_loss is not None][-1]
            write_run(tmp_path / f"{rate}-{seed}", run.checkpoint())
    folders = [f"{rate}-{seed}" for rate, seed in losses]
    assert main(["compare", *folders, "--group", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["groups"] == [folders[:3], folders[3:]]
    assert found["settings"] == {"optim.learning_rate": [0.001, 0.1]}
    for group, rate in zip(found["results"]["validation loss"], (0.001, 0.1), strict=True):
        own = [losses[rate, seed] for seed in (1, 2, 3)]
        assert group["mean"] == pytest.approx(sum(own) / 3) and (group["low"], group["high"]) == (min(own), max(own))
        assert group["runs"] == 3
    assert main(["compare", *folders, "--group"]) == 0
    printed = capsys.readouterr().out
    assert "0.001-1 and 2 more seeds" in printed and "mean ± standard deviation" in printed
