"""The four sections of an experiment: data, model, optimizer, training.

Each field declares its help and its limits; the flags, the page's controls and the error messages are made from these.
The choices of a field are the entries of a registry, so a new choice needs only a new entry there.
"""

import dataclasses

from pygpt.config.fields import setting
from pygpt.data.registry import DATASETS
from pygpt.models.registry import MODELS
from pygpt.nn.activations import ACTIVATIONS
from pygpt.nn.norms import NORMS
from pygpt.nn.positions import POSITIONS, ROPE_SCALINGS
from pygpt.optim.optimizer import OPTIMIZERS
from pygpt.optim.schedules import SCHEDULES
from pygpt.tokenizers.registry import TOKENIZERS

MAX_STEPS = 10_000_000  # of a run

# What gives a group of fields a meaning; see `setting`.
LEARNED_VOCABULARY = {"data.tokenizer": tuple(name for name, choice in TOKENIZERS.items() if choice.sized)}
ROPE = {"model.positions": ("rope",)}
SCALED_ROPE = ROPE | {"model.rope_scaling": tuple(name for name in ROPE_SCALINGS if name != "none")}
LLAMA3_ROPE = ROPE | {"model.rope_scaling": ("llama3",)}
NORM = {"model.norm": tuple(name for name in NORMS if name != "none")}
FALLING = {"optim.schedule": tuple(name for name in SCHEDULES if name != "constant")}
DECAYS = {"optim.schedule": ("step", "exponential")}
ADAM = {"optim.name": tuple(name for name in OPTIMIZERS if name != "sgd")}  # muon leaves some parameters to AdamW
MOMENTUM = {"optim.name": ("sgd", "muon")}


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """The text and how it becomes tokens."""

    source: str = setting(
        "tales", f"a data set ({', '.join(DATASETS)}), a task such as task:addition, or the path of a text file"
    )
    layout: str = setting(
        "stream",
        "one stream of text, or one document per line, of which only the part that fits into model.block_size is used",
        choices=("stream", "documents"),
    )
    tokenizer: str = setting("char", "how text becomes tokens", choices=TOKENIZERS)
    vocab_size: int = setting(
        1024, "size of the vocabulary that bpe learns", minimum=257, maximum=65536, needs=LEARNED_VOCABULARY
    )
    tokenizer_file: str = setting(
        "",
        "tokenizer to load, for bpe and gpt2: tokenizer.json, a .tiktoken file, or a folder with tokenizer.json or "
        "with vocab.json and merges.txt",
    )
    val_fraction: float = setting(0.1, "fraction of the text held out for validation", minimum=0.001, maximum=0.5)


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The architecture. A bigram uses only `block_size` of these sizes."""

    kind: str = setting("gpt", "architecture", choices=MODELS)
    n_layer: int = setting(4, "number of transformer blocks", minimum=1, maximum=512)
    n_head: int = setting(4, "attention heads per block", minimum=1, maximum=512)
    n_kv_head: int = setting(
        0, "key/value heads (GQA)", minimum=0, maximum=512, special=(0, "as many as attention heads")
    )
    n_embd: int = setting(128, "embedding width: the width of the residual stream", minimum=1, maximum=65536)
    head_dim: int = setting(0, "channels per head", minimum=0, maximum=4096, special=(0, "n_embd / n_head"))
    block_size: int = setting(64, "context length in tokens", minimum=1, maximum=65536)
    dropout: float = setting(0.0, "dropout rate", minimum=0.0, maximum=0.95)
    dropout_embedding: float = setting(
        -1.0,
        "dropout rate of the embedding",
        minimum=-1.0,
        maximum=0.95,
        special=(-1, "the same as the rest"),
    )
    dropout_attention: float = setting(
        -1.0,
        "dropout rate of the attention weights",
        minimum=-1.0,
        maximum=0.95,
        special=(-1, "the same as the rest"),
    )
    bias: bool = setting(False, "biases in linear layers and layer norms")
    qkv_bias: bool = setting(False, "biases of queries, keys and values, also if other layers have none")
    tie_weights: bool = setting(True, "use the token embedding as the output layer too (weight tying)")
    init_std: float = setting(0.02, "standard deviation of the initial weights", minimum=0.0, maximum=10.0)
    init: str = setting(
        "normal",
        "how the initial weights are drawn; python-random draws them and the document order as microgpt does",
        choices=("normal", "python-random"),
    )
    dtype: str = setting("float32", "number type; float64 is for NumPy only", choices=("float32", "float64"))
    norm: str = setting("layernorm", "normalisation layer", choices=NORMS)
    norm_epsilon: float = setting(
        1e-5, "added to the variance in norms, for numerical stability", minimum=0.0, maximum=1.0
    )
    norm_place: str = setting(
        "pre",
        "normalise before each branch (pre-norm) or after adding it (post-norm)",
        choices=("pre", "post"),
        needs=NORM,
    )
    norm_scale: bool = setting(True, "norms have a learned scale per channel", needs=NORM)
    norm_embedding: bool = setting(False, "a norm right after the embedding", needs=NORM)
    norm_final: bool = setting(True, "a norm before the output layer", needs=NORM)
    positions: str = setting("learned", "position encoding", choices=POSITIONS)
    rope_base: float = setting(10000.0, "base of RoPE's wavelengths (theta)", minimum=1.0, maximum=1e9, needs=ROPE)
    rope_scaling: str = setting(
        "none", "how RoPE's wavelengths are scaled, to read longer texts", choices=ROPE_SCALINGS, needs=ROPE
    )
    rope_factor: float = setting(
        1.0, "factor of RoPE's scaled wavelengths", minimum=1e-3, maximum=1e6, needs=SCALED_ROPE
    )
    rope_low_factor: float = setting(
        1.0,
        "llama3 scaling: wavelengths above rope_original_context / this are scaled",
        minimum=1e-3,
        maximum=1e6,
        needs=LLAMA3_ROPE,
    )
    rope_high_factor: float = setting(
        4.0,
        "llama3 scaling: wavelengths below rope_original_context / this stay",
        minimum=1e-3,
        maximum=1e6,
        needs=LLAMA3_ROPE,
    )
    rope_original_context: int = setting(
        8192, "llama3 scaling: context length before the scaling", minimum=1, maximum=2**24, needs=LLAMA3_ROPE
    )
    mlp: str = setting("gelu", "activation of the MLP", choices=ACTIVATIONS)
    mlp_ratio: float = setting(4.0, "MLP width as a multiple of the embedding width", minimum=0.01, maximum=64.0)

    window: int = setting(
        0, "sliding-window attention: window in tokens", minimum=0, maximum=65536, special=(0, "no window")
    )
    qk_norm: bool = setting(False, "RMS norm of queries and keys")
    qk_norm_scale: bool = setting(
        False, "the norm of queries and keys has a learned scale for each", needs={"model.qk_norm": (True,)}
    )
    attention_cap: float = setting(
        0.0, "soft cap on the attention scores", minimum=0.0, maximum=1e4, special=(0, "none")
    )
    attention_sinks: bool = setting(False, "attention sinks: each head can learn to attend to nothing")
    attention_gate: bool = setting(False, "a learned gate on attention's output")

    logit_cap: float = setting(0.0, "soft cap on the logits", minimum=0.0, maximum=1e4, special=(0, "none"))

    @property
    def head_size(self) -> int:
        """Channels per head."""
        return self.head_dim or self.n_embd // self.n_head

    @property
    def heads_width(self) -> int:
        """Channels of all query heads together."""
        return self.n_head * self.head_size

    @property
    def kv_heads(self) -> int:
        """Key/value heads per block."""
        return self.n_kv_head or self.n_head

    @property
    def qkv_size(self) -> int:
        """Channels of queries, keys and values together."""
        return (self.n_head + 2 * self.kv_heads) * self.head_size

    @property
    def hidden_size(self) -> int:
        """Width of the MLP."""
        return max(1, round(self.mlp_ratio * self.n_embd))

    @property
    def gated_mlp(self) -> bool:
        """Whether the MLP is gated: the product of two layers."""
        return ACTIVATIONS[self.mlp].gated


@dataclasses.dataclass(frozen=True)
class OptimConfig:
    """The optimizer and its learning rate schedule."""

    name: str = setting("adamw", "optimizer", choices=OPTIMIZERS)
    learning_rate: float = setting(1e-3, "learning rate after warmup", minimum=0.0, maximum=100.0)
    min_learning_rate: float = setting(
        1e-4, "lowest learning rate of the schedule", minimum=0.0, maximum=100.0, needs=FALLING
    )
    schedule: str = setting("cosine", "learning rate schedule after warmup", choices=SCHEDULES)
    fall_every: int = setting(
        500,
        "steps between decays, for the step and exponential schedules",
        minimum=1,
        maximum=10_000_000,
        needs=DECAYS,
    )
    fall_factor: float = setting(0.5, "learning rate factor of each decay", minimum=0.0, maximum=1.0, needs=DECAYS)
    warmup_steps: int = setting(
        100, "warmup: steps in which the learning rate rises from 0", minimum=0, maximum=10_000_000
    )
    weight_decay: float = setting(
        0.1, "weight decay: decoupled, or part of the gradient in adam and sgd", minimum=0.0, maximum=10.0
    )
    decay_groups: str = setting(
        "matrices",
        "which weights decay: all matrices, those of linear layers only (no embeddings), or everything",
        choices=("matrices", "linear", "all"),
    )
    momentum: float = setting(0.95, "momentum of sgd and muon", minimum=0.0, maximum=0.999999, needs=MOMENTUM)
    nesterov: bool = setting(True, "Nesterov momentum", needs=MOMENTUM)
    beta1: float = setting(0.9, "decay rate of the first moment (Adam)", minimum=0.0, maximum=0.999999, needs=ADAM)
    beta2: float = setting(0.99, "decay rate of the second moment (Adam)", minimum=0.0, maximum=0.999999, needs=ADAM)
    epsilon: float = setting(
        1e-8, "added to Adam's denominator for numerical stability", minimum=1e-12, maximum=1.0, needs=ADAM
    )
    label_smoothing: float = setting(0.0, "label smoothing, in training", minimum=0.0, maximum=0.99)
    z_loss: float = setting(
        0.0, "z-loss: weight of the squared log-sum-exp of the logits, in training", minimum=0.0, maximum=10.0
    )
    ema: float = setting(
        0.0,
        "decay rate of an exponential moving average of the weights, used for evaluation and sampling",
        minimum=0.0,
        maximum=0.999999,
        special=(0, "none"),
    )
    grad_clip: float = setting(
        1.0, "largest global gradient norm", minimum=0.0, maximum=1e6, special=(0, "no clipping")
    )


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How long to train, on how much at a time, and how often to evaluate and log."""

    steps: int = setting(2000, "training steps", minimum=1, maximum=MAX_STEPS)
    batch_size: int = setting(12, "sequences per batch", minimum=1, maximum=65536)
    accumulation: int = setting(1, "gradient accumulation: batches per step", minimum=1, maximum=1024)
    eval_every: int = setting(250, "steps between evaluations", minimum=1, maximum=10_000_000)
    eval_batches: int = setting(20, "batches per evaluation", minimum=1, maximum=10_000)
    log_every: int = setting(10, "steps between logged losses", minimum=1, maximum=10_000_000)
    answers_only: bool = setting(False, "train only on the answers: what follows the = in each document")
    seed: int = setting(1337, "random seed", minimum=0, maximum=2**32 - 1)

    @property
    def sequences(self) -> int:
        """Sequences per step."""
        return self.accumulation * self.batch_size
