"""Gradient accumulation: a batch in parts trains like the whole batch."""

import pytest

from pygpt.analysis.plan import plan_run
from pygpt.training.run import Run
from tests.tiny_runs import bits, experiment, finish, poem_run

LAYOUTS = {"stream": {}, "documents": {"data.layout": "documents", "data.val_fraction": 0.2}}
PARTS = {"train.batch_size": 4, "train.accumulation": 3}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_three_batches_of_four_give_the_curve_of_a_batch_of_twelve(layout, device):
    whole = finish(poem_run(device, **LAYOUTS[layout], **{"train.batch_size": 12}))
    parts = finish(poem_run(device, **LAYOUTS[layout], **PARTS))
    for ours, theirs in zip(parts, whole, strict=True):
        assert ours.loss is None or abs(ours.loss - theirs.loss) < 2e-5


def test_parts_of_a_batch_have_different_dropout_masks(cpu):
    dropped = {"model.dropout": 0.5}
    losses = [
        [m.loss for m in finish(poem_run(cpu, **changes)) if m.loss is not None]
        for changes in (PARTS, {**PARTS, **dropped}, {**dropped, "train.batch_size": 12})
    ]
    assert losses[1] != losses[0] and losses[1][0] != losses[2][0]
    run = poem_run(cpu, **PARTS, **dropped)
    finish(run)
    assert run._passes.tolist() == [36]


@pytest.mark.parametrize("changes", [{}, {"model.dropout": 0.2, "optim.name": "sgd"}], ids=["adamw", "sgd and dropout"])
def test_captured_equals_eager_and_resumes_exactly(changes, device):
    changes = {**changes, **PARTS}
    whole, eager, first = (poem_run(device, **changes) for _ in range(3))
    eager.training_step = eager._train_step
    expected = bits(finish(whole))
    assert bits(finish(eager)) == expected
    before = bits(finish(first, at_most=6))
    assert before | bits(finish(Run.restore(first.checkpoint(), device))) == expected


def test_accumulation_needs_memory_for_one_more_gradient(cpu):
    one, three, eight = (plan_run(experiment(**{"train.accumulation": passes}), 60) for passes in (1, 3, 8))
    weights = one.memory["weights"]
    assert weights <= three.peak_bytes - one.peak_bytes < weights + 4096
    assert eight.peak_bytes == three.peak_bytes
    assert 7 < eight.step_flops / one.step_flops < 9
