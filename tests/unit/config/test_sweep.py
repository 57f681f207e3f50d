"""Sweeps: lists and ranges of values, the names of the runs, and what is refused."""

import pytest

from pygpt.config.experiment import Experiment
from pygpt.config.fields import value_text
from pygpt.config.sweep import MOST_RUNS, expand, read_values
from pygpt.errors import ExperimentError

BASE = Experiment.preset("baby")


@pytest.mark.parametrize(
    "field, text, expected",
    [
        ("optim.learning_rate", "1e-3,3e-3", [1e-3, 3e-3]),
        ("optim.learning_rate", "1e-4..1e-1 x4", [1e-4, 1e-3, 1e-2, 1e-1]),
        ("optim.learning_rate", "0.001..0.01x3", [0.001, 0.00316, 0.01]),
        ("model.n_embd", "64..512 x4", [64, 128, 256, 512]),
        ("model.n_layer", "1..2 x5", [1, 2]),
        ("train.seed", "1..3, 7", [1, 2, 3, 7]),
        ("train.steps", "1e3", [1000]),
        ("model.bias", "true,False", [True, False]),
        ("model.dropout_embedding", "-1,0.1", [-1.0, 0.1]),
        ("optim.schedule", "cosine,linear", ["cosine", "linear"]),
    ],
)
def test_lists_and_ranges(field, text, expected):
    values = read_values(field, text)
    assert values == expected and [type(value) for value in values] == [type(value) for value in expected]
    assert read_values(field, ",".join(map(value_text, values))) == values


def test_every_combination_is_a_run_whose_name_says_what_differs():
    sweep = expand(BASE, {"optim.learning_rate": "1e-3,3e-3", "train.seed": "1..3", "train.steps": "40"})
    assert sweep.name == "lr, seed" and len(sweep.runs) == 6
    assert [run.name for run in sweep.runs[:4]] == [
        "lr=0.001 seed=1",
        "lr=0.001 seed=2",
        "lr=0.001 seed=3",
        "lr=0.003 seed=1",
    ]
    last = sweep.runs[-1].experiment
    assert (last.optim.learning_rate, last.train.seed, last.train.steps) == (0.003, 3, 40)
    assert last == BASE.with_fields(**{"optim.learning_rate": 0.003, "train.seed": 3, "train.steps": 40})


def test_the_id_is_that_of_the_runs_and_their_text():
    sweep = expand(BASE, {"train.seed": "1..3"})
    assert sweep.id("a") == expand(BASE, {"train.seed": "1,2,3"}).id("a")
    assert len({sweep.id("a"), sweep.id("b"), expand(BASE, {"train.seed": "1..4"}).id("a")}) == 3


@pytest.mark.parametrize(
    "values, field, words",
    [
        ({"optim.learning_rate": "1e-3,fast"}, "optim.learning_rate", "expected a number, got 'fast'"),
        ({"optim.learning_rate": "1e-3,500"}, "optim.learning_rate", "500 is outside 0 to 100"),
        ({"optim.learning_rate": "1e-3..1"}, "optim.learning_rate", "write 1e-3..1 x4 for four"),
        ({"optim.learning_rate": "1..1e-3 x3"}, "optim.learning_rate", "does not rise"),
        ({"optim.learning_rate": "1e-3..1 x1"}, "optim.learning_rate", "ask for 2"),
        ({"model.dropout": "0..0.3 x4"}, "model.dropout", "must be above 0"),
        ({"train.seed": "1..9000000000"}, "train.seed", "outside 0 to"),
        ({"train.seed": "1..900"}, "train.seed", "900 values"),
        ({"train.seed": "1,2,1"}, "train.seed", "1 is in the list twice"),
        ({"train.seed": "1.5,2"}, "train.seed", "expected a whole number"),
        ({"train.seed": "1,,2"}, "train.seed", "expected a whole number"),
        ({"train.seed": "1"}, "train.seed", "two values or more"),
        ({}, "optim.learning_rate", "two values or more"),
        ({"model.bias": "true,maybe"}, "model.bias", "expected true or false"),
        ({"optim.schedule": "cosine,cubic"}, "optim.schedule", "'cubic' is not one of"),
        ({"optim.learning_rat": "1,2"}, "optim.learning_rat", "did you mean"),
        ({"data.source": "tales,words"}, "data.source", "the same text"),
        (
            {"train.steps": "1..100", "train.seed": "1..20"},
            "train.steps",
            f"2,000 runs (100 x 20), and a sweep has at most {MOST_RUNS}",
        ),
        (
            {"model.n_head": "3,5", "train.seed": "1,2"},
            "model.n_embd",
            "in the run n_head=5 seed=1, 48 cannot be divided",
        ),
    ],
)
def test_what_is_wrong_is_named_before_a_run_starts(values, field, words):
    with pytest.raises(ExperimentError) as refused:
        expand(BASE, values)
    assert refused.value.field == field and words in str(refused.value)
