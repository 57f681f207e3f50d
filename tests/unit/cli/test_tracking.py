"""`pygpt train --track`: the tracker has the metrics of the log, and no error of it stops a run."""

import json

import pytest

from pygpt.cli import main
from pygpt.runs.exports import TAGS
from tests.tiny_runs import POEM
from tests.unit.cli.test_train import QUICK

TRACKER = """
import json
def init(project, name, config):
    send({"project": project, "name": name, "steps": config["train"]["steps"]})
def log(values, step):
    send(values | {"step": step})
def finish():
    send({"finished": True})
def send(values):
    with open("sent.jsonl", "a") as file:
        file.write(json.dumps(values) + "\\n")
"""
BROKEN = "def init(**_): pass\ndef log(values, step): raise OSError('the network is down')\nfinish = init"


def train(tmp_path, monkeypatch, name, *flags):
    """Train on the poem in tmp_path, with a tracker. Returns the exit status."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "poem.txt").write_text(POEM)
    command = ["train", "baby", "--data", "poem.txt", *QUICK, "--steps", "20", "--out", "run", "--device", "numpy"]
    return main([*command, "--track", name, *flags])


def install(tmp_path, monkeypatch, source):
    """A package wandb with this source."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "wandb.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    monkeypatch.delitem(__import__("sys").modules, "wandb", raising=False)


@pytest.mark.slow
def test_tensorboard_reads_the_file_that_grows_with_the_run(tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert train(tmp_path, monkeypatch, "tensorboard") == 0
    read = EventAccumulator(str(tmp_path / "run"), size_guidance={"scalars": 0}).Reload()
    log = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [event.step for event in read.Scalars("loss/train")] == [line["step"] for line in log] == [*range(1, 21)]
    assert [event.value for event in read.Scalars("loss/train")] == pytest.approx([line["loss"] for line in log])
    assert [event.step for event in read.Scalars("loss/validation")] == [0, 10, 20]


def test_a_package_has_the_metrics_of_the_log(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, TRACKER)
    assert train(tmp_path, monkeypatch, "wandb") == 0
    begun, *steps, ended = map(json.loads, (tmp_path / "sent.jsonl").read_text().splitlines())
    assert begun == {"project": "pygpt", "name": "run", "steps": 20} and ended == {"finished": True}
    assert [step["step"] for step in steps] == [*range(21)]
    log = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [step["loss/train"] for step in steps[1:]] == [line["loss"] for line in log]
    assert set(steps[10]) <= {*TAGS.values(), "step"} and "loss/validation" in steps[10]


def test_an_error_of_a_tracker_is_said_once(tmp_path, monkeypatch, capsys):
    install(tmp_path, monkeypatch, BROKEN)
    assert train(tmp_path, monkeypatch, "wandb") == 0
    assert capsys.readouterr().err == "pygpt: wandb: the network is down. Training goes on without it.\n"
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_a_tracker_that_is_not_installed_is_refused_before_the_start(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert train(tmp_path, monkeypatch, "trackio") == 1
    assert "track: trackio is not installed: `pip install trackio`" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
