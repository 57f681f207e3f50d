"""`model.init = "python-random"`: the documents' order and the weights equal those of pygpt/micro.py."""

import numpy as np
import pytest

from pygpt.config.experiment import Experiment
from pygpt.data import text_from_bytes
from pygpt.errors import ExperimentError
from pygpt.micro import MicroGPT
from pygpt.models.python_random_init import python_random
from pygpt.nn.parameters import RngState
from pygpt.ops.threefry import BATCH
from pygpt.training.run import Run
from tests.tiny_runs import NAMES, bits, finish
from tests.unit.models.test_switches import SWITCHES

ONE_BY_ONE = [(name, value) for name, choices in SWITCHES.items() if name != "model.init" for value in choices]

CHANGES = {
    "model.init": "python-random",
    "data.layout": "documents",
    "train.seed": 5,
    "train.steps": 12,
    "train.eval_every": 6,
    "model.n_layer": 2,
    "train.eval_batches": 2,
}


def run_on(device, **changes):
    experiment = Experiment.preset("micro").with_fields(**{**CHANGES, **changes})
    return Run(experiment, text_from_bytes("names", NAMES.encode()), device)


def rows(matrix):
    return np.array([[number.value for number in row] for row in matrix])


def lines(tokens, tokenizer):
    """Rows of tokens as texts, without the delimiter."""
    return [tokenizer.decode([token for token in row if token != tokenizer.bos]) for row in tokens.tolist()]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_matrix_equals_microgpts(cpu, dtype):
    run, original = run_on(cpu, **{"model.dtype": dtype}), MicroGPT(NAMES, seed=5, n_layer=2)
    expected = {
        "embedding.tokens": rows(original.wte),
        "embedding.positions": rows(original.wpe),
        "head.weight": rows(original.lm_head).T,
    }
    for index, layer in enumerate(original.layers):
        expected |= {
            f"blocks.{index}.attention.qkv.weight": np.hstack([rows(layer[name]).T for name in ("wq", "wk", "wv")]),
            f"blocks.{index}.attention.projection.weight": rows(layer["wo"]).T,
            f"blocks.{index}.mlp.expand.weight": rows(layer["fc1"]).T,
            f"blocks.{index}.mlp.contract.weight": rows(layer["fc2"]).T,
        }
    matrices = {name: placed for name, placed in run.weights.by_name.items() if len(placed.shape) == 2}
    assert matrices.keys() == expected.keys()
    for name, placed in matrices.items():
        assert np.array_equal(placed.numpy(), expected[name].astype(dtype)), name


def test_a_gpu_starts_with_the_same_bits(gpu, cpu):
    assert run_on(gpu).weights.values.read() == run_on(cpu).weights.values.read()


@pytest.mark.parametrize("batch_size", [1, 3])
def test_documents_repeat_in_microgpts_order(cpu, batch_size):
    run, original = run_on(cpu, **{"train.batch_size": batch_size}), MicroGPT(NAMES, seed=5)
    held_back = int(0.1 * len(original.documents))
    train = original.documents[:-held_back]
    read = []
    while len(read) < len(train) + 5:
        inputs, _ = run.train_batches.next_batch(RngState(run.seed, run.metrics.steps_done), BATCH, sequential=2)
        read += lines(inputs.numpy(), run.tokenizer)
        run.device.write(run.metrics.steps_done, np.array([len(read) // batch_size], np.uint32))
    assert read == (train + train)[: len(read)]
    val = run.val_batches.tokens.numpy().tolist()
    assert lines(np.array([val]), run.tokenizer) == ["".join(original.documents[-held_back:])]


def test_accumulation_reads_the_same_documents(cpu):
    whole, parts = (
        [metric.loss for metric in finish(run_on(cpu, **changes, **{"model.dtype": "float64"}))]
        for changes in ({"train.batch_size": 4}, {"train.batch_size": 2, "train.accumulation": 2})
    )
    assert parts[1:] == pytest.approx(whole[1:], abs=1e-12)


def test_a_resumed_run_has_the_same_losses(device):
    whole = bits(finish(run_on(device)))
    first = run_on(device)
    before = bits(finish(first, at_most=5))
    assert before | bits(finish(Run.restore(first.checkpoint(), device))) == whole


@pytest.mark.parametrize(
    "field, value",
    [
        ("data.layout", "stream"),
        ("model.kind", "bigram"),
        ("model.tie_weights", True),
        ("model.positions", "sinusoidal"),
        ("model.positions", "none"),
        ("model.mlp", "swiglu"),
        ("model.mlp", "geglu"),
        ("model.attention_gate", True),
    ],
)
def test_models_with_other_matrices_are_rejected(field, value):
    with pytest.raises(
        ExperimentError, match=f"{field} must be .*, not .*{str(value).lower()}.*set model.init to normal"
    ) as caught:
        Experiment.preset("micro").with_fields(**{**CHANGES, field: value})
    assert caught.value.field == "model.init"


@pytest.mark.parametrize("name, value", ONE_BY_ONE, ids=str)
def test_a_setting_is_rejected_or_all_matrices_are_drawn(cpu, name, value):
    try:
        run = run_on(cpu, **{**CHANGES, "train.steps": 2, name: value})
    except ExperimentError as error:
        assert error.field == "model.init"
        return
    normal = run_on(cpu, **{**CHANGES, "train.steps": 2, name: value, "model.init": "normal"})
    for parameter, placed in run.weights.by_name.items():
        equal = np.array_equal(placed.numpy(), normal.weights.by_name[parameter].numpy())
        assert equal == (len(placed.shape) < 2), parameter


def test_other_experiments_have_no_python_generator():
    assert python_random(Experiment.preset("micro")) is None
