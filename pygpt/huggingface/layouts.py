"""The `transformers` architectures that a model can have, and how their arrays map to its parameters.

Source: huggingface/transformers 5.23, modeling_gpt2.py and modeling_llama.py, with their configurations.
"""

import dataclasses
from collections.abc import Callable, Iterator

from pygpt.config.sections import ModelConfig
from pygpt.errors import ExperimentError
from pygpt.huggingface.config_file import Config

# All norms of pygpt add this to the variance.
EPSILON = 1e-5
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
    "mlp_ratio",
}


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
        return 1.0 if ".norm_" in self.ours or self.ours.startswith("norm.") else None


@dataclasses.dataclass(frozen=True)
class Layout:
    """An architecture: the values that a ModelConfig must have, the conversion of configurations, and the places.

    `wanted` holds the values that a field can have; `token_ids` are those of a config.json that names none. Array names
    are without `prefix`; a file can have it or not.
    """

    model_type: str
    architecture: str
    prefix: str
    wanted: dict[str, set[str] | None]
    activations: dict[str, str]
    token_ids: dict[str, int | None]
    places: Callable[[ModelConfig, int], Iterator[ArrayMapping]]
    to_config: Callable[[ModelConfig], dict]
    from_config: Callable[[Config], dict]

    def mismatches(self, model: ModelConfig) -> list[str]:
        """The settings that prevent a model from having this architecture, a phrase for each."""
        defaults = ModelConfig()
        phrases = []
        for name, value in vars(model).items():
            allowed = self.wanted.get(name, {getattr(defaults, name)})
            if name == "n_kv_head" and value == model.n_head:
                continue  # equal to the default, 0
            if name not in FREE_SETTINGS and allowed is not None and value not in allowed:
                wanted = " or ".join(str(option) for option in sorted(allowed, key=str))
                phrases.append(f"model.{name} is {value} (it must be {wanted})")
        return phrases

    def file_name(self, name: str) -> str:
        """The name of an array in a file that `transformers` writes."""
        return name if name.startswith("lm_head") else self.prefix + name


def gpt2_places(model: ModelConfig, vocab_size: int):
    """Yield the places of GPT-2's arrays. Its linear layers store (n_in, n_out), as ours do."""
    size, hidden = model.n_embd, model.hidden_size
    yield ArrayMapping("wte.weight", "embedding.tokens", (vocab_size, size))
    yield ArrayMapping("wpe.weight", "embedding.positions", (model.block_size, size))
    for layer in range(model.n_layer):
        yield from _both(f"h.{layer}.ln_1", f"blocks.{layer}.norm_1", (size,), size)
        yield from _both(f"h.{layer}.attn.c_attn", f"blocks.{layer}.attention.qkv", (size, 3 * size), 3 * size)
        yield from _both(f"h.{layer}.attn.c_proj", f"blocks.{layer}.attention.projection", (size, size), size)
        yield from _both(f"h.{layer}.ln_2", f"blocks.{layer}.norm_2", (size,), size)
        yield from _both(f"h.{layer}.mlp.c_fc", f"blocks.{layer}.mlp.expand", (size, hidden), hidden)
        yield from _both(f"h.{layer}.mlp.c_proj", f"blocks.{layer}.mlp.contract", (hidden, size), size)
    yield from _both("ln_f", "norm", (size,), size)
    if not model.tie_weights:
        yield ArrayMapping("lm_head.weight", "head.weight", (vocab_size, size), transposed=True)


def _both(theirs, ours, shape, width):
    yield ArrayMapping(f"{theirs}.weight", f"{ours}.weight", shape)
    yield ArrayMapping(f"{theirs}.bias", f"{ours}.bias", (width,))


def llama_places(model: ModelConfig, vocab_size: int):
    """Yield the places of Llama's arrays. Linear layers are (n_out, n_in); queries, keys and values are separate."""
    size, hidden = model.n_embd, model.hidden_size
    queries, keys = size, model.kv_heads * model.head_size

    def linear(theirs, ours, n_in, n_out, first=None):
        columns = None if first is None else (first, first + n_out)
        yield ArrayMapping(f"{theirs}.weight", f"{ours}.weight", (n_out, n_in), True, columns)
        if model.bias:
            yield ArrayMapping(f"{theirs}.bias", f"{ours}.bias", (n_out,), False, columns)

    yield ArrayMapping("embed_tokens.weight", "embedding.tokens", (vocab_size, size))
    for layer in range(model.n_layer):
        theirs, ours = f"layers.{layer}", f"blocks.{layer}"
        yield ArrayMapping(f"{theirs}.input_layernorm.weight", f"{ours}.norm_1.weight", (size,))
        yield from linear(f"{theirs}.self_attn.q_proj", f"{ours}.attention.qkv", size, queries, 0)
        yield from linear(f"{theirs}.self_attn.k_proj", f"{ours}.attention.qkv", size, keys, queries)
        yield from linear(f"{theirs}.self_attn.v_proj", f"{ours}.attention.qkv", size, keys, queries + keys)
        yield from linear(f"{theirs}.self_attn.o_proj", f"{ours}.attention.projection", size, size)
        yield ArrayMapping(f"{theirs}.post_attention_layernorm.weight", f"{ours}.norm_2.weight", (size,))
        yield from linear(f"{theirs}.mlp.gate_proj", f"{ours}.mlp.expand", size, hidden)
        yield from linear(f"{theirs}.mlp.up_proj", f"{ours}.mlp.factor", size, hidden)
        yield from linear(f"{theirs}.mlp.down_proj", f"{ours}.mlp.contract", hidden, size)
    yield ArrayMapping("norm.weight", "norm.weight", (size,))
    if not model.tie_weights:
        yield ArrayMapping("lm_head.weight", "head.weight", (vocab_size, size), transposed=True)


def gpt2_to_config(model: ModelConfig) -> dict:
    """GPT2Config's fields."""

    def rate(value):
        return model.dropout if value < 0 else value

    return {
        "n_layer": model.n_layer,
        "n_head": model.n_head,
        "n_embd": model.n_embd,
        "n_positions": model.block_size,
        "n_inner": model.hidden_size,
        "activation_function": _inverted(GPT2.activations)[model.mlp],
        "layer_norm_epsilon": EPSILON,
        "resid_pdrop": model.dropout,
        "embd_pdrop": rate(model.dropout_embedding),
        "attn_pdrop": rate(model.dropout_attention),
        "initializer_range": model.init_std,
    }


def gpt2_from_config(config: Config) -> dict:
    """ModelConfig's fields."""
    size = config.integer("n_embd")
    config.require("scale_attn_weights", True)
    for name in ("scale_attn_by_inverse_layer_idx", "add_cross_attention"):
        config.require(name, False)
    config.require("layer_norm_epsilon", EPSILON)
    return {
        "n_layer": config.integer("n_layer"),
        "n_head": config.integer("n_head"),
        "n_embd": size,
        "block_size": config.integer("n_positions"),
        "bias": True,
        "norm": "layernorm",
        "positions": "learned",
        "mlp": config.choice("activation_function", GPT2.activations, "gelu_new"),
        "mlp_ratio": config.integer("n_inner", 4 * size) / size,
        "init_std": config.number("initializer_range", 0.02),
        "dropout": config.number("resid_pdrop", 0.1),
        "dropout_embedding": config.number("embd_pdrop", 0.1),
        "dropout_attention": config.number("attn_pdrop", 0.1),
    }


def llama_to_config(model: ModelConfig) -> dict:
    """LlamaConfig's fields."""
    return {
        "num_hidden_layers": model.n_layer,
        "num_attention_heads": model.n_head,
        "num_key_value_heads": model.kv_heads,
        "hidden_size": model.n_embd,
        "head_dim": model.head_size,
        "max_position_embeddings": model.block_size,
        "intermediate_size": model.hidden_size,
        "hidden_act": _inverted(LLAMA.activations)[model.mlp],
        "rms_norm_eps": EPSILON,
        "rope_theta": model.rope_base,
        "rope_parameters": {"rope_type": "default", "rope_theta": model.rope_base},
        "attention_bias": model.bias,
        "mlp_bias": model.bias,
        "initializer_range": model.init_std,
        "attention_dropout": model.dropout if model.dropout_attention < 0 else model.dropout_attention,
    }


def llama_from_config(config: Config) -> dict:
    """ModelConfig's fields."""
    size, heads = config.integer("hidden_size"), config.integer("num_attention_heads")
    config.require("rms_norm_eps", EPSILON)
    config.require("head_dim", size // max(heads, 1))
    # As transformers 5 reads them: the older rope_scaling, if it says anything, takes the place of rope_parameters.
    rope = config.table("rope_scaling") or config.table("rope_parameters")
    rope.require("rope_type" if "rope_type" in rope.values else "type", "default")
    for table in (config, rope):
        table.require("partial_rotary_factor", 1)
    key_heads = config.integer("num_key_value_heads", heads)
    return {
        "n_layer": config.integer("num_hidden_layers"),
        "n_head": heads,
        "n_embd": size,
        "n_kv_head": 0 if key_heads == heads else key_heads,
        "block_size": config.integer("max_position_embeddings", 2048),
        "bias": config.boolean("attention_bias", False) or config.boolean("mlp_bias", False),
        "norm": "rmsnorm",
        "positions": "rope",
        "rope_base": rope.number("rope_theta", config.number("rope_theta", 10000.0)),
        "mlp": config.choice("hidden_act", LLAMA.activations, "silu"),
        "mlp_ratio": config.integer("intermediate_size") / size,
        "init_std": config.number("initializer_range", 0.02),
        "dropout_attention": config.number("attention_dropout", 0.0),
    }


def _inverted(table):
    """Map values to keys; if several keys have the same value, the first one."""
    return {value: key for key, value in reversed(table.items())}


GPT2 = Layout(
    "gpt2",
    "GPT2LMHeadModel",
    "transformer.",
    {
        "norm": {"layernorm"},
        "positions": {"learned"},
        "mlp": {"gelu", "gelu_erf", "relu", "relu_squared", "silu"},
        "rope_base": None,
    },
    {
        "gelu_new": "gelu",
        "gelu_pytorch_tanh": "gelu",
        "gelu": "gelu_erf",
        "relu": "relu",
        "relu2": "relu_squared",
        "silu": "silu",
        "swish": "silu",
    },
    {"bos_token_id": 50256, "eos_token_id": 50256},
    gpt2_places,
    gpt2_to_config,
    gpt2_from_config,
)
LLAMA = Layout(
    "llama",
    "LlamaForCausalLM",
    "model.",
    {"norm": {"rmsnorm"}, "positions": {"rope"}, "mlp": {"swiglu", "geglu"}, "rope_base": None, "n_kv_head": None},
    {"silu": "swiglu", "swish": "swiglu", "gelu_pytorch_tanh": "geglu", "gelu_new": "geglu"},
    {"bos_token_id": 1, "eos_token_id": 2},
    llama_places,
    llama_to_config,
    llama_from_config,
)
LAYOUTS = {layout.model_type: layout for layout in (GPT2, LLAMA)}


def layout_of(model: ModelConfig) -> Layout:
    """The layout that fits a model. Raises: ExperimentError, naming the settings that do not fit the closer one."""
    if model.kind != "gpt":
        raise ExperimentError("model.kind", f"transformers has no {model.kind} model; only a gpt can be exported")
    candidates = [(layout.mismatches(model), layout) for layout in LAYOUTS.values()]
    mismatches, layout = min(candidates, key=lambda pair: len(pair[0]))
    if mismatches:
        raise ExperimentError(
            mismatches[0].split(" ")[0],
            f"this model has neither GPT-2's nor Llama's architecture, the two that can "
            f"be exported. It is closest to {layout.model_type}, but {'; '.join(mismatches)}",
        )
    return layout
