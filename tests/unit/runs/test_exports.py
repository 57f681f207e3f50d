"""The metrics of a run in other programs' formats, read back by those programs."""

import csv
import struct

import pytest

from pygpt.cli import main
from pygpt.devices.numpy import NumpyDevice
from pygpt.runs.archive import runs_in
from pygpt.runs.exports import AVERAGED, TAGS, csv_files, tensorboard_files
from pygpt.runs.run_folder import RunFolder, metrics_of, write_run
from pygpt.training.metrics import METRICS
from tests.tiny_runs import finish, poem_run


@pytest.fixture(scope="module")
def trained():
    """A finished run, and its metrics."""
    run = poem_run(NumpyDevice())
    return run, finish(run)


def test_csv_has_every_metric_with_all_its_digits(trained):
    rows = [*csv.DictReader(csv_files(trained[1])["metrics.csv"].decode().splitlines())]
    assert len(rows) == len(trained[1])
    for row, metric in zip(rows, trained[1]):
        assert int(row["step"]) == metric.step
        for field in METRICS:
            value = getattr(metric, field.name)
            assert row[field.name] == "" if value is None else float(row[field.name]) == value


def test_every_metric_has_a_tag():
    assert set(TAGS) == {field.name for field in METRICS}


@pytest.mark.slow
def test_tensorboard_reads_every_metric(trained, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for name, content in tensorboard_files(trained[1]).items():
        (tmp_path / name).write_bytes(content)
    read = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0}).Reload()
    measured = [name for name in TAGS if any(getattr(metric, name) is not None for metric in trained[1])]
    assert set(read.Tags()["scalars"]) == {TAGS[name] for name in measured} and len(measured) >= 5
    for name in measured:
        expected = [
            (metric.step, struct.unpack("<f", struct.pack("<f", getattr(metric, name)))[0])
            for metric in trained[1]
            if getattr(metric, name) is not None
        ]
        assert [(event.step, event.value) for event in read.Scalars(TAGS[name])] == expected


@pytest.mark.parametrize("with_log", [True, False])
def test_a_run_is_exported_with_or_without_its_log(trained, tmp_path, monkeypatch, with_log):
    run, metrics = trained
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "run", run.checkpoint())
    if with_log:
        RunFolder(tmp_path / "run").log(metrics, every=1)
    assert main(["export", "run", "out", "--to", "csv"]) == 0
    rows = [*csv.DictReader((tmp_path / "out" / "metrics.csv").read_text().splitlines())]
    assert [float(row["loss"]) for row in rows if row["loss"]] == [m.loss for m in metrics if m.loss is not None]
    # The log lacks the evaluation before the first step, which the file has.
    assert [(int(row["step"]), float(row["val_loss"])) for row in rows if row["val_loss"]] == [
        (metric.step, metric.val_loss) for metric in metrics if metric.val_loss is not None
    ]
    assert any(row["grad_norm"] for row in rows) == with_log


def test_a_loss_that_is_a_mean_of_several_steps_says_of_how_many(tmp_path):
    run = poem_run(NumpyDevice())
    finish(run)
    last = run.step
    run.metrics.curve.training[:] = [(last - 3, 3.0, last - 3), (last, 2.0, 3)]
    run.metrics.curve.stride = 4
    write_run(tmp_path / "run", run.checkpoint())
    metrics = metrics_of(tmp_path / "run", run.metrics.curve)
    rows = [*csv.DictReader(csv_files(metrics)["metrics.csv"].decode().splitlines())]
    averaged = [(int(row["step"]), float(row["loss"]), int(row["steps_averaged"])) for row in rows if row["loss"]]
    assert averaged == [(last - 3, 3.0, last - 3), (last, 2.0, 3)]
    assert {row["steps_averaged"] for row in rows if not row["loss"]} == {""}
    (events,) = tensorboard_files(metrics).values()
    assert events.count(AVERAGED.encode()) == 2


def test_an_export_of_metrics_replaces_nothing(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "run", trained[0].checkpoint())
    assert main(["export", "run", "out", "--to", "csv"]) == 0
    assert main(["export", "run", "out", "--to", "csv"]) == 1
    assert "out has a metrics.csv already" in capsys.readouterr().err


@pytest.mark.parametrize("alone", [False, True])
def test_a_run_is_archived_and_read_back(trained, tmp_path, monkeypatch, capsys, alone):
    run, metrics = trained
    monkeypatch.chdir(tmp_path)
    data = run.checkpoint()
    if alone:
        (tmp_path / "run.safetensors").write_bytes(data)
    else:
        write_run(tmp_path / "run", data)
        RunFolder(tmp_path / "run").log(metrics, every=1)
    assert main(["export", "run.safetensors" if alone else "run", "run.zip", "--to", "zip"]) == 0
    files = runs_in("run.zip", (tmp_path / "run.zip").read_bytes())["run"]
    assert files["model.safetensors"] == data and files["experiment.toml"].decode() == run.experiment.to_toml()
    assert ("metrics.jsonl" in files) != alone
    assert main(["export", "run.safetensors" if alone else "run", "run.zip", "--to", "zip"]) == 1
    assert "run.zip is there already" in capsys.readouterr().err
