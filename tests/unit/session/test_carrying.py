"""Runs that leave a session as files, and come back into another."""

import asyncio
import csv
import io
import json
import zipfile

import pytest

from pygpt.runs.checkpoint import read_checkpoint
from tests.unit.session.test_runs import DRAFT, Recorded


def sent(lab, message, data=None):
    """The events that answer a command, by type."""
    before = len(lab.events)
    asyncio.run(lab.send(message, data))
    return {event["type"]: event for event in lab.events[before:]}


def exported(lab, to):
    """The name and the bytes of an export of baby-1."""
    return sent(lab, {"type": "export_run", "copy": "baby-1", "to": to})["run_exported"]["name"], lab.files[-1]


@pytest.fixture
def trained(tmp_path):
    """A session with a run that has ended."""
    lab = Recorded(tmp_path / "run")
    asyncio.run(lab.train())
    asyncio.run(lab.send({"type": "describe_run", "copy": "baby-1", "name": "Anna's run", "notes": "the first"}, None))
    return lab


def test_a_run_is_exported_in_every_format(trained):
    name, data = exported(trained, "file")
    assert name == "Anna's-run.safetensors" and read_checkpoint(data).step == 40
    name, archive = exported(trained, "zip")
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        assert files.read("baby-1/model.safetensors") == data and files.testzip() is None
        assert {"baby-1/about.json", "baby-1/experiment.toml", "baby-1/metrics.jsonl"} <= set(files.namelist())
    name, table = exported(trained, "csv")
    rows = [*csv.DictReader(table.decode().splitlines())]
    assert name == "Anna's-run-metrics.csv" and [row["step"] for row in rows][:2] == ["0", "8"]
    name, events = exported(trained, "tensorboard")
    assert "tfevents" in name and b"loss/train" in events
    assert exported(trained, "samples")[1].startswith(b"Step 0\n\n")
    name, folder = exported(trained, "hf")
    with zipfile.ZipFile(io.BytesIO(folder)) as files:
        assert {"config.json", "tokenizer.json", "model.safetensors"} <= set(files.namelist())
    error = sent(trained, {"type": "export_run", "copy": "baby-1", "to": "pdf"})["error"]
    assert "choose file, zip, hf, csv, samples, tensorboard" in error["message"]


def test_runs_of_a_class_become_kept_runs(trained, tmp_path):
    """The file and the archive of one run are the same run; what cannot be read is named, and the others are kept."""
    (_, data), (_, archive) = exported(trained, "file"), exported(trained, "zip")
    other = Recorded(tmp_path / "other")
    imported = sent(other, {"type": "import_runs", "name": "Anna.zip"}, archive)["imported"]
    assert (imported["copies"], imported["known"], imported["refused"]) == (["baby-1"], [], [])
    (run,) = other.all("found")[-1]["runs"]
    assert (run["name"], run["notes"], run["step"], run["open"]) == ("Anna's run", "the first", 40, "")
    kept = trained.all("found")[-1]["runs"][0]
    for fact in ("id", "text", "steps", "loss", "val_loss", "parameters", "bytes_per_token", "differs"):
        assert run[fact] == kept[fact], fact
    assert run["seconds"] == pytest.approx(kept["seconds"])
    again = sent(other, {"type": "import_runs", "name": "Ben.safetensors"}, data)["imported"]
    assert (again["copies"], again["known"]) == ([], ["baby-1"])
    read = sent(other, {"type": "read_run", "copy": "baby-1"})["run_read"]
    assert read["metrics"]["step"][-1] == 40 and [one["step"] for one in read["samples"]] == [0, 40]

    mixed = io.BytesIO()
    with zipfile.ZipFile(mixed, "w") as files:
        files.writestr("ben.safetensors", data.replace(kept["id"].encode(), b"0123456789ab"))
        files.writestr("cleo.safetensors", data[:2000])
    imported = sent(other, {"type": "import_runs", "name": "class.zip"}, mixed.getvalue())["imported"]
    assert imported["copies"] == ["baby-2"]
    (refused,) = imported["refused"]
    assert refused.startswith("class.zip: cleo: ")
    assert {run["name"] for run in other.all("found")[-1]["runs"]} == {"Anna's run", "ben"}


def test_what_comes_with_a_run_is_checked(trained, tmp_path):
    """A stranger's description gives a name and notes, and its logs give lines that are such."""
    _, data = exported(trained, "file")
    archive = io.BytesIO()
    about = {"name": ["no name"], "notes": 5, "differs": "?", "star": True, "step": "many", "deleted": 1}
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("x/model.safetensors", data)
        files.writestr("x/about.json", json.dumps(about))
        files.writestr("x/metrics.jsonl", '{"step": 8, "loss": 3.0}\n{"step": -1}\nnothing\n')
        files.writestr("x/samples.jsonl", '{"step": 0, "text": "a"}\n{"step": "b"}\n')
        files.writestr("x/experiment.toml", "name = 'another'")
    other = Recorded(tmp_path / "other")
    assert sent(other, {"type": "import_runs", "name": "x.zip"}, archive.getvalue())["imported"]["copies"] == ["baby-1"]
    (run,) = other.all("found")[-1]["runs"]
    assert (run["name"], run["notes"], run["star"], run["step"]) == ("x", "", False, 40)
    read = sent(other, {"type": "read_run", "copy": "baby-1"})["run_read"]
    assert read["metrics"]["step"] == [8] and [one["step"] for one in read["samples"]] == [0]
    assert DRAFT.to_toml() in [path.read_text() for path in tmp_path.rglob("experiment.toml")]
