"""One description of a run: the same in a TOML file, on the command line, in the lab's controls and in a checkpoint.

`Experiment` is a small tree of frozen dataclasses. Each field carries its limits and a sentence of help, so that the
command line, the lab and the error messages all say the same thing. Everything that comes from outside passes through
`Experiment.from_dict`, which checks names, types, limits and the few rules that concern several fields at once.
"""

import dataclasses
import tomllib

from pygpt.config.fields import build, check_limits, nearest, setting, toml_value
from pygpt.config.presets import CHANGES
from pygpt.errors import ExperimentError


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """What the model reads."""

    source: str = setting(
        "tales",
        "a built-in text (tales, words, python, shakespeare, names), a task (task:addition), or the path of a file",
    )
    layout: str = setting("stream", "one stream of text, or one document a line", choices=("stream", "documents"))
    tokenizer: str = setting(
        "char",
        "what a token is: a character, a byte, what a text repeats (bpe), or one of GPT-2's",
        choices=("char", "byte", "bpe", "gpt2"),
    )
    vocab_size: int = setting(1024, "tokens that bpe learns", minimum=257, maximum=65536)
    tokenizer_file: str = setting(
        "",
        "tokenizer.json, or a folder with it or vocab.json and merges.txt, for bpe and gpt2: then nothing is learned",
    )
    val_fraction: float = setting(0.1, "share of the text kept for validation", minimum=0.001, maximum=0.5)


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """What learns. A bigram uses `block_size` alone of the sizes below."""

    kind: str = setting("gpt", "the architecture", choices=("bigram", "gpt"))
    n_layer: int = setting(4, "transformer blocks", minimum=1, maximum=512)
    n_head: int = setting(4, "attention heads a block", minimum=1, maximum=512)
    n_kv_head: int = setting(0, "key and value heads that the heads share, 0 for one each", minimum=0, maximum=512)
    n_embd: int = setting(
        128, "numbers that a token becomes: the width of the residual stream", minimum=1, maximum=65536
    )
    block_size: int = setting(64, "tokens the model can look back on", minimum=1, maximum=65536)
    dropout: float = setting(0.0, "share of activations zeroed in training", minimum=0.0, maximum=0.95)
    dropout_embedding: float = setting(-1.0, "the share for the embedding, -1 for the same", minimum=-1.0, maximum=0.95)
    dropout_attention: float = setting(
        -1.0, "the share for attention's weights, -1 for the same", minimum=-1.0, maximum=0.95
    )
    bias: bool = setting(False, "biases in linear layers and layer norms")
    tie_weights: bool = setting(True, "use the token embedding as the output layer too")
    init_std: float = setting(0.02, "standard deviation of the initial weights", minimum=0.0, maximum=10.0)
    init: str = setting(
        "normal",
        "python-random draws weights, and the order of documents, as microgpt does",
        choices=("normal", "python-random"),
    )
    dtype: str = setting(
        "float32", "what every number is; float64 is for the NumPy device alone", choices=("float32", "float64")
    )
    norm: str = setting("layernorm", "what keeps activations in bounds", choices=("layernorm", "rmsnorm", "none"))
    norm_place: str = setting("pre", "norms before each branch, or after it is added", choices=("pre", "post"))
    norm_scale: bool = setting(True, "norms learn a scale for each channel")
    norm_embedding: bool = setting(False, "a norm right after the embedding")
    norm_final: bool = setting(True, "a norm before the output layer")
    positions: str = setting(
        "learned", "how the model knows a token's place", choices=("learned", "sinusoidal", "rope", "alibi", "none")
    )
    rope_base: float = setting(10000.0, "RoPE's longest wave, in tokens over 2 pi", minimum=1.0, maximum=1e9)
    mlp: str = setting(
        "gelu",
        "the activation of the MLP; the last two multiply two layers",
        choices=("gelu", "gelu_erf", "relu", "relu_squared", "silu", "swiglu", "geglu"),
    )
    mlp_ratio: float = setting(4.0, "width of the MLP, in widths of the residual stream", minimum=0.01, maximum=64.0)

    window: int = setting(0, "tokens that attention looks back on, 0 for all", minimum=0, maximum=65536)
    qk_norm: bool = setting(False, "an RMS norm of queries and keys")
    attention_cap: float = setting(0.0, "soft limit of attention's scores, 0 for none", minimum=0.0, maximum=1e4)
    attention_sinks: bool = setting(False, "each head may learn to look at nothing")
    attention_gate: bool = setting(False, "a learned gate on what attention gives")

    logit_cap: float = setting(0.0, "soft limit of the logits, 0 for none", minimum=0.0, maximum=1e4)

    @property
    def head_size(self) -> int:
        """Channels of a head."""
        return self.n_embd // self.n_head

    @property
    def kv_heads(self) -> int:
        """Key heads a block, and value heads."""
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
        """Whether the MLP multiplies two layers."""
        return self.mlp in ("swiglu", "geglu")


@dataclasses.dataclass(frozen=True)
class OptimConfig:
    """How it learns: an optimizer under a learning-rate schedule."""

    name: str = setting("adamw", "the optimizer", choices=("adamw", "adam", "sgd", "muon"))
    learning_rate: float = setting(1e-3, "step size after warm-up", minimum=0.0, maximum=100.0)
    min_learning_rate: float = setting(1e-4, "step size at the end of the schedule", minimum=0.0, maximum=100.0)
    schedule: str = setting(
        "cosine", "how the step size falls", choices=("cosine", "linear", "constant", "step", "exponential")
    )
    fall_every: int = setting(
        500, "steps for each fall of the schedules step and exponential", minimum=1, maximum=10_000_000
    )
    fall_factor: float = setting(0.5, "what a fall multiplies the step size by", minimum=0.0, maximum=1.0)
    warmup_steps: int = setting(100, "steps over which the step size rises from 0", minimum=0, maximum=10_000_000)
    weight_decay: float = setting(
        0.1, "pull of weights toward 0: decoupled, or in adam and sgd a part of the gradient", minimum=0.0, maximum=10.0
    )
    decay_groups: str = setting(
        "matrices",
        "what decays: matrices, those of linear layers alone (no embeddings), or all",
        choices=("matrices", "linear", "all"),
    )
    momentum: float = setting(0.95, "memory of the direction, in sgd and muon", minimum=0.0, maximum=0.999999)
    nesterov: bool = setting(True, "momentum that looks a step ahead")
    beta1: float = setting(0.9, "memory of the gradient's mean", minimum=0.0, maximum=0.999999)
    beta2: float = setting(0.99, "memory of the gradient's square", minimum=0.0, maximum=0.999999)
    epsilon: float = setting(1e-8, "added to the root of the square", minimum=1e-12, maximum=1.0)
    label_smoothing: float = setting(
        0.0, "share of a target's weight that all tokens get, in training", minimum=0.0, maximum=0.99
    )
    z_loss: float = setting(
        0.0, "weight of the squared log of the softmax's sum, in training", minimum=0.0, maximum=10.0
    )
    ema: float = setting(
        0.0,
        "memory of an average of the weights, which then answers instead; 0 for none",
        minimum=0.0,
        maximum=0.999999,
    )
    grad_clip: float = setting(1.0, "largest global gradient norm, 0 for none", minimum=0.0, maximum=1e6)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How long, on how much, and how often to look."""

    steps: int = setting(2000, "training steps in all", minimum=1, maximum=10_000_000)
    batch_size: int = setting(12, "sequences a pass, and a step without accumulation", minimum=1, maximum=65536)
    accumulation: int = setting(
        1, "passes whose gradients make one step: a larger batch in the memory of a small one", minimum=1, maximum=1024
    )
    eval_every: int = setting(250, "steps between two evaluations", minimum=1, maximum=10_000_000)
    eval_batches: int = setting(20, "batches an evaluation averages", minimum=1, maximum=10_000)
    log_every: int = setting(10, "steps between two logged losses", minimum=1, maximum=10_000_000)
    answers_only: bool = setting(False, "learn only what follows the = of each document, its answer")
    seed: int = setting(1337, "where all chance comes from", minimum=0, maximum=2**32 - 1)

    @property
    def sequences(self) -> int:
        """Sequences a step learns from."""
        return self.accumulation * self.batch_size


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A whole run, described. Build one with `preset`, `from_toml` or `from_dict`; change one with `with_fields`."""

    name: str = setting("", "what to call it")
    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    optim: OptimConfig = dataclasses.field(default_factory=OptimConfig)
    train: TrainConfig = dataclasses.field(default_factory=TrainConfig)

    @staticmethod
    def preset(name: str) -> "Experiment":
        """The preset of that name. Raises ExperimentError for a name that is not in PRESETS."""
        if name not in PRESETS:
            raise ExperimentError(
                "preset", f"there is no preset {name!r}{nearest(name, PRESETS)}; the presets are {', '.join(PRESETS)}"
            )
        return PRESETS[name]

    @staticmethod
    def from_dict(values: dict) -> "Experiment":
        """Read a nested dictionary; fields left out keep their defaults.

        Raises: ExperimentError naming the field for an unknown name, a wrong type, a value out of its limits, or
        fields that do not go together.
        """
        return build(Experiment, values, "").validated()

    @staticmethod
    def from_toml(text: str) -> "Experiment":
        """Read TOML. Raises ExperimentError for what is not TOML, and as `from_dict` does."""
        try:
            values = tomllib.loads(text)
        except (ValueError, RecursionError) as error:  # no TOML, a number of thousands of digits, thousands of brackets
            raise ExperimentError("", f"this is not TOML: {error}") from None
        return Experiment.from_dict(values)

    def to_dict(self) -> dict:
        """The nested dictionary `from_dict` reads."""
        return dataclasses.asdict(self)

    def to_toml(self) -> str:
        """The TOML `from_toml` reads."""
        lines = [f"name = {toml_value(self.name)}"]
        for section in ("data", "model", "optim", "train"):
            lines += ["", f"[{section}]"]
            lines += [f"{name} = {toml_value(value)}" for name, value in vars(getattr(self, section)).items()]
        return "\n".join(lines) + "\n"

    def with_fields(self, **changes) -> "Experiment":
        """A copy with dotted fields changed: `with_fields(**{"model.n_layer": 6, "train.steps": 100})`."""
        values = self.to_dict()
        for dotted, value in changes.items():
            *path, last = dotted.split(".")
            target = values
            for part in path:
                target = target.setdefault(part, {})
            target[last] = value
        return Experiment.from_dict(values)

    def validated(self) -> "Experiment":
        """Itself, once the limits and the rules that concern several fields hold. Raises ExperimentError otherwise."""
        for section in dataclasses.fields(self):
            value = getattr(self, section.name)
            if dataclasses.is_dataclass(value):
                for field in dataclasses.fields(value):
                    check_limits(f"{section.name}.{field.name}", field, getattr(value, field.name))
        data, model, optim = self.data, self.model, self.optim
        if self.train.answers_only and self.data.layout != "documents":
            raise ExperimentError(
                "train.answers_only",
                "questions and answers are documents, one on each line; set data.layout to documents",
            )
        if data.tokenizer_file and data.tokenizer not in ("bpe", "gpt2"):
            raise ExperimentError(
                "data.tokenizer_file",
                f"the tokenizer {data.tokenizer} has no file; leave the field empty, "
                f"or set data.tokenizer to bpe or gpt2",
            )
        if model.kind == "gpt":
            _check_heads(model)
        if model.init == "python-random":
            _check_python_random(self)
        if optim.name == "muon" and model.kind != "gpt":
            raise ExperimentError(
                "optim.name",
                f"muon is for the matrices inside blocks, and a {model.kind} has no blocks; choose adamw or sgd",
            )
        if optim.min_learning_rate > optim.learning_rate:
            raise ExperimentError(
                "optim.min_learning_rate",
                f"{optim.min_learning_rate} is above optim.learning_rate "
                f"{optim.learning_rate}, where the schedule starts",
            )
        return self


def _check_heads(model):
    """The rules of heads. Raises ExperimentError."""
    if model.n_embd % model.n_head:
        raise ExperimentError(
            "model.n_embd",
            f"{model.n_embd} cannot be shared out over {model.n_head} heads; "
            f"choose a multiple of model.n_head, such as "
            f"{max(1, round(model.n_embd / model.n_head)) * model.n_head}",
        )
    if model.n_head % model.kv_heads:
        fitting = [count for count in range(1, model.n_head + 1) if model.n_head % count == 0]
        raise ExperimentError(
            "model.n_kv_head",
            f"{model.n_head} heads cannot share {model.n_kv_head} key heads evenly; "
            f"choose one of {', '.join(map(str, fitting))}, or 0 for one each",
        )
    if model.positions == "rope" and model.head_size % 2:
        raise ExperimentError(
            "model.positions",
            f"rope turns pairs of channels, and a head of {model.head_size} (model.n_embd "
            f"{model.n_embd} over {model.n_head} heads) has an odd one; make heads even, "
            f"or choose other positions",
        )


# What microgpt is, of what would bring other matrices or another order of the documents.
_OF_MICROGPT = {
    "data.layout": ("documents",),
    "model.kind": ("gpt",),
    "model.tie_weights": (False,),
    "model.positions": ("learned",),
    "model.mlp": ("relu", "gelu", "gelu_erf", "relu_squared", "silu"),
    "model.attention_gate": (False,),
}


def _check_python_random(experiment):
    """The rules of `model.init = "python-random"`. Raises ExperimentError."""
    for dotted, allowed in _OF_MICROGPT.items():
        section, name = dotted.split(".")
        value = getattr(getattr(experiment, section), name)
        if value not in allowed:
            raise ExperimentError(
                "model.init",
                f"python-random draws the documents and the matrices of microgpt, so {dotted} "
                f"must be {' or '.join(map(toml_value, allowed))}, not {toml_value(value)}; "
                f"change that, or choose normal",
            )


PRESETS = {name: Experiment(name=name).with_fields(**changes) for name, changes in CHANGES.items()}
