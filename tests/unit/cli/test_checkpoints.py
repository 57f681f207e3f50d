"""`pygpt train --checkpoints`: what it keeps along a run, and the commands that read it."""

import json

import pytest

from pygpt.cli import main
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.runs.run_folder import checkpoint_steps, open_run
from tests.unit.cli.test_train import arguments, poem, refused  # noqa: F401 (a fixture)


@pytest.fixture
def folder(poem, tmp_path):  # noqa: F811
    """A run of 20 steps that kept its checkpoints, saved as often as it can be."""
    out = tmp_path / "run"
    assert main([*arguments(poem, out), "--checkpoints", "--save-every", "0"]) == 0
    return out


def samples(folder) -> dict[int, str]:
    return {line["step"]: line["text"] for line in map(json.loads, (folder / "samples.jsonl").read_text().splitlines())}


def test_a_run_keeps_checkpoints_with_a_sample_each(folder, poem, tmp_path, capsys):  # noqa: F811
    steps = checkpoint_steps(folder)
    assert steps[0] == 0 and steps[-1] == 20 and [*samples(folder)] == steps
    assert main(["train", "--resume", str(folder), "--steps", "60", "--checkpoints", "--save-every", "0"]) == 0
    longer = checkpoint_steps(folder)
    assert longer[: len(steps)] == steps and longer[-1] == 60 and [*samples(folder)] == longer
    assert main(arguments(poem, tmp_path / "without")) == 0
    assert not (tmp_path / "without" / "checkpoints").exists()


def test_a_checkpoint_is_sampled_and_begins_another_run(folder, tmp_path, capsys):
    capsys.readouterr()
    texts = []
    for run in (f"{folder}@0", folder):
        assert main(["sample", str(run), "--max-new-tokens", "160", "--device", "numpy"]) == 0
        texts.append(capsys.readouterr().out.removesuffix("\n"))
    assert texts[1] == samples(folder)[20] and texts[0] != texts[1], "the default prompt and seed of both are the same"
    branch = tmp_path / "branch"
    command = ["train", "--init-from", f"{folder}@0", "--out", str(branch), "--steps", "5", "--device", "numpy"]
    assert main(command) == 0
    assert f"the initial weights are those of {folder}@0, after step 0" in capsys.readouterr().out.lower()
    first = read_checkpoint((folder / "checkpoints" / "0.safetensors").read_bytes())
    began = open_run(branch).provenance["init_from"]
    assert (began["step"], began["run"]) == (0, first.provenance["run"])


@pytest.mark.parametrize(
    "command, sentence",
    [
        (["sample", "{}@7000"], "has no checkpoint of step 7,000; it has those of steps 0, "),
        (["train", "--init-from", "{}@7000"], "has no checkpoint of step 7,000; it has those of steps 0, "),
        (["train", "--resume", "{}@0"], "has the weights of step 0 alone"),
        (["train", "--resume", "{}/checkpoints/0.safetensors"], "has the weights of step 0 alone"),
    ],
)
def test_a_step_without_a_checkpoint_is_refused(folder, command, sentence, capsys):
    assert sentence in refused(capsys, *(word.format(folder) for word in command))


def test_a_new_run_in_the_folder_sets_the_checkpoints_of_the_last_one_aside(folder, poem, capsys):  # noqa: F811
    before = checkpoint_steps(folder)
    assert main([*arguments(poem, folder, steps=3), "--checkpoints"]) == 0
    assert "checkpoints.1" in capsys.readouterr().out
    assert len([*(folder / "checkpoints.1").iterdir()]) == len(before) and checkpoint_steps(folder) == [0, 3]


def test_checkpoints_that_cannot_be_written_end_no_training(poem, tmp_path, capsys):  # noqa: F811
    out = tmp_path / "run"
    out.mkdir()
    (out / "checkpoints").write_text("a file of the user's in its place")
    assert main([*arguments(poem, out), "--checkpoints", "--save-every", "0"]) == 0
    error = capsys.readouterr().err
    assert (
        error.count("\n") == 1 and f"a checkpoint in {out / 'checkpoints'}: " in error and "Training goes on" in error
    )
    assert open_run(out).step == 20
