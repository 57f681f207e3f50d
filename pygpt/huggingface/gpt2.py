"""GPT-2's layout. Source: huggingface/transformers 5.24, models/gpt2."""

from collections.abc import Iterator

from pygpt.config.sections import ModelConfig
from pygpt.huggingface.config_file import Config
from pygpt.huggingface.layout import ArrayMapping, Layout, both, head_place, inverted, rate

ACTIVATIONS = {
    "gelu_new": "gelu",
    "gelu_pytorch_tanh": "gelu",
    "gelu": "gelu_erf",
    "relu": "relu",
    "relu2": "relu_squared",
    "silu": "silu",
    "swish": "silu",
}


LONG_NAMES = {
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_embd": "hidden_size",
    "n_positions": "max_position_embeddings",
}


def _places(model: ModelConfig, vocab_size: int) -> Iterator[ArrayMapping]:
    """Yield the places of GPT-2's arrays. Its linear layers store (n_in, n_out), as ours do."""
    size, hidden = model.n_embd, model.hidden_size
    yield ArrayMapping("wte.weight", "embedding.tokens", (vocab_size, size))
    yield ArrayMapping("wpe.weight", "embedding.positions", (model.block_size, size))
    for layer in range(model.n_layer):
        theirs, ours = f"h.{layer}", f"blocks.{layer}"
        yield from both(f"{theirs}.ln_1", f"{ours}.norm_1", (size,), size)
        yield from both(f"{theirs}.attn.c_attn", f"{ours}.attention.qkv", (size, 3 * size), 3 * size)
        yield from both(f"{theirs}.attn.c_proj", f"{ours}.attention.projection", (size, size), size)
        yield from both(f"{theirs}.ln_2", f"{ours}.norm_2", (size,), size)
        yield from both(f"{theirs}.mlp.c_fc", f"{ours}.mlp.expand", (size, hidden), hidden)
        yield from both(f"{theirs}.mlp.c_proj", f"{ours}.mlp.contract", (hidden, size), size)
    yield from both("ln_f", "norm", (size,), size)
    yield from head_place(model, vocab_size)


def _to_config(model: ModelConfig) -> dict:
    """GPT2Config's fields."""
    return {
        "n_layer": model.n_layer,
        "n_head": model.n_head,
        "n_embd": model.n_embd,
        "n_positions": model.block_size,
        "n_inner": model.hidden_size,
        "activation_function": inverted(ACTIVATIONS)[model.mlp],
        "layer_norm_epsilon": model.norm_epsilon,
        "resid_pdrop": model.dropout,
        "embd_pdrop": rate(model.dropout_embedding, model),
        "attn_pdrop": rate(model.dropout_attention, model),
        "initializer_range": model.init_std,
    }


def _from_config(config: Config) -> dict:
    """ModelConfig's fields."""
    sizes = {name: config.either(name, long) for name, long in LONG_NAMES.items()}
    size = sizes["n_embd"]
    config.require("scale_attn_weights", True)
    for name in ("scale_attn_by_inverse_layer_idx", "add_cross_attention"):
        config.require(name, False)
    return {
        "n_layer": sizes["n_layer"],
        "n_head": sizes["n_head"],
        "n_embd": size,
        "block_size": sizes["n_positions"],
        "bias": True,
        "norm": "layernorm",
        "norm_epsilon": config.number("layer_norm_epsilon", 1e-5),
        "positions": "learned",
        "mlp": config.choice("activation_function", ACTIVATIONS, "gelu_new"),
        "mlp_ratio": config.integer("n_inner", 4 * size) / size,
        "init_std": config.number("initializer_range", 0.02),
        "dropout": config.number("resid_pdrop", 0.1),
        "dropout_embedding": config.number("embd_pdrop", 0.1),
        "dropout_attention": config.number("attn_pdrop", 0.1),
    }


GPT2 = Layout(
    "gpt2",
    "GPT2LMHeadModel",
    "transformer.",
    {"norm": {"layernorm"}, "positions": {"learned"}, "mlp": set(ACTIVATIONS.values()), "qkv_bias": None},
    {"bos_token_id": 50256, "eos_token_id": 50256},
    "wte.weight",
    True,
    _places,
    _to_config,
    _from_config,
)
