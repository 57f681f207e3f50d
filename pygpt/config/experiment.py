"""The experiment: the settings of a run, the same in TOML files, the command line, the lab's controls and checkpoints.

`Experiment` is a tree of frozen dataclasses; its sections are in sections.py. `Experiment.from_dict` checks all input
from outside: names, types, limits, and the rules that involve several fields.
"""

import dataclasses
import tomllib
from typing import Any

from pygpt.config.fields import Value, build, check_limits, setting, toml_value
from pygpt.config.presets import CHANGES
from pygpt.config.sections import DataConfig, ModelConfig, OptimConfig, TrainConfig
from pygpt.errors import ExperimentError
from pygpt.models.registry import MODELS
from pygpt.nn.activations import ACTIVATIONS
from pygpt.nn.positions import POSITIONS
from pygpt.optim.optimizer import OPTIMIZERS
from pygpt.tokenizers.registry import TOKENIZERS
from pygpt.utils.suggest import did_you_mean


@dataclasses.dataclass(frozen=True)
class Experiment:
    """All settings of a run. Build one with `preset`, `from_toml` or `from_dict`; change one with `with_fields`."""

    name: str = setting("", "name of the run")
    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    optim: OptimConfig = dataclasses.field(default_factory=OptimConfig)
    train: TrainConfig = dataclasses.field(default_factory=TrainConfig)

    @staticmethod
    def preset(name: str) -> "Experiment":
        """Return the preset of that name. Raises: ExperimentError for a name that is not in PRESETS."""
        if name not in PRESETS:
            raise ExperimentError(
                "preset",
                f"there is no preset {name!r}{did_you_mean(name, PRESETS)}; the presets are {', '.join(PRESETS)}",
            )
        return PRESETS[name]

    @staticmethod
    def from_dict(values: dict[str, Any]) -> "Experiment":
        """Read a nested dictionary; missing fields keep their defaults.

        Raises: ExperimentError naming the field, for an unknown name, a wrong type, a value outside its limits, or
        incompatible fields.
        """
        return build(Experiment, values, "").validated()

    @staticmethod
    def from_toml(text: str) -> "Experiment":
        """Read TOML. Raises: ExperimentError for invalid TOML, and as `from_dict` does."""
        try:
            values = tomllib.loads(text)
        except (ValueError, RecursionError) as error:  # invalid, thousands of digits, or thousands of brackets
            raise ExperimentError("", f"this is not TOML: {error}") from None
        return Experiment.from_dict(values)

    def to_dict(self) -> dict[str, Any]:
        """The nested dictionary that `from_dict` reads."""
        return dataclasses.asdict(self)

    def to_toml(self) -> str:
        """The TOML that `from_toml` reads."""
        lines = [f"name = {toml_value(self.name)}"]
        for section in ("data", "model", "optim", "train"):
            lines += ["", f"[{section}]"]
            lines += [f"{name} = {toml_value(value)}" for name, value in vars(getattr(self, section)).items()]
        return "\n".join(lines) + "\n"

    def with_fields(self, **changes: object) -> "Experiment":
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
        """Check the limits and the rules that involve several fields; return self. Raises: ExperimentError."""
        for section in dataclasses.fields(self):
            value = getattr(self, section.name)
            if dataclasses.is_dataclass(value):
                for field in dataclasses.fields(value):
                    check_limits(f"{section.name}.{field.name}", field, getattr(value, field.name))
        data, model, optim = self.data, self.model, self.optim
        if self.train.answers_only and self.data.layout != "documents":
            raise ExperimentError(
                "train.answers_only",
                "questions and answers are documents, one per line; set data.layout to documents",
            )
        if data.tokenizer_file and not TOKENIZERS[data.tokenizer].reads_files:
            raise ExperimentError(
                "data.tokenizer_file",
                f"the tokenizer {data.tokenizer} has no file; leave the field empty, "
                f"or set data.tokenizer to {' or '.join(name for name, t in TOKENIZERS.items() if t.reads_files)}",
            )
        if MODELS[model.kind].has_blocks:
            _check_heads(model)
        if model.init == "python-random":
            _check_python_random(self)
        if OPTIMIZERS[optim.name].needs_blocks and not MODELS[model.kind].has_blocks:
            raise ExperimentError(
                "optim.name",
                f"{optim.name} trains matrices inside blocks, and a {model.kind} has no blocks; choose adamw or sgd",
            )
        if optim.schedule == "rising" and optim.min_learning_rate == 0.0:
            raise ExperimentError(
                "optim.min_learning_rate", "the schedule rising multiplies this rate, so it must be above 0"
            )
        if optim.min_learning_rate > optim.learning_rate:
            raise ExperimentError(
                "optim.min_learning_rate",
                f"{optim.min_learning_rate} is above optim.learning_rate "
                f"{optim.learning_rate}; lower it, or raise optim.learning_rate",
            )
        return self


def _check_heads(model: ModelConfig) -> None:
    """Check the rules for attention heads. Raises: ExperimentError."""
    if not model.head_dim and model.n_embd % model.n_head:
        raise ExperimentError(
            "model.n_embd",
            f"{model.n_embd} cannot be divided among {model.n_head} heads; "
            f"choose a multiple of model.n_head, such as "
            f"{max(1, round(model.n_embd / model.n_head)) * model.n_head}, or set model.head_dim",
        )
    if model.n_head % model.kv_heads:
        fitting = [count for count in range(1, model.n_head + 1) if model.n_head % count == 0]
        raise ExperimentError(
            "model.n_kv_head",
            f"{model.n_head} heads cannot share {model.n_kv_head} key heads evenly; "
            f"choose one of {', '.join(map(str, fitting))}, or 0 for one each",
        )
    if problem := POSITIONS[model.positions].check(model):
        raise ExperimentError("model.positions", problem)


# The settings of microgpt that determine its matrices and the order of its documents.
_MICROGPT: dict[str, tuple[Value, ...]] = {
    "data.layout": ("documents",),
    "model.kind": ("gpt",),
    "model.tie_weights": (False,),
    "model.positions": ("learned",),
    "model.mlp": tuple(name for name, activation in ACTIVATIONS.items() if not activation.gated),
    "model.attention_gate": (False,),
}


def _check_python_random(experiment: Experiment) -> None:
    """Check the rules for `model.init = "python-random"`. Raises: ExperimentError."""
    for dotted, allowed in _MICROGPT.items():
        section, name = dotted.split(".")
        value = getattr(getattr(experiment, section), name)
        if value not in allowed:
            raise ExperimentError(
                "model.init",
                f"python-random draws the documents and the matrices of microgpt, so {dotted} "
                f"must be {' or '.join(map(toml_value, allowed))}, not {toml_value(value)}; "
                f"change it, or set model.init to normal",
            )


PRESETS = {name: Experiment(name=name).with_fields(**changes) for name, changes in CHANGES.items()}
