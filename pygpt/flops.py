"""How much arithmetic a training step is: what a share of a device's peak is a share of."""

from pygpt.experiment import Experiment, ModelConfig


def forward_flops(model: ModelConfig, batch_size: int, vocab_size: int) -> int:
    """Floating-point operations of the matrix products and the attention of one pass over a batch; a multiply-add is two.

    Attention is counted as it is masked: row t looks at t + 1 keys. Norms, activations and the softmax are left out, as
    is usual; they are a few percent, and no peak is stated in them.
    Source: Kaplan et al., "Scaling Laws for Neural Language Models" (2020), table 1, but for the mask.
    """
    if model.kind == "bigram":
        return 0  # a row of the table is looked up, nothing is multiplied
    rows, width = batch_size * model.block_size, model.n_embd
    weights = 12 * width * width * model.n_layer + width * vocab_size
    pairs = batch_size * model.block_size * (model.block_size + 1) // 2
    return 2 * rows * weights + 4 * pairs * width * model.n_layer


def step_flops(experiment: Experiment, vocab_size: int) -> int:
    """Floating-point operations of a training step: the way back multiplies twice for each product of the way there.

    What is computed a second time to save memory (attention's scores) is not counted: it is no work of the model's.
    """
    return 3 * forward_flops(experiment.model, experiment.train.batch_size, vocab_size)
