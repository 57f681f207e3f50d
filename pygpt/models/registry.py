"""The registry of models, for `model.kind`, and a function that builds one.

A model is a Module with `logits`, `losses` and `new_cache`. Its class attributes are `help` (a help text), `fields`
(the ModelConfig fields it uses, or None for all), `has_blocks` (whether it is made of `n_layer` equal blocks), and the
functions `forward_flops(config, batch_size, vocab_size)` and `describe(config, vocab_size)`.
"""

from pygpt.models.bigram import Bigram
from pygpt.models.gpt import GPT

MODELS = {
    "bigram": Bigram,
    "gpt": GPT,
}


def build_model(config, vocab_size: int):
    """Build the model of a ModelConfig, with its parameters declared but not allocated."""
    return MODELS[config.kind](vocab_size, config)
