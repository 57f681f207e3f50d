"""The registry of models, for `model.kind`, and a function that builds one."""

from pygpt.models.bigram import Bigram
from pygpt.models.gpt import GPT
from pygpt.models.model import Model
from pygpt.nn.settings_protocol import ModelSettings

MODELS: dict[str, type[Model]] = {
    "bigram": Bigram,
    "gpt": GPT,
}


def build_model(config: ModelSettings, vocab_size: int) -> Model:
    """Build the model of a ModelConfig, with its parameters declared but not allocated."""
    return MODELS[config.kind](vocab_size, config)
