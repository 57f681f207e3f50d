"""The flags that several commands share: a preset or a file, and one flag for each field of an experiment."""

import dataclasses
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from pygpt.config.experiment import PRESETS, Experiment
from pygpt.config.fields import choice_help
from pygpt.config.sampling import SamplingConfig
from pygpt.config.sections import DataConfig, ModelConfig, OptimConfig, TrainConfig
from pygpt.data import DATASETS, is_task
from pygpt.errors import ExperimentError
from pygpt.utils.encoding import decode_utf8
from pygpt.utils.files import open_regular

DeviceChoice = Literal["auto", "numpy", "webgpu"]
DEFAULT_PRESET = "small"
LARGEST_FILE = 1_000_000  # bytes of an experiment file


def optional(metavar):
    """Annotate an optional flag whose help shows no default."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="")


def help_of(field) -> str:
    """The help text of a field, with its choices."""
    choices = choice_help(field)
    return field.metadata["help"] + (f" ({choices})" if choices else "")


def flags_for(config, **annotations) -> Any:
    """Make a dataclass like `config` that adds each field's help for tyro. `annotations` adds more, by field."""
    fields = []
    for field in dataclasses.fields(config):
        more = annotations.get(field.name, ())
        fields.append((field.name, Annotated[(field.type, tyro.conf.arg(help=help_of(field)), *more)], field.default))
    return dataclasses.make_dataclass(f"{config.__name__}Flags", fields)


# Any, because mypy cannot see a class that is made at run time.
DataFlags: Any = flags_for(DataConfig)
ModelFlags: Any = flags_for(ModelConfig)
OptimFlags: Any = flags_for(OptimConfig)
TrainFlags: Any = flags_for(TrainConfig)
SamplingFlags: Any = flags_for(
    SamplingConfig,
    # The flag is repeated for each text; every text is used unchanged.
    stop=(tyro.conf.UseAppendAction, tyro.conf.arg(metavar="TEXT", help_behavior_hint="(can be repeated)")),
)


@dataclasses.dataclass
class ExperimentCommand:
    """Base of the commands that take an experiment: a preset or a file, and a flag for each field."""

    preset: Annotated[
        tyro.conf.Positional[str | None],
        tyro.conf.arg(
            metavar="PRESET|FILE.toml",
            help=f"{', '.join(PRESETS)}, or the path of an experiment file (.toml)",
            help_behavior_hint=f"(default: {DEFAULT_PRESET})",
        ),
    ] = None
    source: Annotated[
        str | None,
        tyro.conf.arg(
            name="data",
            metavar="NAME|FILE",
            help_behavior_hint="",
            help=f"{', '.join(DATASETS)}, a task such as task:addition, or the path of a text file",
        ),
    ] = None
    data: DataFlags = dataclasses.field(default_factory=DataFlags)
    model: ModelFlags = dataclasses.field(default_factory=ModelFlags)
    optim: OptimFlags = dataclasses.field(default_factory=OptimFlags)
    train: TrainFlags = dataclasses.field(default_factory=TrainFlags)

    def base(self) -> Experiment:
        """The experiment before the flags are applied. Raises: ExperimentError."""
        return read_experiment(self.preset or DEFAULT_PRESET)

    def with_defaults(self):
        """A copy whose flags have the preset's values."""
        experiment = self.base()
        return dataclasses.replace(
            self,
            data=DataFlags(**vars(experiment.data)),
            model=ModelFlags(**vars(experiment.model)),
            optim=OptimFlags(**vars(experiment.optim)),
            train=TrainFlags(**vars(experiment.train)),
        )

    def with_layout(self, arguments: list[str]):
        """A copy with the data.layout that fits --data: a data set's own, or documents for a task. --data.layout in
        `arguments` takes precedence."""
        if self.source is None and any(argument.startswith("--data.source") for argument in arguments):
            return dataclasses.replace(self, source=self.data.source)  # given, even if it is the preset's
        dataset = DATASETS.get(self.source or "")
        layout = dataset.layout if dataset else "documents" if is_task(self.source or "") else None
        if layout and not any(argument.startswith("--data.layout") for argument in arguments):
            return dataclasses.replace(self, data=dataclasses.replace(self.data, layout=layout))
        return self

    def experiment(self) -> Experiment:
        """The experiment: the preset or file with the flags applied. Raises: ExperimentError."""
        check_source(self.source)
        values = {
            "name": self.base().name or Path(self.preset or DEFAULT_PRESET).stem,
            **{section: vars(getattr(self, section)) for section in ("data", "model", "optim", "train")},
        }
        values["data"] = {**values["data"], **({"source": self.source} if self.source is not None else {})}
        shortcuts = {name: getattr(self, name, None) for name in ("steps", "seed", "log_every")}
        values["train"] = {**values["train"], **{name: value for name, value in shortcuts.items() if value is not None}}
        return Experiment.from_dict(values)


def check_source(source: str | None) -> None:
    """Raises: ExperimentError if --data is there and empty."""
    if source == "":
        raise ExperimentError(
            "data", "it is empty, as from a variable that is not set; give the name of a text or a file"
        )


def read_experiment(preset: str) -> Experiment:
    """Return the preset of that name, or read a .toml file. Raises: ExperimentError."""
    path = Path(os.path.expanduser(preset))
    if preset in PRESETS or (path.suffix != ".toml" and not os.path.exists(path)):
        return Experiment.preset(preset)
    try:
        with open_regular(path) as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = getattr(error, "strerror", None) or error
        raise ExperimentError("preset", f"{preset} cannot be read: {reason}") from None
    if len(content) > LARGEST_FILE:
        raise ExperimentError("preset", f"{preset} is not an experiment file: it has more than {LARGEST_FILE:,} bytes")
    try:
        return Experiment.from_toml(decode_utf8(preset, content))
    except ExperimentError as error:
        if error.field:
            raise
        raise ExperimentError("preset", f"{preset}: {error}") from None
