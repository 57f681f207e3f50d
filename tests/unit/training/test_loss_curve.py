"""The loss curve of a run: bounded, exact, saved in every checkpoint, and continued by a resumed run."""

import dataclasses
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
from pygpt.runs.checkpoint import read_checkpoint, write_checkpoint
from pygpt.runs.safetensors import Entry, read_safetensors, write_safetensors
from pygpt.server.event_log import EventLog
from pygpt.session.messages import Progress
from pygpt.training.loss_curve import POINTS, LossCurve
from pygpt.training.run import Run
from tests.tiny_runs import experiment, finish, poem_run


def rows(metrics):
    """The expected curve of a short run."""
    return (
        [(m.step, m.loss, 1) for m in metrics if m.loss is not None],
        [(m.step, m.val_loss, m.accuracy) for m in metrics if m.val_loss is not None],
    )


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 20_000), st.floats(-1e6, 1e6))
def test_a_curve_of_any_length_stays_bounded_and_keeps_exact_means(steps, slope):
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
    read = LossCurve.from_tables(curve.tables(), steps)
    assert (read.training, read.validation, read.stride) == (curve.training, curve.validation, curve.stride)


def moving_average(losses):
    """As lab/state/reducer.js shows it while a run trains."""
    average, *later = losses
    for loss in later:
        average += 0.1 * (loss - average)
    return average


def test_the_training_loss_of_a_long_run_is_the_same_after_it_was_opened(saved):
    losses = [2 + math.sin(step) for step in range(50_000)]
    curve = LossCurve()
    for step, loss in enumerate(losses, 1):
        curve.add(step, loss)
    checkpoint = read_checkpoint(saved[1])
    experiment = checkpoint.experiment.with_fields(**{"train.steps": len(losses)})
    checkpoint = dataclasses.replace(checkpoint, experiment=experiment, curve=curve, step=len(losses))
    assert curve.stride == 32, "the rows are means of more steps than the average weighs"
    assert read_checkpoint(write_checkpoint(checkpoint)).curve.smoothed == moving_average(losses)


def test_the_training_loss_of_a_file_without_one_weighs_the_steps_of_a_row():
    assert LossCurve([(10, 3.0, 10), (20, 2.0, 10)]).smoothed == pytest.approx(moving_average([3.0] * 10 + [2.0] * 10))
    curve = LossCurve([(1, 3.0, 1), (2, 2.0, 1), (3, 1.0, 1)])
    curve.truncate_after(2)
    assert curve.smoothed == pytest.approx(moving_average([3.0, 2.0])) and LossCurve().smoothed is None


def test_a_checkpoint_has_the_curve_whether_or_not_metrics_were_read(device):
    read, unread = poem_run(device), poem_run(device)
    for _ in read.train():
        read.take_metrics(device.read(read.metrics_tensor))
    for _ in unread.train():
        continue
    curves = [read_checkpoint(run.checkpoint()).curve for run in (read, unread)]
    assert curves[0].training == curves[1].training and curves[0].validation == curves[1].validation
    # Saving does not consume the metrics: a later read still returns all of them.
    assert (curves[1].training, curves[1].validation) == rows(unread.take_metrics(device.read(unread.metrics_tensor)))


def test_a_resumed_run_has_the_whole_curve(device):
    whole = poem_run(device)
    expected = rows(finish(whole))
    run = poem_run(device)
    finish(run, at_most=7)
    restored = Run.restore(run.checkpoint(), device)
    assert restored.metrics.curve.last_step == 7
    finish(restored)
    curve = read_checkpoint(restored.checkpoint()).curve
    assert (curve.training, curve.validation) == expected


def test_a_checkpoint_holds_the_step_under_evaluation_back(cpu):
    run = poem_run(cpu)
    for event in run.train():
        if event.kind == "evaluating" and event.step == 5:
            break
    run.take_metrics(cpu.read(run.metrics_tensor))  # holds back step 5 until its evaluation ends
    checkpoint = read_checkpoint(run.checkpoint())
    assert checkpoint.curve.last_step == 4 and [step for step, _, _ in checkpoint.curve.validation] == [0]
    assert checkpoint.held.step == 5 and math.isfinite(checkpoint.held.loss) and checkpoint.held.val_loss is None


def test_a_diverging_run_keeps_its_finite_losses(cpu):
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


def test_the_safetensors_library_reads_the_curve(saved):
    run, data = saved
    arrays = safetensors.numpy.load(data)
    steps, losses, counts = arrays["curve.training"].T
    assert steps.tolist() == [*range(1, 13)] and counts.tolist() == [1] * 12
    assert losses.tolist() == [loss for _, loss, _ in run.metrics.curve.training]
    assert (
        arrays["curve.validation"][:, 0].tolist() == [0, 5, 10, 12] and np.isnan(arrays["curve.validation"][:, 2]).all()
    )
    # Aligned, so that a memory map of the file can use the numbers in place.
    start = 8 + int.from_bytes(data[:8], "little")
    assert start % 8 == 0 and data[start : start + 8] == struct.pack("<d", 1.0)


def test_files_without_a_curve_still_open(saved, cpu):
    run, data = saved
    entries, metadata = read_safetensors(data)
    old = write_safetensors({name: entry for name, entry in entries.items() if not name.startswith("curve.")}, metadata)
    restored = Run.restore(old, cpu, steps=14)
    assert restored.metrics.curve.empty
    assert [m.step for m in finish(restored)] == [13, 14]
    assert [step for step, _, _ in read_checkpoint(restored.checkpoint()).curve.training] == [13, 14]


def test_an_exported_model_has_no_curve(saved):
    content = export_folder(read_checkpoint(saved[1]))["model.safetensors"]
    entries, _ = read_safetensors(content if isinstance(content, bytes) else b"".join(content))
    assert entries and not [name for name in entries if "curve" in name]


def table(*values):
    return Entry("F64", (len(values) // 3, 3), struct.pack(f"<{len(values)}d", *values))


INVALID = {
    "another type": ("training", Entry("F32", (1, 3), bytes(12)), "rows of three F64"),
    "another width": ("training", Entry("F64", (3, 1), bytes(24)), "rows of three F64"),
    "flat": ("validation", Entry("F64", (3,), bytes(24)), "rows of three F64"),
    "too long": ("training", Entry("F64", (POINTS + 1, 3), bytes(24 * (POINTS + 1))), "at most 2000"),
    "no rows and too many columns": ("training", Entry("F64", (0, 2**40), b""), "rows of three F64"),
    "a loss of NaN": ("training", table(1, math.nan, 1), "damaged"),
    "a fractional step": ("training", table(1.5, 2, 1), "damaged"),
    "a step after the last": ("training", table(13, 2, 1), "damaged"),
    "a step before the first": ("training", table(0, 2, 1), "damaged"),
    "descending steps": ("training", table(2, 2, 1, 1, 2, 1), "damaged"),
    "overlapping steps": ("training", table(2, 2, 2, 3, 2, 2), "damaged"),
    "a mean of no steps": ("training", table(1, 2, 0), "damaged"),
    "a mean of infinitely many steps": ("training", table(1, 2, math.inf), "damaged"),
    "an infinite step": ("training", table(math.inf, 2, 1), "damaged"),
    "a repeated evaluation": ("validation", table(5, 2, math.nan, 5, 2, math.nan), "damaged"),
    "an evaluation after the last step": ("validation", table(99, 2, math.nan), "damaged"),
    "an infinite loss": ("validation", table(5, math.inf, math.nan), "damaged"),
    "an infinite accuracy": ("validation", table(5, 2, -math.inf), "damaged"),
}


@pytest.mark.parametrize("text", ["nan", "inf", "", "two", "0x2"])
def test_an_invalid_moving_average_is_rejected(saved, text):
    entries, metadata = read_safetensors(saved[1])
    with pytest.raises(CheckpointError, match="expected a number"):
        read_checkpoint(write_safetensors(entries, {**metadata, "smoothed_loss": text}))


@pytest.mark.parametrize("name, entry, message", INVALID.values(), ids=INVALID)
def test_an_invalid_curve_is_rejected(saved, name, entry, message):
    entries, metadata = read_safetensors(saved[1])
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(write_safetensors({**entries, f"curve.{name}": entry}, metadata))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["training", "validation"]), st.lists(st.floats() | st.integers(0, 12).map(float), max_size=12))
def test_random_curves_are_read_or_rejected(saved, name, values):
    entries, metadata = read_safetensors(saved[1])
    entry = table(*values[: len(values) // 3 * 3])
    try:
        curve = read_checkpoint(write_safetensors({**entries, f"curve.{name}": entry}, metadata)).curve
    except CheckpointError as error:
        assert len(str(error)) > 20
    else:
        assert len(getattr(curve, name)) == entry.shape[0]


def test_a_language_model_saves_and_loads_its_curve(tmp_path, cpu):
    model = pygpt.LanguageModel(experiment(), cpu)
    model.fit("the cat sat on the mat. " * 40, steps=6)
    model.save(tmp_path)
    loaded = pygpt.load(tmp_path, cpu)
    loaded.save(tmp_path / "copy")
    curves = [
        read_checkpoint(Path(path, "model.safetensors").read_bytes()).curve for path in (tmp_path, tmp_path / "copy")
    ]
    assert curves[0].last_step == 6 and curves[0].tables() == curves[1].tables()


def test_the_event_log_catches_up_subscribers_and_pages():
    log, run = EventLog(), {"step": 0, "experiment": {"train": {"steps": 9000}}}
    log.add({"type": "started", "run_id": "a", "run": run})
    for step in range(1, 5001):
        logged = {"step": [step], "grad_norm": [step / 10]} if step % 100 == 0 else {}
        log.add({"type": "progress", "steps": [step], "losses": [1.0], "ms_per_step": 2.0, "logged": logged})
        if step % 1000 == 0:
            log.add({"type": "evaluated", "step": step, "val_loss": 2.0, "accuracy": None})
    page = {event["type"]: event for event in log.events_for_page()}
    assert len(page["curve"]["training"]) <= POINTS and page["curve"]["training"][-1][0] == 5000 == log.step
    assert page["progress"]["steps"] == [] and page["progress"]["ms_per_step"] == 2.0
    assert page["progress"]["logged"] == {"step": [5000], "grad_norm": [500.0]}
    new = log.events_after(4000)
    assert new[0]["type"] == "progress" and min(new[0]["steps"]) > 4000 and new[0]["steps"][-1] == 5000
    assert [event["step"] for event in new if event["type"] == "evaluated"] == [5000]
    assert {**new[0], "steps": [], "losses": []} == page["progress"]
    log.add({"type": "resumed", "step": 4500, "steps": 9000})
    assert log.curve.last_step <= 4500 and [step for step, _, _ in log.curve.validation] == [1000, 2000, 3000, 4000]


def test_the_event_log_of_a_resumed_run_has_losses_before_its_first_progress():
    log = EventLog()
    run = {"step": 3, "experiment": {"train": {"steps": 9}}}
    log.add({"type": "opened", "run_id": "a", "run": run})
    log.add({"type": "curve", "run_id": "a", "step": 3, "training": [(3, 2.5, 3)], "validation": [], "smoothed": 2.25})
    assert log.events_after()[1] == Progress("a", [3], [2.5], None, None, None, None, {}).to_dict()


def test_the_event_log_of_a_run_that_is_back_at_its_last_copy_has_nothing_later():
    log, run = EventLog(), {"step": 0, "experiment": {"train": {"steps": 9}}}
    log.add({"type": "started", "run_id": "a", "run": run})
    log.add({"type": "progress", "steps": [1, 2, 3, 4], "losses": [4.0, 3.0, 2.0, 1.0], "ms_per_step": 2.0})
    for step in (0, 2, 4):
        log.add({"type": "sample", "step": step, "text": "x"})
    log.add({"type": "paused", "step": 4})
    back = {"training": [(1, 4.0, 1), (2, 3.0, 1)], "validation": [], "smoothed": 3.5}
    log.add({"type": "curve", "run_id": "a", "step": 2, **back})
    curve, *samples, paused = log.events_for_page()[1:]
    assert (curve["step"], curve["training"]) == (2, back["training"]) and paused["step"] == 2 == log.step
    assert [sample["step"] for sample in samples] == [0, 2]
