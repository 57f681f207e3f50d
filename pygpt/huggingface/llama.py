"""The layouts of Llama (SmolLM among them), Mistral, Qwen 2 and Qwen 3, which differ in biases, windows and norms.

Source: huggingface/transformers 5.24, models/llama, mistral, qwen2 and qwen3, and modeling_rope_utils.py.
"""

from collections.abc import Callable, Iterator
from functools import partial

from pygpt.config.sections import ModelConfig
from pygpt.huggingface.config_file import Config
from pygpt.huggingface.layout import ROPE_SETTINGS, ArrayMapping, Layout, head_place, inverted, rate

ACTIVATIONS = {"silu": "swiglu", "swish": "swiglu", "gelu_pytorch_tanh": "geglu", "gelu_new": "geglu"}


def _places(model: ModelConfig, vocab_size: int, output_bias: bool = False) -> Iterator[ArrayMapping]:
    """Yield the places of the arrays. Linear layers are (n_out, n_in); queries, keys and values are separate. With
    `output_bias`, the projection has a bias where queries, keys and values have one."""
    size, hidden, head = model.n_embd, model.hidden_size, model.head_size
    queries, keys = model.heads_width, model.kv_heads * head
    qkv_bias = model.bias or model.qkv_bias

    def linear(theirs, ours, n_in, n_out, bias, first=None):
        columns = None if first is None else (first, first + n_out)
        yield ArrayMapping(f"{theirs}.weight", f"{ours}.weight", (n_out, n_in), True, columns)
        if bias:
            yield ArrayMapping(f"{theirs}.bias", f"{ours}.bias", (n_out,), False, columns)

    yield ArrayMapping("embed_tokens.weight", "embedding.tokens", (vocab_size, size))
    for layer in range(model.n_layer):
        ours, theirs = f"blocks.{layer}", f"layers.{layer}"
        attention, mlp = f"{theirs}.self_attn", f"{theirs}.mlp"
        yield ArrayMapping(f"{theirs}.input_layernorm.weight", f"{ours}.norm_1.weight", (size,))
        yield from linear(f"{attention}.q_proj", f"{ours}.attention.qkv", size, queries, qkv_bias, 0)
        yield from linear(f"{attention}.k_proj", f"{ours}.attention.qkv", size, keys, qkv_bias, queries)
        yield from linear(f"{attention}.v_proj", f"{ours}.attention.qkv", size, keys, qkv_bias, queries + keys)
        output = model.bias or (output_bias and qkv_bias)
        yield from linear(f"{attention}.o_proj", f"{ours}.attention.projection", queries, size, output)
        if model.qk_norm:
            scale = f"{ours}.attention.qk_scale"
            yield ArrayMapping(f"{attention}.q_norm.weight", scale, (head,), columns=(0, head))
            yield ArrayMapping(f"{attention}.k_norm.weight", scale, (head,), columns=(head, 2 * head))
        yield ArrayMapping(f"{theirs}.post_attention_layernorm.weight", f"{ours}.norm_2.weight", (size,))
        yield from linear(f"{mlp}.gate_proj", f"{ours}.mlp.expand", size, hidden, model.bias)
        yield from linear(f"{mlp}.up_proj", f"{ours}.mlp.factor", size, hidden, model.bias)
        yield from linear(f"{mlp}.down_proj", f"{ours}.mlp.contract", hidden, size, model.bias)
    yield ArrayMapping("norm.weight", "norm.weight", (size,))
    yield from head_place(model, vocab_size)


def _to_config(own: Callable[[ModelConfig], dict], model: ModelConfig) -> dict:
    """The fields that all have, and a family's `own`."""
    rope = _rope_to_config(model)
    return {
        "num_hidden_layers": model.n_layer,
        "num_attention_heads": model.n_head,
        "num_key_value_heads": model.kv_heads,
        "hidden_size": model.n_embd,
        "head_dim": model.head_size,
        "max_position_embeddings": model.block_size,
        "intermediate_size": model.hidden_size,
        "hidden_act": inverted(ACTIVATIONS)[model.mlp],
        "rms_norm_eps": model.norm_epsilon,
        "rope_theta": model.rope_base,
        "rope_parameters": rope,
        # transformers 4 reads this name, and transformers 5 puts it before the other.
        **({"rope_scaling": rope} if model.rope_scaling != "none" else {}),
        "initializer_range": model.init_std,
        "attention_dropout": rate(model.dropout_attention, model),
        **own(model),
    }


def _rope_to_config(model: ModelConfig) -> dict:
    if model.rope_scaling == "none":
        return {"rope_type": "default", "rope_theta": model.rope_base}
    rope = {"rope_type": model.rope_scaling, "rope_theta": model.rope_base, "factor": model.rope_factor}
    if model.rope_scaling == "llama3":
        rope |= {
            "low_freq_factor": model.rope_low_factor,
            "high_freq_factor": model.rope_high_factor,
            "original_max_position_embeddings": model.rope_original_context,
        }
    return rope


def _from_config(own: Callable[[Config], dict], defaults: dict, config: Config) -> dict:
    """ModelConfig's fields: those that all have, and a family's `own`. `defaults` are for what the file leaves out."""
    config = Config({**defaults, **config.values})
    size, heads = config.integer("hidden_size"), config.integer("num_attention_heads")
    key_heads = config.integer("num_key_value_heads", heads)
    head = config.integer("head_dim", max(1, size // heads))
    return {
        "n_layer": config.integer("num_hidden_layers"),
        "n_head": heads,
        "n_embd": size,
        "head_dim": 0 if head * heads == size else head,
        "n_kv_head": 0 if key_heads == heads else key_heads,
        "block_size": config.integer("max_position_embeddings"),
        "norm": "rmsnorm",
        "norm_epsilon": config.number("rms_norm_eps", 1e-6),
        "positions": "rope",
        **_rope_from_config(config),
        "mlp": config.choice("hidden_act", ACTIVATIONS, "silu"),
        "mlp_ratio": config.integer("intermediate_size") / size,
        "init_std": config.number("initializer_range", 0.02),
        "dropout_attention": config.number("attention_dropout", 0.0),
        **own(config),
    }


def _rope_from_config(config: Config) -> dict:
    """As transformers 5 reads it: the older rope_scaling, if it says anything, takes the place of rope_parameters."""
    rope = config.table("rope_scaling") or config.table("rope_parameters")
    for table in (config, rope):
        table.require("partial_rotary_factor", 1)
    kinds = {"default": "none", "linear": "linear", "llama3": "llama3"}
    scaling = rope.choice("rope_type" if "rope_type" in rope.values else "type", kinds, "default")
    fields = {
        "rope_base": rope.number("rope_theta", config.number("rope_theta", 10000.0)),
        "rope_scaling": scaling,
    }
    if scaling != "none":
        fields["rope_factor"] = rope.number("factor")
    if scaling == "llama3":
        fields["rope_low_factor"] = rope.number("low_freq_factor")
        fields["rope_high_factor"] = rope.number("high_freq_factor")
        context, name = config.integer("max_position_embeddings"), "original_max_position_embeddings"
        fields["rope_original_context"] = config.integer(name, rope.integer(name, context))
    return fields


def _window_to_config(model: ModelConfig) -> dict:
    """Qwen's sliding window: of all layers, or of none."""
    return {
        "use_sliding_window": model.window > 0,
        "sliding_window": model.window or None,
        "max_window_layers": 0 if model.window else model.n_layer,
    }


def _window_from_config(config: Config) -> dict:
    layers = config.integer("num_hidden_layers")
    window = config.values["sliding_window"] if config.boolean("use_sliding_window", False) else None
    first = config.integer("max_window_layers", minimum=0)
    return _same_window(config, window, layers if window is None else min(first, layers))


def _same_window(config: Config, window: object, full: int) -> dict:
    """The window of every layer. Without layer_types, the first `full` layers have none.

    Raises: CheckpointError if the layers differ, or layer_types is no list of kinds.
    """
    layers, kinds = config.integer("num_hidden_layers"), config.values.get("layer_types")
    if kinds is None:
        kinds = ["full_attention"] * (full > 0) + ["sliding_attention"] * (full < layers)
    elif not isinstance(kinds, list) or len(kinds) != layers or not all(isinstance(kind, str) for kind in kinds):
        raise config.unlike("layer_types", kinds, f"expected the kind of each of {layers} layers")
    if set(kinds) == {"full_attention"}:
        return {"window": 0}
    if window is not None and set(kinds) == {"sliding_attention"}:
        return {"window": config.integer("sliding_window")}
    raise config.unlike("layer_types", kinds, "pygpt has the same window in every layer, or none")


def _mistral_window(config: Config) -> dict:
    """With layer_types, which Ministral has, transformers reads a mistral as one."""
    window = config.values["sliding_window"]
    return _same_window(config, window, config.integer("num_hidden_layers") if window is None else 0)


def _layout(model_type, architecture, wanted, ids, defaults, to_config, from_config, **others):
    return Layout(
        model_type,
        architecture,
        "model.",
        {
            "norm": {"rmsnorm"},
            "positions": {"rope"},
            "mlp": {"swiglu", "geglu"},
            "n_kv_head": None,
            "head_dim": None,
            **dict.fromkeys(ROPE_SETTINGS),
            **wanted,
        },
        ids,
        "embed_tokens.weight",
        False,
        **{"places": _places, **others},
        to_config=partial(_to_config, to_config),
        from_config=partial(_from_config, from_config, defaults),
    )


QWEN = {"max_position_embeddings": 32768, "num_key_value_heads": 32, "sliding_window": 4096, "max_window_layers": 28}


def _uneven(model: ModelConfig) -> str:
    """Why LlamaConfig refuses a model although it names its head_dim."""
    even = model.n_embd % model.n_head == 0
    return "" if even else f"model.n_embd {model.n_embd} is not a multiple of model.n_head {model.n_head}"


def _unbiased(config: Config) -> tuple[str, ...]:
    """The parts of a Llama's blocks without biases. In pygpt, all have biases if one of them has."""
    flags = {".self_attn.": "attention_bias", ".mlp.": "mlp_bias"}
    return tuple(part for part, flag in flags.items() if not config.boolean(flag, False))


LLAMA = _layout(
    "llama",
    "LlamaForCausalLM",
    {"qkv_bias": None},
    {"bos_token_id": 1, "eos_token_id": 2},
    {"max_position_embeddings": 2048},
    lambda model: {"attention_bias": model.bias or model.qkv_bias, "mlp_bias": model.bias},
    lambda config: {"bias": config.boolean("attention_bias", False) or config.boolean("mlp_bias", False)},
    places=partial(_places, output_bias=True),
    problem=_uneven,
    unbiased=_unbiased,
)
MISTRAL = _layout(
    "mistral",
    "MistralForCausalLM",
    {"bias": {False}, "window": None},
    {"bos_token_id": 1, "eos_token_id": 2},
    {"max_position_embeddings": 4096 * 32, "num_key_value_heads": 8, "sliding_window": 4096},
    lambda model: {"sliding_window": model.window or None},
    _mistral_window,
)
QWEN2 = _layout(
    "qwen2",
    "Qwen2ForCausalLM",
    {"bias": {False}, "qkv_bias": {True}, "window": None},
    {"bos_token_id": None, "eos_token_id": None},
    QWEN,
    _window_to_config,
    lambda config: {"qkv_bias": True, **_window_from_config(config)},
    normalizer="NFC",
)
QWEN3 = _layout(
    "qwen3",
    "Qwen3ForCausalLM",
    {"qkv_bias": None, "qk_norm": {True}, "qk_norm_scale": None, "window": None},
    {"bos_token_id": None, "eos_token_id": None},
    {**QWEN, "head_dim": 128},
    lambda model: {"attention_bias": model.bias or model.qkv_bias, **_window_to_config(model)},
    lambda config: {
        # The output layer of attention has a bias too, and with it in pygpt the MLP, where it is zero.
        "bias": config.boolean("attention_bias", False),
        "qk_norm": True,
        "qk_norm_scale": True,
        **_window_from_config(config),
    },
    places=partial(_places, output_bias=True),
    unbiased=lambda config: (".mlp.",),
)
