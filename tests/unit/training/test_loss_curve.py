"""The loss curve that a run carries: bounded, exact, in every checkpoint, and gone on with."""

import math
import struct
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

import pygpt
from pygpt.errors import CheckpointError, DivergedError
from pygpt.huggingface import export_folder
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.runs.safetensors import Entry, read_safetensors, write_safetensors
from pygpt.server.event_log import EventLog
from pygpt.training.loss_curve import POINTS, LossCurve
from pygpt.training.run import Run
from tests.tiny_runs import experiment, finish, poem_run


def rows(metrics):
    """What the curve of a short run should hold."""
    return (
        [(m.step, m.loss, 1) for m in metrics if m.loss is not None],
        [(m.step, m.val_loss, m.accuracy) for m in metrics if m.val_loss is not None],
    )


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 20_000), st.floats(-1e6, 1e6))
def test_any_number_of_steps_stays_small_and_keeps_its_means(steps, slope):
    curve = LossCurve()
    for step in range(1, steps + 1):
        curve.add(step, slope * step)
        if step % 3 == 0:
            curve.evaluate(step, slope * step, None)
    assert len(curve.training) <= POINTS and len(curve.validation) <= POINTS
    assert sum(count for _, _, count in curve.training) == steps == curve.last_step
    for step, mean, count in curve.training:
        assert math.isclose(mean, slope * (step - (count - 1) / 2), rel_tol=1e-9, abs_tol=1e-6)
    assert len({count for _, _, count in curve.training[:-1]}) <= 1
    back = LossCurve.from_tables(curve.tables(), steps)
    assert (back.training, back.validation, back.stride) == (curve.training, curve.validation, curve.stride)


def test_a_checkpoint_carries_it_whoever_looked_when(device):
    looked, blind = poem_run(device), poem_run(device)
    for _ in looked.train():
        looked.take_metrics(device.read(looked.metrics_tensor))
    for _ in blind.train():
        continue
    curves = [read_checkpoint(run.checkpoint()).curve for run in (looked, blind)]
    assert curves[0].training == curves[1].training and curves[0].validation == curves[1].validation
    # To save takes nothing away from who reads the losses afterwards.
    assert (curves[1].training, curves[1].validation) == rows(blind.take_metrics(device.read(blind.metrics_tensor)))


def test_a_run_that_goes_on_has_the_whole_of_it(device):
    whole = poem_run(device)
    known = rows(finish(whole))
    run = poem_run(device)
    finish(run, at_most=7)
    again = Run.restore(run.checkpoint(), device)
    assert again.metrics.curve.last_step == 7
    finish(again)
    curve = read_checkpoint(again.checkpoint()).curve
    assert (curve.training, curve.validation) == known


def test_the_step_under_evaluation_is_in_it(cpu):
    run = poem_run(cpu)
    for event in run.train():
        if event.kind == "evaluating" and event.step == 5:
            break
    run.take_metrics(cpu.read(run.metrics_tensor))  # which waits for the evaluation
    curve = read_checkpoint(run.checkpoint()).curve
    assert curve.last_step == 5 and [step for step, _, _ in curve.validation] == [0]


def test_a_run_that_diverges_keeps_what_was_finite(cpu):
    run = poem_run(
        cpu,
        **{
            "optim.learning_rate": 100.0,
            "optim.grad_clip": 0.0,
            "optim.weight_decay": 10.0,
            "optim.warmup_steps": 0,
            "optim.schedule": "constant",
            "train.steps": 60,
        },
    )
    with pytest.raises(DivergedError) as caught, np.errstate(all="ignore"):
        finish(run)
    assert run.metrics.curve.last_step == caught.value.step - 1
    assert all(math.isfinite(loss) for _, loss, _ in run.metrics.curve.training)


@pytest.fixture(scope="module")
def saved():
    from pygpt.devices.numpy import NumpyDevice

    run = poem_run(NumpyDevice())
    finish(run)
    return run, run.checkpoint()


def test_any_reader_of_safetensors_gives_it_as_numbers(saved):
    run, data = saved
    arrays = safetensors.numpy.load(data)
    steps, losses, counts = arrays["curve.training"].T
    assert steps.tolist() == [*range(1, 13)] and counts.tolist() == [1] * 12
    assert losses.tolist() == [loss for _, loss, _ in run.metrics.curve.training]
    assert (
        arrays["curve.validation"][:, 0].tolist() == [0, 5, 10, 12] and np.isnan(arrays["curve.validation"][:, 2]).all()
    )
    # In place, as a map of the file would have them.
    start = 8 + int.from_bytes(data[:8], "little")
    assert start % 8 == 0 and data[start : start + 8] == struct.pack("<d", 1.0)


def test_files_of_before_open_as_they_did(saved, cpu):
    run, data = saved
    entries, metadata = read_safetensors(data)
    old = write_safetensors({name: entry for name, entry in entries.items() if not name.startswith("curve.")}, metadata)
    again = Run.restore(old, cpu, steps=14)
    assert again.metrics.curve.empty
    assert [m.step for m in finish(again)] == [13, 14]
    assert [step for step, _, _ in read_checkpoint(again.checkpoint()).curve.training] == [13, 14]


def test_another_program_gets_the_model_without_it(saved):
    content = export_folder(read_checkpoint(saved[1]))["model.safetensors"]
    entries, _ = read_safetensors(content if isinstance(content, bytes) else b"".join(content))
    assert entries and not [name for name in entries if "curve" in name]


def table(*values):
    return Entry("F64", (len(values) // 3, 3), struct.pack(f"<{len(values)}d", *values))


LIES = {
    "another type": ("training", Entry("F32", (1, 3), bytes(12)), "rows of three F64"),
    "another width": ("training", Entry("F64", (3, 1), bytes(24)), "rows of three F64"),
    "flat": ("validation", Entry("F64", (3,), bytes(24)), "rows of three F64"),
    "too long": ("training", Entry("F64", (POINTS + 1, 3), bytes(24 * (POINTS + 1))), "2000 at most"),
    "wider than it has rows": ("training", Entry("F64", (0, 2**40), b""), "rows of three F64"),
    "a loss that is no number": ("training", table(1, math.nan, 1), "damaged"),
    "half a step": ("training", table(1.5, 2, 1), "damaged"),
    "a step that was not taken": ("training", table(13, 2, 1), "damaged"),
    "a step before the first": ("training", table(0, 2, 1), "damaged"),
    "steps that go back": ("training", table(2, 2, 1, 1, 2, 1), "damaged"),
    "steps that overlap": ("training", table(2, 2, 2, 3, 2, 2), "damaged"),
    "the mean of nothing": ("training", table(1, 2, 0), "damaged"),
    "the mean of endless steps": ("training", table(1, 2, math.inf), "damaged"),
    "an endless step": ("training", table(math.inf, 2, 1), "damaged"),
    "evaluated twice": ("validation", table(5, 2, math.nan, 5, 2, math.nan), "damaged"),
    "evaluated later": ("validation", table(99, 2, math.nan), "damaged"),
    "an endless loss": ("validation", table(5, math.inf, math.nan), "damaged"),
    "an endless share": ("validation", table(5, 2, -math.inf), "damaged"),
}


@pytest.mark.parametrize("name, entry, message", LIES.values(), ids=LIES)
def test_a_curve_that_lies(saved, name, entry, message):
    entries, metadata = read_safetensors(saved[1])
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(write_safetensors({**entries, f"curve.{name}": entry}, metadata))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["training", "validation"]), st.lists(st.floats() | st.integers(0, 12).map(float), max_size=12))
def test_curves_of_every_kind(saved, name, values):
    entries, metadata = read_safetensors(saved[1])
    lie = table(*values[: len(values) // 3 * 3])
    try:
        curve = read_checkpoint(write_safetensors({**entries, f"curve.{name}": lie}, metadata)).curve
    except CheckpointError as error:
        assert len(str(error)) > 20
    else:
        assert len(getattr(curve, name)) == lie.shape[0]


def test_the_habits_of_a_model_keep_it(tmp_path, cpu):
    model = pygpt.LanguageModel(experiment(), cpu)
    model.fit("the cat sat on the mat. " * 40, steps=6)
    model.save(tmp_path)
    again = pygpt.load(tmp_path, cpu)
    again.save(tmp_path / "copy")
    curves = [
        read_checkpoint(Path(path, "model.safetensors").read_bytes()).curve for path in (tmp_path, tmp_path / "copy")
    ]
    assert curves[0].last_step == 6 and curves[0].tables() == curves[1].tables()


def test_the_event_log_catches_a_reader_up_and_a_page():
    log, run = EventLog(), {"step": 0, "experiment": {"train": {"steps": 9000}}}
    log.take({"type": "started", "run_id": "a", "run": run})
    for step in range(1, 5001):
        log.take({"type": "progress", "steps": [step], "losses": [1.0], "ms_per_step": 2.0})
        if step % 1000 == 0:
            log.take({"type": "evaluated", "step": step, "val_loss": 2.0, "accuracy": None})
    drawn = {event["type"]: event for event in log.events_for_page()}
    assert len(drawn["curve"]["training"]) <= POINTS and drawn["curve"]["training"][-1][0] == 5000 == log.step
    assert drawn["progress"]["steps"] == [] and drawn["progress"]["ms_per_step"] == 2.0
    later = log.events_after(4000)
    assert later[0]["type"] == "progress" and min(later[0]["steps"]) > 4000 and later[0]["steps"][-1] == 5000
    assert [event["step"] for event in later if event["type"] == "evaluated"] == [5000]
    log.take({"type": "resumed", "step": 4500})
    assert log.curve.last_step <= 4500 and [step for step, _, _ in log.curve.validation] == [1000, 2000, 3000, 4000]
