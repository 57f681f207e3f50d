"""The models, which `model.kind` chooses from, and building one.

A model is a Module with `logits`, `losses` and `new_cache`, and these class attributes: `help` (a sentence), `fields`
(those of a ModelConfig that it uses, or None for all), `has_blocks` (whether it is made of `n_layer` blocks that are alike), and the
functions `forward_flops(config, batch_size, vocab_size)` and `describe(config, vocab_size)`.
"""

from pygpt.models.bigram import Bigram
from pygpt.models.gpt import GPT

MODELS = {"bigram": Bigram, "gpt": GPT}


def build_model(config, vocab_size: int):
    """The model a ModelConfig describes, with its parameters declared and none placed."""
    return MODELS[config.kind](vocab_size, config)
