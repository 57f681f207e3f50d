"""The average of the weights, which is evaluated and sampled; and options that change only the training loss."""

import numpy as np
import pytest

from pygpt.config.experiment import Experiment
from pygpt.config.sampling import SamplingConfig
from pygpt.inference.generate import generate
from pygpt.inference.trained_model import TrainedModel
from pygpt.optim.schedules import average_weight_table
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.training.evaluate import full_loss
from pygpt.training.run import Run
from tests.tiny_runs import bits, finish, poem_run

AVERAGED = {"optim.ema": 0.9}


def test_the_average_follows_the_formula(device):
    run = poem_run(device, **AVERAGED)
    average, done = run.weights.values.numpy().astype(np.float64), 0
    for _ in run.train():
        if run.step > done:
            done = run.step
            share_kept = min(0.9, (1 + done) / (10 + done))
            average = share_kept * average + (1 - share_kept) * run.weights.values.numpy()
            np.testing.assert_allclose(run.optimizer.average.values.numpy(), average, atol=1e-6)
    assert done == 12


def test_average_table():
    shares = average_weight_table(Experiment.from_dict({"optim": {"ema": 0.99}}).optim, range(2000))
    np.testing.assert_allclose(shares[:2], [9 / 11, 9 / 12])
    np.testing.assert_allclose(shares[-1], 0.01)


def test_the_average_is_evaluated_sampled_and_saved(device):
    run, plain = poem_run(device, **AVERAGED), poem_run(device)
    ours, theirs = finish(run), finish(plain)
    assert [m.loss for m in ours] == [m.loss for m in theirs]
    assert ours[0].val_loss == theirs[0].val_loss and ours[-1].val_loss != theirs[-1].val_loss
    loaded = TrainedModel(read_checkpoint(run.checkpoint()), device)
    expected = full_loss(run.model, run.val_batches)
    assert full_loss(loaded.model, run.val_batches) == expected
    assert expected != full_loss(plain.model, plain.val_batches)
    written = "".join(generate(run.model, run.tokenizer, "Twin", 40, SamplingConfig(seed=3)))
    assert loaded.generate("Twin", 40, seed=3) == written


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optim.name": "sgd", "optim.momentum": 0.0, "model.kind": "bigram"},
        {"train.accumulation": 2, "model.dropout": 0.1},
    ],
    ids=["adamw", "sgd", "accumulated"],
)
def test_captured_equals_eager_and_resumes_exactly(changes, device):
    changes = {**AVERAGED, **changes}
    whole, eager, first = (poem_run(device, **changes) for _ in range(3))
    expected = bits(finish(whole))
    eager.training_step, eager._evaluate_once = eager._train_step, eager._evaluation_step
    assert bits(finish(eager)) == expected
    before = bits(finish(first, at_most=6))
    second = Run.restore(first.checkpoint(), device)
    assert before | bits(finish(second)) == expected
    assert second.weights.values.read() == whole.weights.values.read()


def test_a_fine_tuning_run_averages_from_its_initial_weights(cpu):
    earlier = poem_run(cpu)
    finish(earlier)
    weights = read_checkpoint(earlier.checkpoint())
    run = Run(earlier.experiment.with_fields(**AVERAGED), earlier.text, cpu, init_from=weights)
    assert run.optimizer.average.values.read() == earlier.weights.values.read()


@pytest.mark.parametrize("field, value", [("optim.label_smoothing", 0.1), ("optim.z_loss", 0.01)])
@pytest.mark.parametrize("kind", ["gpt", "bigram"])
def test_only_training_losses_change(kind, field, value, device):
    frozen = {"model.kind": kind, "optim.learning_rate": 0.0, "optim.min_learning_rate": 0.0}
    ours, plain = finish(poem_run(device, **frozen, **{field: value})), finish(poem_run(device, **frozen))
    assert [m.val_loss for m in ours] == [m.val_loss for m in plain]
    assert all(one.loss != other.loss for one, other in zip(ours[1:], plain[1:], strict=True))
