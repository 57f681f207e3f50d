"""The architectures of `transformers` that a model can have."""

from pygpt.config.sections import ModelConfig
from pygpt.errors import ExperimentError
from pygpt.huggingface.gpt2 import GPT2
from pygpt.huggingface.layout import Layout
from pygpt.huggingface.llama import LLAMA, MISTRAL, QWEN2, QWEN3

LAYOUTS = {layout.model_type: layout for layout in (GPT2, LLAMA, MISTRAL, QWEN2, QWEN3)}


def layout_of(model: ModelConfig, normalizer: str = "") -> Layout:
    """The layout that fits a model whose tokenizer has this normalizer.

    Raises: ExperimentError, naming the settings that do not fit the closest one.
    """
    if model.kind != "gpt":
        raise ExperimentError("model.kind", f"transformers has no {model.kind} model; only a gpt can be exported")
    candidates = [(layout.mismatches(model, normalizer), layout) for layout in LAYOUTS.values()]
    # Of two that fit, the one that is particular about its tokenizer says more.
    mismatches, layout = min(candidates, key=lambda pair: (len(pair[0]), not pair[1].normalizer))
    if mismatches:
        raise ExperimentError(
            mismatches[0].split(" ")[0],
            f"this model has none of the architectures that can be exported ({', '.join(LAYOUTS)}). It is closest to "
            f"{layout.model_type}, but {'; '.join(mismatches)}",
        )
    return layout
