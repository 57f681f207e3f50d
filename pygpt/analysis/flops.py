"""How much arithmetic a training step is, and a launch: what a share of a device's peak is a share of."""

import math

from pygpt.config.experiment import Experiment, ModelConfig
from pygpt.devices.base import Work
from pygpt.tensor.tensor import ITEM_SIZE


def forward_flops(model: ModelConfig, batch_size: int, vocab_size: int) -> int:
    """Floating-point operations of the matrix products and the attention of one pass over a batch; a multiply-add is two.

    Attention is counted as it is masked: row t looks at t + 1 keys, or at a window of them. Norms, activations and the softmax
    are left out, as is usual; they are a few percent, and no peak is stated in them.
    Source: Kaplan et al., "Scaling Laws for Neural Language Models" (2020), table 1, but for the mask.
    """
    if model.kind == "bigram":
        return 0  # a row of the table is looked up, nothing is multiplied
    rows, width = batch_size * model.block_size, model.n_embd
    attention = width * (model.qkv_size + (1 + model.attention_gate) * width)
    mlp = (2 + model.gated_mlp) * width * model.hidden_size
    weights = (attention + mlp) * model.n_layer + width * vocab_size
    pairs = batch_size * attention_pairs(model.block_size, model.window)
    return 2 * rows * weights + 4 * pairs * width * model.n_layer


def attention_pairs(time: int, window: int) -> int:
    """How many pairs of a query and a key a sequence has under the mask; window 0 stands for none."""
    seen = min(window or time, time)
    return seen * (seen + 1) // 2 + (time - seen) * seen


def step_flops(experiment: Experiment, vocab_size: int) -> int:
    """Floating-point operations of a training step: the way back multiplies twice for each product of the way there.

    What is computed a second time to save memory (attention's scores) is not counted: it is no work of the model's.
    """
    return 3 * forward_flops(experiment.model, experiment.train.sequences, vocab_size)


def step_launches(experiment: Experiment) -> int:
    """About how many kernels a training step launches (tests/unit/analysis/test_device_choice.py counts them)."""
    model = experiment.model
    a_pass = 13 if model.kind == "bigram" else 23 * model.n_layer + 21
    # Muon takes 33 for each matrix of a block, and a block has four or five.
    return experiment.train.accumulation * a_pass + (133 * model.n_layer if experiment.optim.name == "muon" else 0)


# Operations for an element of a kernel's largest operand. An exponential, a root or a division is one, as a product is.
# What is not named here takes about one: copies, sums, counters.
OPERATIONS = {
    "activation": 8,
    "activation_gradient": 12,
    "adamw": 12,
    "attention_delta": 2,
    "blend": 3,
    "cross_entropy": 4,
    "cross_entropy_gradient": 4,
    "descend": 3,
    "dropout": 40,
    "gate": 8,
    "gate_gradient": 14,
    "gelu": 10,
    "gelu_gradient": 16,
    "layernorm": 8,
    "layernorm_gradient": 12,
    "momentum": 4,
    "normal": 200,
    "qk_norm": 3,
    "qk_norm_gradient": 5,
    "rmsnorm": 5,
    "rmsnorm_gradient": 9,
    "rope": 3,
    "softcap": 8,
    "softcap_gradient": 4,
    "softmax": 4,
    "softmax_gradient": 4,
    "square_sum": 2,
}
# Of these inputs only the rows that are wanted are read, and of the history one element is written.
GATHERING = ("batch", "batch_documents", "windows", "embedding", "attention_cached", "record")


def launch_flops(work: Work) -> int:
    """Floating-point operations of a launch: products and attention exactly, the rest roughly, by its elements.

    Attention's gradient makes five products of the masked pairs (one of them the scores a second time), attention two.
    """
    shapes = {name: shape for name, (shape, _) in work.operands.items()}
    if work.kernel == "matmul":
        return 2 * math.prod(shapes["x"]) * shapes["y"][-1]
    if work.kernel in ("attention", "attention_gradient"):
        products, queries = (2, "y") if work.kernel == "attention" else (5, "dy")
        batch, time, width = shapes[queries]
        return 2 * products * batch * attention_pairs(time, work.attributes["window"]) * width
    counted = list(shapes.values())[-1:] if work.kernel in GATHERING else shapes.values()
    return OPERATIONS.get(work.kernel, 1) * max(map(math.prod, counted))


def launch_bytes(work: Work) -> int:
    """Bytes that a launch moves at least: each operand once."""
    sizes = [math.prod(shape) * ITEM_SIZE[dtype] for shape, dtype in work.operands.values()]
    if work.kernel in GATHERING:
        sizes = [min(size, sizes[-1]) for size in sizes] if work.kernel != "record" else [4, 4, 4]
    return sum(sizes)
