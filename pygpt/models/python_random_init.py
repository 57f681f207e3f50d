"""Initial weights from Python's `random`, drawn in microgpt's order.

microgpt calls `random.seed`, shuffles its documents, and then draws every matrix number by number with `random.gauss`,
one row per output: the token and position embeddings, the output layer, and for each block the query, key, value,
projection and the two MLP layers. A model with these weights has microgpt's losses; see pygpt/micro.py.
"""

import random
from array import array
from collections.abc import Iterable
from typing import Any

from pygpt.nn.parameters import Weights


def python_random(experiment: Any) -> random.Random | None:
    """The generator that shuffles the documents of an Experiment and draws its weights, or None if it uses none."""
    return random.Random(experiment.train.seed) if experiment.model.init == "python-random" else None


def write_python_random_weights(weights: Weights, std: float, generator: random.Random) -> None:
    """Draw every matrix of a GPT again, with this standard deviation; other parameters do not change."""
    values = weights.values
    code = {"float32": "f", "float64": "d"}[values.dtype]
    for name in _microgpt_order(weights.by_name):
        placed = weights.by_name[name]
        shape, transposed = placed.shape, not name.startswith("embedding.")
        rows, columns = reversed(shape) if transposed else shape
        drawn: Iterable[Iterable[float]] = [[generator.gauss(0, std) for _ in range(columns)] for _ in range(rows)]
        # Matrices here are (n_in, n_out). Query, key and value are side by side in one matrix, but drawn one after the
        # other: the matrix is the transpose of one with all their rows.
        drawn = zip(*drawn) if transposed else drawn
        values.device.write(placed, array(code, (number for row in drawn for number in row)))


def _microgpt_order(names: Iterable[str]) -> list[str]:
    """The names of the matrices in the order of declaration, but with the output layer before the blocks."""
    matrices = ["embedding.tokens", "embedding.positions", "head.weight"]
    return matrices + [
        name
        for name in names
        if name.startswith("blocks.")
        and name.endswith(
            ("attention.qkv.weight", "attention.projection.weight", "mlp.expand.weight", "mlp.contract.weight")
        )
    ]
