"""What each command takes. tyro turns these dataclasses into flags and help."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from pygpt.config.experiment import PRESETS, DataConfig, Experiment, ModelConfig, OptimConfig, TrainConfig
from pygpt.data import DATASETS, is_task
from pygpt.errors import ExperimentError

Choice = Literal["auto", "numpy", "webgpu"]


def _left_out(metavar):
    """A flag that may be left out, and then shows no default."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="")


def _flags(config):
    """A dataclass like `config`, whose fields carry their help and limits for tyro."""
    fields = []
    for field in dataclasses.fields(config):
        limits = field.metadata
        help = limits["help"]
        if limits["choices"]:
            help += f": {', '.join(limits['choices'])}"
        fields.append((field.name, Annotated[field.type, tyro.conf.arg(help=help)], field.default))
    return dataclasses.make_dataclass(f"{config.__name__}Flags", fields)


DataFlags, ModelFlags, OptimFlags, TrainFlags = map(_flags, (DataConfig, ModelConfig, OptimConfig, TrainConfig))
DEFAULT_PRESET = "small"


@dataclasses.dataclass
class Described:
    """What the commands that describe an experiment share: a preset or a file, and a flag for each field."""

    preset: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="PRESET|FILE.toml")] = DEFAULT_PRESET
    """bigram, micro, baby, small, nano, or the path of an experiment's .toml file"""
    source: Annotated[str | None, tyro.conf.arg(name="data", metavar="NAME|FILE", help_behavior_hint="")] = None
    """tales, words, python, shakespeare, names, a task such as task:addition, or the path of a text file"""
    data: DataFlags = dataclasses.field(default_factory=DataFlags)
    model: ModelFlags = dataclasses.field(default_factory=ModelFlags)
    optim: OptimFlags = dataclasses.field(default_factory=OptimFlags)
    train: TrainFlags = dataclasses.field(default_factory=TrainFlags)

    def base(self) -> Experiment:
        """The experiment that the flags change. Raises ExperimentError."""
        return read_experiment(self.preset)

    def with_defaults(self) -> "Described":
        """The same command with the preset's values where the flags' defaults were."""
        experiment = self.base()
        return dataclasses.replace(
            self,
            data=DataFlags(**vars(experiment.data)),
            model=ModelFlags(**vars(experiment.model)),
            optim=OptimFlags(**vars(experiment.optim)),
            train=TrainFlags(**vars(experiment.train)),
        )

    def with_layout(self, arguments: list[str]) -> "Described":
        """The same command, where `--data names` means names as they come, one document a line, unless a flag says
        otherwise; tasks are read so too."""
        known = DATASETS.get(self.source)
        layout = known.layout if known else "documents" if is_task(self.source or "") else None
        if layout and not any(argument.startswith("--data.layout") for argument in arguments):
            return dataclasses.replace(self, data=dataclasses.replace(self.data, layout=layout))
        return self

    def experiment(self) -> Experiment:
        """The experiment that preset and flags make together. Raises ExperimentError."""
        values = {
            "name": self.base().name or Path(self.preset).stem,
            **{section: vars(getattr(self, section)) for section in ("data", "model", "optim", "train")},
        }
        values["data"] = {**values["data"], **({"source": self.source} if self.source is not None else {})}
        short = {name: getattr(self, name, None) for name in ("steps", "seed", "log_every")}
        values["train"] = {**values["train"], **{name: value for name, value in short.items() if value is not None}}
        return Experiment.from_dict(values)


@dataclasses.dataclass
class Train(Described):
    """Train a model and keep it in a folder. Ctrl-C saves and says how to go on."""

    device: Choice = "auto"
    """where to compute; `pygpt devices` shows what there is"""
    steps: Annotated[int | None, _left_out("INT")] = None
    """training steps in all"""
    seed: Annotated[int | None, _left_out("INT")] = None
    """where all chance comes from"""
    out: Annotated[Path | None, _left_out("DIR")] = None
    """folder for model.safetensors, experiment.toml and metrics.jsonl (default: runs/PRESET)"""
    log_every: Annotated[int | None, _left_out("INT")] = None
    """steps between two logged losses"""
    resume: Annotated[Path | None, _left_out("DIR")] = None
    """folder of a run to go on with"""
    init_from: Annotated[Path | None, _left_out("DIR")] = None
    """folder of a run whose weights, tokenizer and sizes a new run begins with"""
    profile: bool = False
    """early in the run, show where the time of a step goes, and write profile.json for ui.perfetto.dev"""

    def base(self) -> Experiment:
        if self.init_from is None:
            return super().base()
        from pygpt.inference.trained_model import open_run

        # What it begins with decides what it reads and what it is, unless a preset or a file is named.
        begun_with = open_run(self.init_from).experiment
        described = read_experiment(self.preset)
        model = begun_with.model if self.preset == DEFAULT_PRESET else described.model
        return dataclasses.replace(described, name=begun_with.name, data=begun_with.data, model=model)


@dataclasses.dataclass
class Plan(Described):
    """Say what a run would come to, without running it: parameters, activations, memory, arithmetic and launches."""

    device: Literal["numpy", "webgpu"] = "numpy"
    """for NumPy, or for a GPU, where some products are cut up"""
    vocab_size: Annotated[int | None, _left_out("INT")] = None
    """tokens of the vocabulary (default: what the text makes, if it is at hand)"""
    json: bool = False
    """print one JSON object"""


@dataclasses.dataclass
class Download:
    """Fetch a data set, or GPT-2's tokenizer, into the cache, and say where it is."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """shakespeare, names, or gpt2-tokenizer"""


@dataclasses.dataclass
class Prepare:
    """Turn a text into shards of tokens, which `pygpt train --data DIR` maps into memory: it may be larger than memory."""

    source: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME|FILE")]
    """tales, python, shakespeare, names, or the path of a text file"""
    out: Annotated[Path | None, _left_out("DIR")] = None
    """an empty folder, or one that is not there yet (default: shards/NAME)"""
    encoding: Literal["char", "byte", "bpe", "gpt2"] = "bpe"
    """what a token is: a character, a byte, what the text repeats, or one of GPT-2's"""
    vocab_size: int = 1024
    """tokens that bpe learns"""
    tokenizer_file: str = ""
    """tokenizer.json, or a folder with it or vocab.json and merges.txt, for bpe and gpt2: then nothing is learned"""
    shard_size: int = 10_000_000
    """tokens a shard; the last may have fewer"""
    shards_val: int = 1
    """shards at the end that are for validation"""


@dataclasses.dataclass
class Sample:
    """Write text with a trained model: only the text goes to standard output, as it is written."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """folder that `pygpt train` wrote, or a file that the lab saved"""
    init_from: Literal["resume"] = "resume"
    """where the weights come from: the run's last checkpoint"""
    prompt: str = ""
    """what the text begins with"""
    max_new_tokens: int = 500
    """tokens to write"""
    temperature: float = 0.8
    """how adventurous: 0 always takes the likeliest token"""
    top_k: int = 0
    """only the k likeliest tokens compete, 0 for all"""
    top_p: float = 1.0
    """only the likeliest tokens that together have this share of the odds, 1 for all"""
    min_p: float = 0.0
    """only tokens at least so many times as likely as the likeliest, 0 for all"""
    repetition_penalty: float = 1.0
    """above 1, what the model has just read is held back"""
    stop: Annotated[
        tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="TEXT", help_behavior_hint="")
    ] = ()
    """a text to end at, which is left out; the flag may be given again"""
    seed: int = 1
    """where all chance comes from"""
    num_samples: int = 1
    """texts to write, with seeds one after the other"""
    device: Choice = "auto"
    """where to compute"""


@dataclasses.dataclass
class Eval:
    """Measure a trained model's loss over the whole validation part of a text."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """folder that `pygpt train` wrote, or a file that the lab saved"""
    data: Annotated[str | None, _left_out("NAME|FILE")] = None
    """a text by name, or the path of a file (default: the one it was trained on)"""
    json: bool = False
    """print one JSON object"""
    device: Choice = "auto"
    """where to compute"""


@dataclasses.dataclass
class Show:
    """Say what a trained model is: how it was made, from what, its parameters, its losses."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """folder that `pygpt train` wrote, or a file that the lab saved"""
    json: bool = False
    """print one JSON object"""


@dataclasses.dataclass
class Import:
    """Make a run of another program's model: a GPT-2 or a Llama in a folder of Hugging Face's transformers."""

    kind: tyro.conf.Positional[Literal["hf"]]
    """hf: a folder with config.json, model.safetensors and a tokenizer"""
    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """the folder to read"""
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """folder for the run"""
    block_size: Annotated[int | None, _left_out("INT")] = None
    """keep a shorter block, which takes less memory (default: the model's own)"""


@dataclasses.dataclass
class Export:
    """Write a run for another program: as a folder that Hugging Face's transformers opens, with the same logits."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """folder that `pygpt train` wrote, or a file that the lab saved"""
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """folder to write"""
    to: Literal["hf"] = "hf"
    """hf: GPT-2's layout or Llama's, whichever the model is"""


@dataclasses.dataclass
class Devices:
    """Show the devices of this machine, and which one `auto` takes."""

    json: bool = False
    """print one JSON object"""


@dataclasses.dataclass
class Bench:
    """Measure this machine for about a minute: its GFLOP/s, and how fast each preset trains and writes."""

    device: Choice = "auto"
    """where to compute; `pygpt devices` shows what there is"""
    seconds: float = 60.0
    """how long it may take, about"""
    json: bool = False
    """print one JSON object"""


@dataclasses.dataclass
class Lab:
    """Build the page if need be, serve it on this machine, and open a browser."""

    port: int = 8000
    """port on 127.0.0.1"""
    open: bool = True
    """open a browser"""


@dataclasses.dataclass
class Serve:
    """Serve data sets and models over HTTP, and the lab with this machine behind it (needs the extra `serve`)."""

    folder: Path = Path("runs/server")
    """where data sets and models are kept"""
    host: str = "127.0.0.1"
    """address to listen on; another than this machine's own lets anybody in who reaches it"""
    port: int = 8000
    """port to listen on, 0 for any that is free"""
    name: list[str] = dataclasses.field(default_factory=list)
    """host names to answer to, beside localhost and addresses"""
    device: Choice = "auto"
    """where to compute"""
    max_upload: int = 200
    """largest upload, in MB"""
    site: Annotated[Path | None, _left_out("DIR")] = None
    """the built lab (default: dist/ of the checkout this runs from, brought up to date)"""
    lab: bool = True
    """serve the lab too, not the interface alone"""


COMMANDS = {
    "download": Download,
    "prepare": Prepare,
    "train": Train,
    "plan": Plan,
    "sample": Sample,
    "eval": Eval,
    "show": Show,
    "import": Import,
    "export": Export,
    "devices": Devices,
    "bench": Bench,
    "lab": Lab,
    "serve": Serve,
}


def read_experiment(preset: str) -> Experiment:
    """A preset by name, or an experiment from a .toml file. Raises ExperimentError."""
    path = Path(preset)
    if preset in PRESETS or (path.suffix != ".toml" and not path.exists()):
        return Experiment.preset(preset)
    try:
        return Experiment.from_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExperimentError("preset", f"{preset} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ExperimentError("preset", f"{preset} is not UTF-8 text, so it is no experiment") from None
