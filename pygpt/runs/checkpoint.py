"""The checkpoint file of a run: weights, optimizer state, experiment, tokenizer, provenance, loss curve, and text.

The file is safetensors. Weights have their own names. The optimizer state is under `optimizer.first_moment.`,
`optimizer.second_moment.` and so on, depending on the optimizer. A text that is not built in is under `data.text`.
Everything else is JSON in the metadata. A resumed run has exactly the losses of an uninterrupted one. A file written in
the tab can be resumed natively, and the reverse.

The loss curve is two tables of float64 with at most 2,000 rows: `curve.training` (step, mean loss, steps in the mean)
and `curve.validation` (step, loss, fraction of correct answers or NaN). They are arrays, not metadata, because any
safetensors reader can plot them, because they keep every bit, and because a program that only lists the content of a
file, such as a web page, has to fetch and parse the whole header. They come first for alignment: the header ends at a
multiple of 8, but a float64 array after float32 ones could start where it cannot be mapped. The tables are optional,
and so are `smoothed_loss` in the metadata, the moving average of the training losses, and `training_seconds`.

A file whose metadata has `content = "weights"` has neither optimizer state nor text nor curve: a model can be sampled
from it, and a new run begins with it, but its own run does not resume from it. Its weights can be F16.
"""

import dataclasses
import json
import math

from pygpt.config.experiment import Experiment
from pygpt.config.sections import MAX_STEPS
from pygpt.data import Text, is_built_in, load_text
from pygpt.errors import CheckpointError, DataError, ExperimentError, PygptError
from pygpt.models import build_model
from pygpt.optim.optimizer import state_layout
from pygpt.runs.half_precision import from_float16
from pygpt.runs.safetensors import Entry, all_finite, has_nan, has_negative, read_safetensors, safetensors_pieces
from pygpt.tensor.tensor import ITEM_SIZE
from pygpt.tokenizers import Tokenizer, tokenizer_from_dict
from pygpt.training.loss_curve import POINTS, ROW, LossCurve
from pygpt.training.metrics import Metric

FORMAT = "pygpt"
VERSION = "1"
STORED = {"float32": "F32", "float64": "F64"}
TEXT = "data.text"
WEIGHTS_ALONE = {"content": "weights"}  # metadata
_WEIGHTS = ("", "optimizer.trained.")  # the prefixes of weights, averaged and as the optimizer updates them
_MEAN_SQUARES = "optimizer.second_moment."
CURVE = ("curve.training", "curve.validation")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The content of a file. `weights` maps parameter names to bytes of the experiment's `model.dtype`.
    `optimizer_state` holds such maps under the names of `pygpt.optim.optimizer.state_layout`; before the first step it
    can be empty. `held` has the metrics of the last step, which `curve` then lacks, if the run was saved before that
    step's evaluation had ended; the evaluation is repeated. With `weights_alone` there is no more than the weights."""

    experiment: Experiment
    tokenizer: Tokenizer
    step: int
    provenance: dict
    weights: dict
    optimizer_state: dict
    text: Text | None
    curve: LossCurve = dataclasses.field(default_factory=LossCurve)
    held: Metric | None = None
    weights_alone: bool = False

    @property
    def id(self) -> str:
        """The id of the run, or "" if the file does not say."""
        return str(self.provenance.get("run", ""))

    def training_text(self):
        """The Text in the file, or the one (or the Shards) that its experiment names.

        Raises: DataError if it was trained by another program, or the text cannot be loaded.
        """
        if self.text is None and "imported" in self.provenance:
            raise DataError(
                f"{self.experiment.name or 'this model'} was imported, and its file does not say on what text it was "
                "trained: choose one, with --data or as the argument of `fit` or `evaluate`"
            )
        return self.text or load_text(self.source)

    @property
    def source(self) -> str:
        """The name with which its text is loaded. In a file of an earlier version, the settings can name another."""
        source, data = self.experiment.data.source, self.provenance.get("data")
        name = data.get("name") if isinstance(data, dict) else None
        # Shards of a built-in text have its name too, but their source is their folder.
        return name if isinstance(name, str) and is_built_in(name) and is_built_in(source) else source

    def leaves_work(self, steps: int) -> bool:
        """Whether a total of `steps` leaves anything to do: a step, or the evaluation after the last one."""
        return self.step < steps or (self.step == steps and self.held is not None)


def write_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The bytes of the file."""
    return b"".join(checkpoint_pieces(checkpoint))


def checkpoint_pieces(checkpoint: Checkpoint):
    """Yield the bytes of the file in pieces. An array can be a function that returns its bytes; it is called when the
    array is written, so a large model never has to be in memory whole."""
    shapes = parameter_shapes(checkpoint.experiment, checkpoint.tokenizer)
    entries = {
        f"curve.{name}": Entry("F64", (len(data) // ROW.size, 3), data)
        for name, data in checkpoint.curve.tables().items()
    }
    groups = {
        "": checkpoint.weights,
        **{f"optimizer.{group}.": arrays for group, arrays in checkpoint.optimizer_state.items()},
    }
    for prefix, arrays in groups.items():
        for name, data in arrays.items():
            entries[prefix + name] = Entry(STORED[checkpoint.experiment.model.dtype], shapes[name], data)
    if checkpoint.text is not None:
        data = checkpoint.text.text.encode()
        entries[TEXT] = Entry("U8", (len(data),), data)
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "step": str(checkpoint.step),
        "experiment": json.dumps(checkpoint.experiment.to_dict()),
        "tokenizer": json.dumps(checkpoint.tokenizer.describe()),
        "provenance": json.dumps(checkpoint.provenance),
        **({} if checkpoint.curve.smoothed is None else {"smoothed_loss": repr(checkpoint.curve.smoothed)}),
        **({} if checkpoint.curve.seconds is None else {"training_seconds": repr(checkpoint.curve.seconds)}),
        **({"held": json.dumps(checkpoint.held.line())} if checkpoint.held else {}),
        **(WEIGHTS_ALONE if checkpoint.weights_alone else {}),
    }
    return safetensors_pieces(entries, metadata)


def read_checkpoint(data: bytes | memoryview) -> Checkpoint:
    """Read what `write_checkpoint` wrote.

    Raises: CheckpointError if the file is cut short, is not a pygpt run, has another version of the format, or has
    arrays that do not fit the model it describes or weights that are not finite.
    """
    entries, metadata = read_safetensors(data)
    if metadata.get("format") != FORMAT:
        hint = (
            ". It seems to be a transformers model; `pygpt import hf` reads its folder"
            if metadata.get("format") == "pt"
            else ""
        )
        raise CheckpointError(
            f'this is a safetensors file, but not a run of pygpt: its metadata lacks format = "pygpt"{hint}'
        )
    if metadata.get("version") != VERSION:
        raise CheckpointError(
            f"this run has version {metadata.get('version')} of the format, but this pygpt reads "
            f"version {VERSION}; open it with the pygpt that wrote it"
        )
    try:
        experiment = Experiment.from_dict(_json(metadata, "experiment"))
        tokenizer = tokenizer_from_dict(_json(metadata, "tokenizer"))
    except CheckpointError:
        raise
    except PygptError as error:
        raise CheckpointError(f"the run's description is damaged: {error}") from None
    number = metadata.get("step", "")
    if not (number.isdecimal() and len(number) < 20 and int(number) <= MAX_STEPS):
        raise CheckpointError(f"the run's step is {number!r:.60}, expected a whole number of at most {MAX_STEPS:,}")
    step = int(number)
    if step > experiment.train.steps:
        raise CheckpointError(
            f"the run's step is {step:,}, but it has {experiment.train.steps:,} steps: the file is damaged; use an "
            "earlier checkpoint"
        )
    provenance = _json(metadata, "provenance")
    text, curve = _text(entries, provenance), _curve(entries, metadata, step)
    shapes = parameter_shapes(experiment, tokenizer)
    alone = WEIGHTS_ALONE.items() <= metadata.items()
    # Without that mark, a file with weights only, such as an imported model, is a run before its first step.
    fresh = alone or step == 0 and not any(name.startswith("optimizer.") for name in entries)
    layout = {} if fresh else state_layout(experiment.optim, shapes)
    prefixes = {"": list(shapes), **{f"optimizer.{group}.": names for group, names in layout.items()}}
    weights, *states = (
        _arrays(entries, prefix, {name: shapes[name] for name in names}, STORED[experiment.model.dtype], alone)
        for prefix, names in prefixes.items()
    )
    unexpected = (
        entries.keys() - {prefix + name for prefix, names in prefixes.items() for name in names} - {TEXT, *CURVE}
    )
    if unexpected:
        raise CheckpointError(
            f"the file has arrays that the model it describes does not have: {', '.join(sorted(unexpected)[:3])}"
        )
    return Checkpoint(
        experiment,
        tokenizer,
        step,
        provenance,
        weights,
        dict(zip(layout, states)),
        text,
        curve,
        _held(metadata, step),
        alone,
    )


def weights_for(checkpoint: Checkpoint, experiment: Experiment) -> dict:
    """The weights of a checkpoint, for a new run of another experiment. Its context can be shorter; all else must fit.

    Raises: ExperimentError naming the field of the model that does not fit.
    """
    saved, needed = (parameter_shapes(each, checkpoint.tokenizer) for each in (checkpoint.experiment, experiment))
    weights = dict(checkpoint.weights)
    positions = "embedding.positions"
    if positions in saved and positions in needed and needed[positions][0] < saved[positions][0]:
        rows = needed[positions][0]
        weights[positions] = memoryview(weights[positions])[: len(weights[positions]) * rows // saved[positions][0]]
        saved[positions] = needed[positions]
    changed = [
        name for name, value in vars(experiment.model).items() if value != getattr(checkpoint.experiment.model, name)
    ]
    changeable = {"dropout", "dropout_embedding", "dropout_attention", "init", "init_std", "block_size"}
    for name in changed:
        if name not in changeable or (name == "block_size" and saved != needed):
            was, new = getattr(checkpoint.experiment.model, name), getattr(experiment.model, name)
            raise ExperimentError(
                f"model.{name}",
                f"{new!r}, but the weights to begin with are those of a model with {was!r}; use that value",
            )
    return weights


def weights_are_finite(weights: dict, dtype: str) -> bool:
    """Whether the weights, bytes by the names of parameters, have neither NaN nor infinity."""
    return all(all_finite(Entry(STORED[dtype], (len(data) // ITEM_SIZE[dtype],), data)) for data in weights.values())


def parameter_shapes(experiment: Experiment, tokenizer: Tokenizer) -> dict:
    """The names and shapes of the parameters of the model that an experiment describes."""
    model = build_model(experiment.model, tokenizer.vocab_size)
    return {name: parameter.shape for name, _, _, parameter in model.named_parameters()}


def _arrays(entries, prefix, shapes, dtype, half):
    """The arrays with a prefix as bytes of `dtype`; with `half`, they can be F16 in the file."""
    arrays = {}
    for name, shape in shapes.items():
        entry = entries.get(prefix + name)
        if entry is None:
            raise CheckpointError(f"the file has no array {prefix + name!r}, which the model it describes needs")
        if entry.dtype not in (dtype, "F16" if half else dtype) or entry.shape != shape:
            raise CheckpointError(
                f"{prefix + name!r} is {entry.dtype}{list(entry.shape)}, but the model the file describes "
                f"needs {dtype}{list(shape)}"
            )
        # The second moment of a large gradient can be infinite, and training goes on; after a NaN it cannot.
        if prefix not in _WEIGHTS and has_nan(entry):
            raise CheckpointError(
                f"{prefix + name!r} has numbers that are NaN, from which training cannot go on: the file is damaged; "
                f"use an earlier checkpoint"
            )
        if prefix in _WEIGHTS and not all_finite(entry):
            raise CheckpointError(
                f"{prefix + name!r} has numbers that are NaN or infinite: the run diverged, or the file is damaged; "
                f"use an earlier checkpoint"
            )
        if prefix == _MEAN_SQUARES and has_negative(entry):
            raise CheckpointError(
                f"{prefix + name!r} has numbers below 0, which means of squares cannot be: the file is damaged; "
                f"use an earlier checkpoint"
            )
        arrays[name] = entry.data if entry.dtype == dtype else from_float16(entry.data, dtype)
    return arrays


def _text(entries, provenance):
    if TEXT not in entries:
        return None
    from pygpt.data.text import saved_text

    origin = provenance.get("data")
    name = origin.get("name") if isinstance(origin, dict) else None
    try:
        return saved_text(str(name or "the saved text"), bytes(entries[TEXT].data))
    except PygptError as error:
        raise CheckpointError(f"the text in the file is damaged: {error}") from None


def _curve(entries, metadata, step):
    tables = {name: entries[name] for name in CURVE if name in entries}
    for name, entry in tables.items():
        if entry.dtype != "F64" or len(entry.shape) != 2 or entry.shape[0] > POINTS or entry.shape[1] != 3:
            raise CheckpointError(
                f"{name!r} is {entry.dtype}{list(entry.shape)}, expected rows of three F64, at most {POINTS}"
            )
    arrays = {name.removeprefix("curve."): entry.data for name, entry in tables.items()}
    return LossCurve.from_tables(
        arrays, step, number_in(metadata, "smoothed_loss"), number_in(metadata, "training_seconds")
    )


def number_in(metadata: dict[str, str], name: str) -> float | None:
    """A number of the loss curve, or None in a file of an earlier version. Raises: CheckpointError."""
    text = metadata.get(name)
    try:
        value = None if text is None else float(text)
    except ValueError:
        value = math.nan
    if value is not None and not math.isfinite(value):
        raise CheckpointError(f"the loss curve in the file is damaged: {name} is {text!r:.60}, expected a number")
    return value


def _held(metadata, step):
    if "held" not in metadata:
        return None
    try:
        held = Metric.from_line(_json(metadata, "held"))
    except ValueError as error:
        raise CheckpointError(f"the metrics of the last step are damaged: {error}") from None
    if held.step != step or (step and held.loss is None):
        raise CheckpointError(f"the metrics of the last step are damaged: they are not those of step {step}")
    return held


def _json(metadata, name):
    try:
        value = json.loads(metadata[name])
    except (KeyError, ValueError, RecursionError):
        raise CheckpointError(f"the run's {name} is missing or not JSON") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"the run's {name} is not a table")
    return value
