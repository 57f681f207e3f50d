"""The models, and which one a configuration asks for."""

from pygpt.models.bigram import Bigram
from pygpt.models.gpt import GPT

MODELS = {"bigram": Bigram, "gpt": GPT}


def build_model(config, vocab_size: int):
    """The model a ModelConfig describes, with its parameters declared and none placed."""
    return MODELS[config.kind](vocab_size, config)
