"""A run gives the same bits every time, captured or eager, resumed or not; and the errors that stop it."""

import gc
import math
import struct

import pytest

from pygpt.data import text_from_bytes
from pygpt.errors import CheckpointError, DataError, DivergedError, ExperimentError
from pygpt.optim import schedules
from pygpt.tensor.tensor import ARRAY_CODE, tensor
from pygpt.training.evaluate import evaluate_text
from pygpt.training.run import Run
from tests.tiny_runs import NAMES, POEM, bits, experiment, finish, poem_run

KINDS = {
    "bigram": {"model.kind": "bigram"},
    "gpt": {},
    "gpt-with-everything": {"model.dropout": 0.2, "model.bias": True, "model.tie_weights": False},
    "documents": {"data.layout": "documents", "data.val_fraction": 0.2},
    "bytes": {"data.tokenizer": "byte"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns(kind, device):
    metrics = finish(poem_run(device, **KINDS[kind], **{"train.steps": 40}))
    validation = [m.val_loss for m in metrics if m.val_loss is not None]
    assert validation[-1] < validation[0] - 0.2
    assert [m.step for m in metrics] == list(range(41))


@pytest.mark.parametrize("kind", KINDS)
def test_two_runs_give_the_same_bits(kind, device):
    first, second = (bits(finish(poem_run(device, **KINDS[kind]))) for _ in range(2))
    assert len(first) == 12 + 4
    assert first == second


@pytest.mark.parametrize("kind", KINDS)
def test_captured_equals_eager(kind, device):
    captured = poem_run(device, **KINDS[kind])
    eager = poem_run(device, **KINDS[kind])
    eager.training_step, eager._evaluate_once = eager._train_step, eager._evaluation_step
    eager._conclude_evaluation = eager._evaluation_end
    assert bits(finish(captured)) == bits(finish(eager))
    assert captured.weights.values.read() == eager.weights.values.read()


@pytest.mark.parametrize("changes", [{}, {"optim.ema": 0.9}], ids=str)
def test_a_schedule_written_in_pieces_has_the_bits_of_a_whole_one(changes, device, monkeypatch):
    """Also where a run is resumed in a later piece; the last one is shorter."""
    monkeypatch.setattr(schedules, "PIECE", 64)
    run = poem_run(device, **{"train.steps": 150, "train.eval_every": 150, **changes})
    first, last = run._schedule.rates.tolist()[: 3 * 64], []
    finish(run, at_most=70)
    run = Run.restore(run.checkpoint(), device)
    for event in run.train():
        last.append(run._schedule.rates.tolist()[3 * (run.step - 1) : 3 * run.step] if event.kind == "step" else None)
    code = ARRAY_CODE[run.weights.values.dtype]
    whole = schedules.schedule_table(run.experiment.optim, 150, code).tolist()
    assert first == whole[: 3 * 64]
    assert [value for row in last if row for value in row] == whole[3 * 70 : 3 * 149]
    if "optim.ema" in changes:
        shares = schedules.average_weight_table(run.experiment.optim, range(150), code).tolist()
        assert run._schedule.shares.tolist()[128:] == shares[128:]
    monkeypatch.setattr(schedules, "PIECE", 4096)
    again = poem_run(device, **{"train.steps": 150, "train.eval_every": 150, **changes})
    finish(again)
    finish(run)
    assert again.weights.values.read() == run.weights.values.read()


def test_a_long_run_starts_without_its_whole_schedule(cpu, monkeypatch):
    """Ten million rows took ten seconds before the first step, and most of a minute in a tab."""
    computed, one = [], schedules.learning_rate
    monkeypatch.setattr(schedules, "learning_rate", lambda *given: computed.append(1) or one(*given))
    run = poem_run(cpu, **{"train.steps": 10_000_000, "optim.ema": 0.9})
    assert len(computed) <= 4096
    finish(run, at_most=3)
    assert len(computed) <= 4096 and run._schedule.rates.shape == (10_000_000, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_resuming_gives_the_losses_of_the_uninterrupted_run(kind, device):
    whole = bits(finish(poem_run(device, **KINDS[kind])))
    first = poem_run(device, **KINDS[kind])
    before = bits(finish(first, at_most=6))
    second = Run.restore(first.checkpoint(), device)
    assert second.step == first.step == 6
    after = bits(finish(second))
    assert before | after == whole
    assert min(step for step, _ in after) == 7


@pytest.mark.parametrize("events", range(1, 12))
def test_the_generator_can_be_dropped_and_the_metrics_read_at_any_event(events, device):
    """This includes the middle of an evaluation, where Pause in the lab can stop."""
    run = poem_run(device, **{"train.steps": 6, "train.eval_every": 3})
    metrics = []
    for count, _ in enumerate(run.train(), 1):
        metrics += run.take_metrics(device.read(run.metrics_tensor))
        if count == events:
            break
    metrics += finish(run)
    assert bits(metrics) == bits(finish(poem_run(device, **{"train.steps": 6, "train.eval_every": 3})))
    assert [m.step for m in metrics] == list(range(7)), "one line per step"


@pytest.mark.parametrize("events", range(1, 12))
def test_a_run_saved_at_any_event_continues_with_the_same_metrics_and_curve(events, cpu):
    """This includes the middle of an evaluation: it is repeated, and its line still has the loss of its step."""
    changes = {"train.steps": 6, "train.eval_every": 3, "data.layout": "documents", "data.val_fraction": 0.2}
    whole = poem_run(cpu, **changes)
    expected = finish(whole)
    first = poem_run(cpu, **changes)
    for count, _ in enumerate(first.train(), 1):
        if count == events:
            break
    metrics = first.take_metrics(cpu.read(first.metrics_tensor))
    second = Run.restore(Run.restore(first.checkpoint(), cpu).checkpoint(), cpu)
    metrics += finish(second)
    assert metrics == expected
    assert second.metrics.curve.tables() == whole.metrics.curve.tables()
    assert second.weights.values.read() == whole.weights.values.read()


@pytest.mark.parametrize("name", ["loss", "grad_norm"])
def test_a_run_that_diverged_cannot_be_saved(cpu, name):
    """Not even while the step with the bad loss is being evaluated."""
    run = poem_run(cpu, **{"train.steps": 10, "train.eval_every": 5})
    record, bad = run.metrics.record, tensor(cpu, [math.nan])
    run.metrics.record = lambda key, value: record(key, bad if key == name else value)
    for event in run.train():
        if event.step == 5 and event.kind == "evaluating":
            break
    if name == "grad_norm":
        run.checkpoint()  # the norm can overflow, and clipping still leave finite weights
        cpu.write(next(iter(run.weights.by_name.values())), struct.pack("<f", math.nan) * 28 * 16)
    with pytest.raises(DivergedError, match="is nan|not finite"):
        run.checkpoint()


def test_devices_agree_and_start_from_the_same_bits(gpu, cpu):
    runs = [poem_run(device, **KINDS["gpt-with-everything"]) for device in (gpu, cpu)]
    assert runs[0].weights.values.read() == runs[1].weights.values.read()
    for ours, theirs in zip(*(finish(run) for run in runs)):
        assert ours.step == theirs.step
        for a, b in ((ours.loss, theirs.loss), (ours.val_loss, theirs.val_loss)):
            assert (a is None and b is None) or math.isclose(a, b, abs_tol=1e-4)


def test_the_shaders_for_hardware_gpus_give_the_same_curve(gpu_as_hardware, cpu):
    """They include weight gradients in parts: batches of 1,024 tokens are large enough to be split."""
    changes = {**KINDS["gpt-with-everything"], "model.block_size": 32, "train.batch_size": 32}
    losses = [[m.loss for m in finish(poem_run(device, **changes)) if m.loss] for device in (gpu_as_hardware, cpu)]
    assert len(losses[0]) == 12
    for ours, reference in zip(*losses, strict=True):
        assert math.isclose(ours, reference, abs_tol=1e-4)
    repeated = [m.loss for m in finish(poem_run(gpu_as_hardware, **changes)) if m.loss]
    assert repeated == losses[0]


def test_a_late_read_returns_the_last_2048_steps(cpu):
    run = poem_run(cpu, **{"model.kind": "bigram", "train.steps": 4200, "train.eval_every": 4000})
    metrics = finish(run)
    assert [m.step for m in metrics if m.loss is not None][-1] == 4200
    assert len([m for m in metrics if m.loss is not None]) == 2048


@pytest.mark.parametrize("kind", ["bigram", "gpt"])
def test_a_loss_that_is_not_finite_stops_the_run(kind, device):
    run = poem_run(
        device,
        **KINDS[kind],
        **{
            "optim.learning_rate": 100.0,
            "optim.grad_clip": 0.0,
            "optim.weight_decay": 10.0,
            "optim.warmup_steps": 0,
            "optim.schedule": "constant",
            "train.steps": 60,
        },
    )
    with pytest.raises(
        DivergedError, match="training cannot continue from here. Try a smaller learning rate"
    ) as caught:
        finish(run)
    assert 1 < caught.value.step <= 60
    assert [m.step for m in caught.value.metrics][-1] == caught.value.step - 1


def test_texts_that_are_too_short_are_rejected(cpu):
    with pytest.raises(DataError):
        Run(experiment(), text_from_bytes("short", b"too short"), cpu)
    with pytest.raises(DataError, match="context length"):
        Run(experiment(**{"model.block_size": 4000}), text_from_bytes("poem", POEM.encode()), cpu)


def test_a_model_that_does_not_fit_is_rejected_before_any_allocation(device):
    gc.collect()  # the exception of an earlier test can still hold its run
    before = device.allocated_bytes
    huge = {"model.n_layer": 500, "model.n_embd": 65536, "model.n_head": 512}
    with pytest.raises(ExperimentError, match=r"parameters|in one buffer") as caught:
        poem_run(device, **huge)
    assert "TB" in str(caught.value) and device.allocated_bytes == before


def test_a_run_on_another_text_cannot_be_resumed(cpu):
    data = poem_run(cpu).checkpoint()
    with pytest.raises(DataError, match="is not the one this run was trained on"):
        Run.restore(data, cpu, text=text_from_bytes("poem", NAMES.encode()))


async def _save_while_stepping(run):
    steps = run.train()
    next(steps)
    fetch = run.device.fetch

    async def fetch_and_step(tensor):
        while next(steps).kind != "step":
            pass
        return await fetch(tensor)

    run.device.fetch = fetch_and_step
    await run.fetch_checkpoint()


def test_a_step_during_a_save_is_an_error(cpu):
    import asyncio

    with pytest.raises(CheckpointError, match="continued from step 0 to"):
        asyncio.run(_save_while_stepping(poem_run(cpu)))


def test_an_evaluation_counts_answers_only_if_training_does(cpu):
    """The held-out documents are all questions with answers, but one training document is not."""
    text = text_from_bytes("sums", "\n".join(["no question", *(f"{n}+1={n + 1}" for n in range(29))]).encode())
    run = Run(experiment(**{"data.layout": "documents", "model.block_size": 16}), text, cpu)
    assert run.val_batches.answers is None and evaluate_text(run, text).accuracy is None
    assert evaluate_text(run, text_from_bytes("sums", b"1+1=2\n2+1=3"), whole=True).accuracy is not None
