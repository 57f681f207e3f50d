"""`pygpt sweep` and `pygpt lr-range`: runs in folders, one after the other, continued where they stopped."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pygpt.cli import main
from pygpt.runs.run_folder import open_run

FILES = {"about.json", "experiment.toml", "metrics.jsonl", "model.safetensors", "samples.jsonl", ".lock"}
SWEEP = ["sweep", "bigram", "--data=poem.txt", "--device=numpy", "--train.eval-batches=1", "--out=runs/lr"]


@pytest.fixture(autouse=True)
def poem(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("poem.txt").write_text("Twinkle, twinkle, little star, how I wonder what you are!\n" * 40)


def about(name):
    return json.loads((Path("runs/lr") / name / "about.json").read_text())


def test_each_run_has_a_folder_with_the_files_of_the_lab(capsys):
    command = [*SWEEP, "--optim.learning-rate=1e-2,2e-2", "--train.seed=1..2", "--steps=3"]
    assert main([*command, "--dry-run"]) == 0
    planned = capsys.readouterr().out
    assert "lr=0.02 seed=2" in planned and "4 runs in runs/lr, about" in planned and not Path("runs").exists()
    assert main(command) == 0
    names = {f"lr={rate},seed={seed}" for rate in (0.01, 0.02) for seed in (1, 2)}
    assert {path.name for path in Path("runs/lr").iterdir()} == {*names, ".lock"}
    for name in names:
        assert {path.name for path in (Path("runs/lr") / name).iterdir()} == FILES
        found = open_run(Path("runs/lr") / name)
        assert f"lr={found.experiment.optim.learning_rate},seed={found.experiment.train.seed}" == name
        described = about(name)
        assert (described["state"], described["step"]) == ("finished", 3) and described["sweep_name"] == "lr, seed"
    assert len({about(name)["sweep"] for name in names}) == 1
    assert re.search(r"lr=0.01 seed=1 +3 +[\d.]+ +[\d.]+ +[\d.]+ +finished", capsys.readouterr().out)


def test_finished_runs_are_not_repeated_and_another_sweep_is_refused(capsys):
    command = [*SWEEP, "--train.seed=1,2", "--steps=3"]
    assert main(command) == 0
    written = {path: path.stat().st_mtime_ns for path in Path("runs/lr").rglob("model.safetensors")}
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert "of which 2 are done" in capsys.readouterr().out
    for other in ([*SWEEP, "--train.seed=1,2", "--steps=4"], [*SWEEP, "--train.seed=1..3", "--steps=3"]):
        assert main(other) == 1
        assert "has another sweep, over seed" in capsys.readouterr().err
    Path("poem.txt").write_text("another text, as long as it takes to train on it\n" * 40)
    assert main(command) == 1
    assert "its settings or its text differ" in capsys.readouterr().err


def test_a_run_that_diverges_does_not_end_the_sweep(capsys):
    command = [
        "sweep",
        "baby",
        *SWEEP[2:],
        "--optim.learning-rate=1e-3,100",
        "--optim.name=sgd",
        "--optim.momentum=0.99",
    ]
    command += [
        "--optim.grad-clip=0",
        "--optim.warmup-steps=0",
        "--steps=40",
        "--model.n-layer=1",
        "--optim.schedule=constant",
    ]
    for _ in range(2):
        assert main(command) == 0
        table = capsys.readouterr().out
        assert re.search(r"lr=100 +0 .* diverged", table) and re.search(r"lr=0.001 +40 .* finished", table), table
    assert about("lr=100")["state"] == "diverged"


def test_ctrl_c_stops_between_two_steps_and_the_same_command_goes_on():
    command = [sys.executable, "-m", "pygpt", *SWEEP, "--train.seed=1,2", "--steps=6000", "--train.eval-every=6000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    log, until = Path("runs/lr/seed=1/metrics.jsonl"), time.monotonic() + 60
    while not (log.exists() and log.stat().st_size > 200) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    printed = process.communicate(timeout=60)[0]
    assert process.returncode == 130 and "2 of 2 runs are not done. The same command goes on." in printed, printed
    stopped = about("seed=1")
    assert 0 < stopped["step"] < 6000 and stopped["state"] == "" and "waiting" in printed
    again = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"})
    assert again.returncode == 0, again.stderr
    assert about("seed=1")["id"] == stopped["id"], "the same run, continued"
    steps = [json.loads(line)["step"] for line in log.read_text().splitlines()]
    assert steps == [*range(10, 6001, 10)]
    assert {about(f"seed={seed}")["step"] for seed in (1, 2)} == {6000}


def test_mistakes_name_the_setting_before_anything_is_written(capsys):
    for flags, words in (
        (["--optim.learning-rate=1e-3,fast"], "optim.learning_rate: expected a number, got 'fast'"),
        (["--train.seed=1..500"], "train.seed: 1..500 is 500 values"),
        ([], "a sweep needs a setting with two values or more"),
    ):
        assert main([*SWEEP, *flags]) == 1
        assert words in capsys.readouterr().err
    assert not Path("runs").exists()


def test_the_range_test_suggests_a_rate(capsys):
    command = ["lr-range", "baby", "--data=poem.txt", "--device=numpy", "--model.n-layer=1", "--model.n-embd=24"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rates"][0] == 1e-6 and len(found["losses"]) == len(found["rates"]) > 50
    assert found["suggested"] == pytest.approx(min(found["steepest"], found["lowest"] / 10), rel=0.06)
    assert main(command) == 0
    assert f"--optim.learning-rate {found['suggested']}" in capsys.readouterr().out
