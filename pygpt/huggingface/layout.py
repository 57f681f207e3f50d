"""What an architecture of `transformers` is to pygpt: its settings, and how its arrays map to parameters."""

import dataclasses
from collections.abc import Callable, Iterator

from pygpt.config.sections import ModelConfig
from pygpt.huggingface.config_file import Config

# Settings that every layout accepts with any value. Any other must be at its default unless the layout names it.
FREE_SETTINGS = {
    "n_layer",
    "n_head",
    "n_embd",
    "block_size",
    "dropout",
    "dropout_embedding",
    "dropout_attention",
    "bias",
    "tie_weights",
    "init",
    "init_std",
    "dtype",
    "norm_scale",
    "norm_epsilon",
    "mlp_ratio",
}
ROPE_SETTINGS = (
    "rope_base",
    "rope_scaling",
    "rope_factor",
    "rope_low_factor",
    "rope_high_factor",
    "rope_original_context",
)


@dataclasses.dataclass(frozen=True)
class ArrayMapping:
    """How the array `theirs` of `transformers` maps to `columns` of pygpt's parameter `ours`, possibly `transposed`.

    `shape` is that of `theirs`. A bias or norm scale that only one side has is all zeros or all ones there.
    """

    theirs: str
    ours: str
    shape: tuple[int, ...]
    transposed: bool = False
    columns: tuple[int, int] | None = None

    @property
    def neutral(self) -> float | None:
        """The value of all elements if only one side has the array; None if both sides must have it."""
        if self.ours.endswith(".bias"):
            return 0.0
        return 1.0 if ".norm_" in self.ours or self.ours.startswith("norm.") or self.ours.endswith("_scale") else None


@dataclasses.dataclass(frozen=True)
class Layout:
    """An architecture: the values that a ModelConfig must have, the conversion of configurations, and the places.

    `wanted` holds the values that a field can have, or None for any. Array names are without `prefix`; a file can have
    it or not. `token_ids` are those of a config.json that names none. `tied` says whether the output layer is the
    embedding (its array is `embedding`) unless a config.json says something else. `problem` returns why a model does
    not fit although its fields do, or "". `normalizer` is that of the only tokenizers for which `transformers` gives a
    folder of this `model_type` the ids of its tokenizer.json; "": of all. `unbiased` returns the parts of a block, such
    as ".mlp.", whose linear layers have no bias according to a config.json.
    """

    model_type: str
    architecture: str
    prefix: str
    wanted: dict[str, set | None]
    token_ids: dict[str, int | None]
    embedding: str
    tied: bool
    places: Callable[[ModelConfig, int], Iterator[ArrayMapping]]
    to_config: Callable[[ModelConfig], dict]
    from_config: Callable[[Config], dict]
    problem: Callable[[ModelConfig], str] = lambda model: ""
    normalizer: str = ""
    unbiased: Callable[[Config], tuple[str, ...]] = lambda config: ()

    def lacks(self, place: ArrayMapping, config: Config) -> bool:
        """Whether a model with this config.json has no such array, although pygpt has the parameter: a bias."""
        return place.theirs.endswith(".bias") and any(part in place.theirs for part in self.unbiased(config))

    def mismatches(self, model: ModelConfig, normalizer: str = "") -> list[str]:
        """The settings that prevent a model whose tokenizer has this normalizer from having this architecture, a
        phrase for each."""
        defaults = ModelConfig()
        phrases = []
        for name, value in vars(model).items():
            free = None if name in FREE_SETTINGS else {getattr(defaults, name)}
            allowed = self.wanted.get(name, free)
            if allowed is None or value in allowed or _says_nothing(model, name):
                continue
            phrases.append(f"model.{name} is {value} (it must be {' or '.join(sorted(map(str, allowed)))})")
        if self.normalizer not in ("", normalizer):
            phrases.append(f"data.tokenizer is not {self.model_type}'s (transformers would use that all the same)")
        problem = self.problem(model)
        return phrases + [problem] * bool(problem)

    def file_name(self, name: str) -> str:
        """The name of an array in a file that `transformers` writes."""
        return name if name.startswith("lm_head") else self.prefix + name


def _says_nothing(model: ModelConfig, name: str) -> bool:
    """Whether a setting is not at its default and yet the model is the same."""
    return {
        "n_kv_head": model.n_kv_head == model.n_head,
        "head_dim": model.head_dim * model.n_head == model.n_embd,
        "qkv_bias": model.bias,
        "qk_norm_scale": not model.qk_norm,
    }.get(name, name in ROPE_SETTINGS and model.positions != "rope")


def both(theirs: str, ours: str, shape: tuple[int, ...], width: int) -> Iterator[ArrayMapping]:
    """The places of a weight and its bias."""
    yield ArrayMapping(f"{theirs}.weight", f"{ours}.weight", shape)
    yield ArrayMapping(f"{theirs}.bias", f"{ours}.bias", (width,))


def head_place(model: ModelConfig, vocab_size: int) -> Iterator[ArrayMapping]:
    """The place of the output layer, unless it is the embedding."""
    if not model.tie_weights:
        yield ArrayMapping("lm_head.weight", "head.weight", (vocab_size, model.n_embd), transposed=True)


def rate(value: float, model: ModelConfig) -> float:
    """A dropout rate; a negative one stands for `dropout`."""
    return model.dropout if value < 0 else value


def inverted(table: dict[str, str]) -> dict[str, str]:
    """Map values to keys; if several keys have the same value, the first one."""
    return {value: key for key, value in reversed(table.items())}
