"""The folder of a run: the lines of metrics.jsonl, and what happens to an older run."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pygpt.errors import CheckpointError
from pygpt.runs.run_folder import RunFolder, open_run, read_beginning, write_run
from pygpt.training.driver import Driver
from pygpt.training.metrics import Metric
from tests.tiny_runs import poem_run
from tests.unit.training.test_driver import drive

METRICS = [
    Metric(0, val_loss=3.0),
    Metric(1, loss=3.0, learning_rate=0.1, ms_per_step=1.23456, tokens_per_second=1234.56),
    Metric(2, loss=2.9, learning_rate=0.2),
    Metric(3, loss=2.8, learning_rate=0.3, val_loss=2.85, accuracy=0.5),
    Metric(4, loss=2.7, learning_rate=0.4, grad_norm=0.75, update_ratio=0.001),
]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["step", "loss", "lr", "val_loss", "x"]), inner),
    max_leaves=6,
)


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_the_log_has_every_nth_step_and_each_evaluation(tmp_path):
    folder = RunFolder(tmp_path)
    folder.log(METRICS, every=2)
    assert lines(tmp_path) == [
        {"step": 2, "loss": 2.9, "lr": 0.2},
        {"step": 3, "loss": 2.8, "lr": 0.3, "val_loss": 2.85, "accuracy": 0.5},
        {"step": 4, "loss": 2.7, "lr": 0.4, "grad_norm": 0.75, "update_ratio": 0.001},
    ]
    assert folder.read_metrics() == METRICS[2:]


def test_times_are_rounded_in_the_log(tmp_path):
    RunFolder(tmp_path).log(METRICS[:2], every=1)
    assert lines(tmp_path) == [{"step": 1, "loss": 3.0, "lr": 0.1, "ms": 1.235, "tokens_per_second": 1234.6}]


def test_a_continued_run_drops_the_lines_after_its_checkpoint(tmp_path, cpu):
    run = poem_run(cpu)
    folder = RunFolder(tmp_path)
    folder.log(METRICS, every=1)
    with folder.metrics.open("a") as file:
        file.write('{"step": 5, "lo')  # a crash cut the line short
    folder.begin(run.experiment, run.tokenizer, 3)
    assert [line["step"] for line in lines(tmp_path)] == [1, 2, 3]
    folder.begin(run.experiment, run.tokenizer, 0)
    assert lines(tmp_path) == []


def test_the_log_of_a_trained_run_has_the_rate_of_each_step(tmp_path, cpu):
    """Computed here by hand: warmup over 10 steps to 0.01, then linear decay, 0.001 after step 50."""
    run = poem_run(
        cpu,
        **{
            "train.steps": 50,
            "train.eval_every": 25,
            "optim.warmup_steps": 10,
            "optim.schedule": "linear",
            "optim.learning_rate": 0.01,
            "optim.min_learning_rate": 0.001,
        },
    )
    folder = RunFolder(tmp_path)
    folder.log(drive(Driver(run)), every=1)
    rates = [line["lr"] for line in lines(tmp_path)]
    rising = [0.01 * step / 11 for step in range(1, 11)]
    falling = [0.01 - 0.009 * (step - 11) / 40 for step in range(11, 51)]
    assert rates == pytest.approx(rising + falling, rel=1e-12)


def test_an_earlier_run_keeps_its_weights_and_its_log_under_other_names(tmp_path):
    folder = RunFolder(tmp_path)
    assert folder.set_aside_earlier_run() == []
    for number in (1, 2):
        folder.save(b"weights %d" % number)
        folder.log([Metric(number, loss=2.5)], every=1)
        assert folder.set_aside_earlier_run() == [f"model.{number}.safetensors", f"metrics.{number}.jsonl"]
    assert not folder.model.exists() and not folder.metrics.exists()
    assert [(tmp_path / f"model.{n}.safetensors").read_bytes() for n in (1, 2)] == [b"weights 1", b"weights 2"]
    assert [json.loads((tmp_path / f"metrics.{n}.jsonl").read_text())["step"] for n in (1, 2)] == [1, 2]
    # A run that was killed before its first checkpoint has a log alone; its number is free for both.
    folder.log([Metric(3, loss=2.5)], every=1)
    assert folder.set_aside_earlier_run() == ["metrics.3.jsonl"]


def test_a_log_of_any_content_is_read_as_far_as_it_is_one(tmp_path):
    folder = RunFolder(tmp_path)
    bad = [
        b"\xff\xfe",
        b"[" * 10000,
        b"1",
        b'{"step": "1"}',
        b'{"step": -1}',
        b'{"step": 1, "loss": NaN}',
        b"x" * 200_000,
    ]
    bad += [b'{"step": true}', b'{"step": 1, "loss": [1]}', b'{"step": 1e400}', b'{"step": 9999999999}', b"\0", b""]
    folder.metrics.write_bytes(b"\n".join([*bad, b'{"step": 7, "loss": 2}', b'{"step": 8, "lo']))
    assert folder.read_metrics() == [Metric(7, loss=2)]


@settings(deadline=None)
@given(st.lists(st.binary() | st.builds(lambda value: json.dumps(value).encode(), JSON)))
def test_no_content_of_a_log_is_an_error(tmp_path_factory, content):
    folder = RunFolder(tmp_path_factory.getbasetemp())
    folder.metrics.write_bytes(b"\n".join(content))
    for metric in folder.read_metrics():
        assert Metric.from_line(json.loads(json.dumps(metric.line()))) is not None


def test_a_log_that_could_not_be_written_is_written_later(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(CheckpointError, match="cannot be written"):
        folder.log(METRICS[:2], 1)
    (tmp_path / "run").mkdir()
    folder.log(METRICS[2:], 1)
    assert [line["step"] for line in lines(tmp_path / "run")] == [1, 2, 3, 4]


def test_the_log_of_a_pipe_or_a_folder_is_empty(tmp_path):
    for make in (os.mkfifo, os.mkdir):
        make(tmp_path / "metrics.jsonl")
        assert RunFolder(tmp_path).read_metrics() == []
        make is os.mkfifo and os.unlink(tmp_path / "metrics.jsonl")


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    folder = RunFolder(tmp_path / "file" / "run")
    for write in (folder.claim, lambda: folder.save(b""), lambda: folder.log(METRICS, 1)):
        with pytest.raises(CheckpointError, match="cannot be written"):
            write()


def test_the_beginning_of_a_file_says_the_same_as_the_whole(tmp_path, cpu):
    """Also the training loss of a long run, whose curve is thinned."""
    run = poem_run(cpu)
    drive(Driver(run))
    run.metrics.curve.smoothed = 1.25  # unlike that of the rows
    write_run(tmp_path, run.checkpoint())
    header, curve = read_beginning(tmp_path)
    whole = open_run(tmp_path)
    assert (header.experiment, header.step, header.provenance) == (whole.experiment, whole.step, whole.provenance)
    assert (curve.training, curve.validation) == (whole.curve.training, whole.curve.validation)
    assert curve.smoothed == whole.curve.smoothed == 1.25


def test_a_run_whose_folder_was_moved_does_not_write_into_the_run_in_its_place(tmp_path):
    first, second = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "run")
    with first.claim():
        first.save(b"first")
        (tmp_path / "run").rename(tmp_path / "moved")
        with second.claim():
            second.save(b"second")
            for write in (lambda: first.save(b"again"), lambda: first.log(METRICS, 1)):
                with pytest.raises(CheckpointError, match="another run has begun in its place"):
                    write()
            second.log(METRICS, 1)
            assert (second.model.read_bytes(), (tmp_path / "moved" / "model.safetensors").read_bytes()) == (
                b"second",
                b"first",
            )
        (tmp_path / "run").rename(tmp_path / "elsewhere")
        first.save(b"again")
        assert first.model.read_bytes() == b"again"
