"""Initial weights from Python's own generator, in the order in which microgpt draws them.

That program calls `random.seed`, shuffles its documents, and then draws every matrix number by number with `random.gauss`,
as rows of what a layer gives: the tokens' and the positions' embeddings, the output layer, and for each block query, key,
value, projection and the two layers of the MLP. A model that begins so has microgpt's own losses; see pygpt/micro.py.
"""

import random
from array import array

from pygpt.nn.parameters import Weights


def python_random(experiment) -> random.Random | None:
    """The generator that shuffles the experiment's documents and then draws its weights, or None if it has none."""
    return random.Random(experiment.train.seed) if experiment.model.init == "python-random" else None


def write_python_random_weights(weights: Weights, std: float, chance: random.Random) -> None:
    """Draw every matrix of a GPT anew, with this standard deviation; what else it has stays as it is."""
    values = weights.values
    code = {"float32": "f", "float64": "d"}[values.dtype]
    for name in _microgpts_order(weights.named):
        placed = weights.named[name]
        kept, transposed = placed.shape, not name.startswith("embedding.")
        rows, columns = reversed(kept) if transposed else kept
        drawn = [[chance.gauss(0, std) for _ in range(columns)] for _ in range(rows)]
        # Ours are (n_in, n_out). Query, key and value lie side by side in one matrix, and are drawn one after the other: it
        # is the transpose of a single one with all their rows.
        drawn = zip(*drawn) if transposed else drawn
        values.device.write(placed, array(code, (number for row in drawn for number in row)))


def _microgpts_order(names):
    """The matrices' names: those of a GPT's declaration, but the output layer comes before the blocks."""
    matrices = ["embedding.tokens", "embedding.positions", "head.weight"]
    return matrices + [
        name
        for name in names
        if name.startswith("blocks.")
        and name.endswith(
            ("attention.qkv.weight", "attention.projection.weight", "mlp.expand.weight", "mlp.contract.weight")
        )
    ]
