"""A new run that starts with the weights of another."""

import json
import math
import subprocess

import pytest

from pygpt.data import text_from_bytes
from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import ExperimentError, TokenizerError
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.runs.provenance import git_state
from pygpt.runs.safetensors import read_safetensors, write_safetensors
from pygpt.training.run import Run
from tests.tiny_runs import POEM, experiment, finish, poem_run
from tests.unit.cli.test_cli import TINY, run_pygpt


@pytest.fixture(scope="module")
def first():
    run = poem_run(NumpyDevice(), **{"train.steps": 60})
    return finish(run), read_checkpoint(run.checkpoint())


def fine_tuned(first, device, text=POEM, **changes):
    """A run of `experiment(**changes)` that starts with the final weights of the first one."""
    return Run(experiment(**changes), text_from_bytes("poem", text.encode()), device, init_from=first[1])


@pytest.mark.parametrize("changes", [{}, {"optim.ema": 0.9}, {"optim.name": "sgd", "train.accumulation": 2}])
def test_it_starts_where_the_other_run_ended(first, device, changes):
    metrics = finish(fine_tuned(first, device, **changes))
    before = [metric.val_loss for metric in first[0] if metric.val_loss is not None]
    assert abs(metrics[0].val_loss - before[-1]) < 1e-3 and before[-1] < before[0] - 0.3
    assert metrics[0].step == 0 and metrics[1].step == 1


def test_its_checkpoint_records_the_other_run_and_can_be_resumed(first, cpu):
    run = fine_tuned(first, cpu)
    whole = finish(fine_tuned(first, NumpyDevice()))
    finish(run, at_most=7)
    restored = Run.restore(run.checkpoint(), NumpyDevice())
    assert [m.loss for m in finish(restored)] == [m.loss for m in whole if m.step > 7]
    provenance = read_checkpoint(restored.checkpoint()).provenance
    assert provenance["init_from"]["name"] == "test" and provenance["init_from"]["step"] == 60
    assert provenance["init_from"]["data"]["sha256"] == provenance["data"]["sha256"]


def test_settings_that_can_and_cannot_differ(first, cpu):
    finish(fine_tuned(first, cpu, **{"model.block_size": 5, "model.dropout": 0.2, "optim.learning_rate": 1e-2}))
    for name, value in {
        "n_layer": 2,
        "n_embd": 32,
        "block_size": 9,
        "bias": True,
        "tie_weights": False,
        "mlp": "relu",
    }.items():
        with pytest.raises(ExperimentError, match="the weights to begin with are those of a model with") as caught:
            fine_tuned(first, cpu, **{f"model.{name}": value})
        assert caught.value.field == f"model.{name}"
    with pytest.raises(TokenizerError, match="~"):
        fine_tuned(first, cpu, text=POEM + "~")


def test_the_command_line(tmp_path, monkeypatch):
    poem, out, tuned = tmp_path / "poem.txt", tmp_path / "first", tmp_path / "tuned"
    poem.write_text(POEM)
    run_pygpt("train", "baby", "--data", poem, "--device", "numpy", "--steps", 10, "--out", out, *TINY, cwd=tmp_path)
    output = run_pygpt(
        "train",
        "--init-from",
        out,
        "--data",
        poem,
        "--device",
        "numpy",
        "--steps",
        4,
        "--out",
        tuned,
        "--model.dropout",
        0.1,
        "--train.eval-batches",
        2,
        cwd=tmp_path,
    )
    assert f"The initial weights are those of {out}, after step 10." in output
    summary = json.loads(run_pygpt("show", tuned, "--json"))
    assert summary["experiment"]["model"]["n_embd"] == 16 and summary["experiment"]["model"]["dropout"] == 0.1
    assert summary["provenance"]["init_from"]["step"] == 10 and summary["losses"]["validation"]["step"] == 4
    assert summary["provenance"]["seed"] == 1337 and "git" not in summary["provenance"]
    assert summary["parameters"] == sum(math.prod(shape) for shape in summary["parameter_tensors"].values())
    output = run_pygpt("show", tuned)
    for text in (
        "after 4 of 4 steps",
        "your own text, poem.txt, kept in this file",
        "initial weights from",
        "NumPy",
        "seed",
        "model.n_embd",
        "validation loss",
        "blocks.0.attention.qkv.weight",
    ):
        assert text in output, text
    result = run_pygpt(
        "train", "--init-from", out, "--model.n-layer", 3, "--data", poem, "--device", "numpy", check=False
    )
    assert (
        result.returncode == 1
        and "model.n_layer: 3, but the weights to begin with are those of a model with 1" in result.stderr
    )


def test_git_state(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert git_state.__wrapped__() is None
    git = ["git", "-c", "user.name=me", "-c", "user.email=me@here", "-c", "init.defaultBranch=main"]
    for arguments in (["init"], ["commit", "--allow-empty", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    assert git_state.__wrapped__()["dirty"] is False and len(git_state.__wrapped__()["commit"]) == 40
    (tmp_path / "file").write_text("here")
    subprocess.run([*git, "add", "file"], check=True)
    assert git_state.__wrapped__()["dirty"] is True
    monkeypatch.setenv("PATH", "")
    assert git_state.__wrapped__() is None


def test_show_reads_files_of_older_versions(tmp_path):
    entries, metadata = read_safetensors(poem_run(NumpyDevice()).checkpoint())
    for provenance in ({}, {"pygpt": "0.0.1", "data": {"name": "poem"}}):
        (tmp_path / "old.safetensors").write_bytes(
            write_safetensors(entries, {**metadata, "provenance": json.dumps(provenance)})
        )
        assert "after 0 of 12 steps" in run_pygpt("show", tmp_path / "old.safetensors")
