"""A run in one file: weights, optimizer, experiment, tokenizer, provenance, the losses so far, and the text if nobody else keeps it.

The file is safetensors. Weights stand under their own names, what the optimizer keeps under `optimizer.first_moment.`,
`optimizer.second_moment.` and the like, as it needs, a text of one's own under `data.text`; everything else is
JSON in the metadata. Enough to go on with the very losses an uninterrupted run would have had, in the tab or natively, whichever wrote it.

The loss curve is two tables of float64 at most 2,000 rows long, `curve.training` (step, mean loss, steps it is the mean of)
and `curve.validation` (step, loss, share of right answers or NaN). They are arrays and not metadata because any reader of
safetensors gives them as numbers to plot, because they come back to the last bit, and because whoever only wants to know what
is in a file, a web page among them, fetches and parses the whole header. They come first: the header ends at a multiple of
8, and what follows them is float32, after which a float64 may be where it cannot be mapped. A file without them has no curve.
"""

import dataclasses
import json

from pygpt.training.loss_curve import POINTS, ROW, LossCurve
from pygpt.data import Text
from pygpt.errors import CheckpointError, ExperimentError, PygptError
from pygpt.config.experiment import Experiment
from pygpt.models import build_model
from pygpt.optim.optimizer import state_layout
from pygpt.runs.safetensors import Entry, read_safetensors, safetensors_pieces
from pygpt.tokenizers import Tokenizer, tokenizer_from_dict

FORMAT = "pygpt"
VERSION = "1"
STORED = {"float32": "F32", "float64": "F64"}
TEXT = "data.text"
CURVE = ("curve.training", "curve.validation")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What a file holds. `weights` maps parameters' names to bytes of the experiment's `model.dtype`; `optimizer_state` holds more
    such maps, by the names that `pygpt.optim.optimizer.remembered` gives them, or nothing before the first step."""

    experiment: Experiment
    tokenizer: Tokenizer
    step: int
    provenance: dict
    weights: dict
    optimizer_state: dict
    text: Text | None
    curve: LossCurve = dataclasses.field(default_factory=LossCurve)


def write_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The bytes of the file."""
    return b"".join(checkpoint_pieces(checkpoint))


def checkpoint_pieces(checkpoint: Checkpoint):
    """The bytes of the file, piece by piece: an array is asked for when its turn comes, so a large model need never be
    there whole. What stands for an array's bytes may be a function that gives them."""
    shapes = parameter_shapes(checkpoint.experiment, checkpoint.tokenizer)
    entries = {f"curve.{name}": Entry("F64", (len(data) // ROW.size, 3), data) for name, data in checkpoint.curve.tables().items()}
    groups = {"": checkpoint.weights, **{f"optimizer.{group}.": arrays for group, arrays in checkpoint.optimizer_state.items()}}
    for prefix, arrays in groups.items():
        for name, data in arrays.items():
            entries[prefix + name] = Entry(STORED[checkpoint.experiment.model.dtype], shapes[name], data)
    if checkpoint.text is not None:
        data = checkpoint.text.text.encode()
        entries[TEXT] = Entry("U8", (len(data),), data)
    metadata = {"format": FORMAT, "version": VERSION, "step": str(checkpoint.step),
                "experiment": json.dumps(checkpoint.experiment.to_dict()),
                "tokenizer": json.dumps(checkpoint.tokenizer.to_dict()),
                "provenance": json.dumps(checkpoint.provenance)}
    return safetensors_pieces(entries, metadata)


def read_checkpoint(data: bytes) -> Checkpoint:
    """Read what `write_checkpoint` wrote.

    Raises: CheckpointError if the file is cut short, is not a run of ours, comes from a newer pygpt, or its arrays are
    not those of the model it describes.
    """
    entries, metadata = read_safetensors(data)
    if metadata.get("format") != FORMAT:
        hint = ". It seems to be a model of transformers: `pygpt import hf` reads its folder" if metadata.get("format") == "pt" else ""
        raise CheckpointError(f"this is a safetensors file, but not a run of pygpt: its metadata has no format = \"pygpt\"{hint}")
    if metadata.get("version") != VERSION:
        raise CheckpointError(f"this run was written in version {metadata.get('version')} of the format; this pygpt reads "
                              f"version {VERSION}. Use the pygpt that wrote it")
    try:
        experiment = Experiment.from_dict(_json(metadata, "experiment"))
        tokenizer = tokenizer_from_dict(_json(metadata, "tokenizer"))
    except CheckpointError:
        raise
    except PygptError as error:
        raise CheckpointError(f"the run's description is damaged: {error}") from None
    if not (metadata.get("step", "").isdecimal() and len(metadata["step"]) < 20):
        raise CheckpointError(f"the run's step is {metadata.get('step')!r:.60}, wanted a whole number")
    provenance = _json(metadata, "provenance")
    text, curve = _text(entries, provenance), _curve(entries, int(metadata["step"]))
    shapes = parameter_shapes(experiment, tokenizer)
    # Weights alone, as they were imported, are a run before its first step.
    fresh = int(metadata["step"]) == 0 and not any(name.startswith("optimizer.") for name in entries)
    kept = {} if fresh else state_layout(experiment.optim, shapes)
    prefixes = {"": list(shapes), **{f"optimizer.{group}.": names for group, names in kept.items()}}
    weights, *states = (_arrays(entries, prefix, {name: shapes[name] for name in names}, STORED[experiment.model.dtype])
                        for prefix, names in prefixes.items())
    left = entries.keys() - {prefix + name for prefix, names in prefixes.items() for name in names} - {TEXT, *CURVE}
    if left:
        raise CheckpointError(f"the file has arrays that the model it describes does not have: {', '.join(sorted(left)[:3])}")
    return Checkpoint(experiment, tokenizer, int(metadata["step"]), provenance, weights, dict(zip(kept, states)), text, curve)


def weights_for(checkpoint: Checkpoint, experiment: Experiment) -> dict:
    """The weights of a checkpoint for a new run of another experiment: the block may be shorter, the rest must fit.

    Raises: ExperimentError naming the field of the model that does not fit.
    """
    have, want = (parameter_shapes(described, checkpoint.tokenizer) for described in (checkpoint.experiment, experiment))
    weights = dict(checkpoint.weights)
    places = "embedding.positions"
    if places in have and places in want and want[places][0] < have[places][0]:
        rows = want[places][0]
        weights[places] = memoryview(weights[places])[: len(weights[places]) * rows // have[places][0]]
        have[places] = want[places]
    changed = [name for name, value in vars(experiment.model).items() if value != getattr(checkpoint.experiment.model, name)]
    free = {"dropout", "dropout_embedding", "dropout_attention", "init", "init_std", "block_size"}
    for name in changed:
        if name not in free or (name == "block_size" and have != want):
            was, new = getattr(checkpoint.experiment.model, name), getattr(experiment.model, name)
            raise ExperimentError(f"model.{name}", f"{new!r}, but the weights to begin with are those of a model with {was!r}; "
                                                   f"leave it as it is there")
    return weights


def parameter_shapes(experiment: Experiment, tokenizer: Tokenizer) -> dict:
    """The parameters' names and shapes of the model that an experiment describes."""
    model = build_model(experiment.model, tokenizer.vocab_size)
    return {name: parameter.shape for name, _, _, parameter in model.named_parameters()}


def _arrays(entries, prefix, shapes, dtype):
    found = {}
    for name, shape in shapes.items():
        entry = entries.get(prefix + name)
        if entry is None:
            raise CheckpointError(f"the file has no array {prefix + name!r}, which the model it describes needs")
        if entry.dtype != dtype or entry.shape != shape:
            raise CheckpointError(f"{prefix + name!r} is {entry.dtype}{list(entry.shape)}, and the model the file describes "
                                  f"needs {dtype}{list(shape)}")
        found[name] = entry.data
    return found


def _text(entries, provenance):
    if TEXT not in entries:
        return None
    from pygpt.data import text_from_bytes

    described = provenance.get("data")
    name = described.get("name") if isinstance(described, dict) else None
    try:
        return text_from_bytes(str(name or "the saved text"), bytes(entries[TEXT].data))
    except PygptError as error:
        raise CheckpointError(f"the text in the file is damaged: {error}") from None


def _curve(entries, step):
    tables = {name: entries[name] for name in CURVE if name in entries}
    for name, entry in tables.items():
        if entry.dtype != "F64" or len(entry.shape) != 2 or entry.shape[0] > POINTS or entry.shape[1] != 3:
            raise CheckpointError(f"{name!r} is {entry.dtype}{list(entry.shape)}, and a loss curve has rows of three F64, {POINTS} at most")
    return LossCurve.from_tables({name.removeprefix("curve."): entry.data for name, entry in tables.items()}, step)


def _json(metadata, name):
    try:
        value = json.loads(metadata[name])
    except (KeyError, ValueError, RecursionError):
        raise CheckpointError(f"the run's {name} is missing or not JSON") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"the run's {name} is not a table")
    return value
