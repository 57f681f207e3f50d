"""The bodies of requests, and the experiment that a training request describes."""

import dataclasses
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from pygpt.config.experiment import Experiment
from pygpt.config.sampling import SamplingConfig
from pygpt.config.sections import DataConfig
from pygpt.errors import ExperimentError, RequestError
from pygpt.server.storage import DataSet

# The eleven settings of ChadGPT's interface, and `seed`, with the fields of an Experiment that they set.
FIELDS = {
    "n_layer": "model.n_layer",
    "n_embed": "model.n_embd",
    "n_head": "model.n_head",
    "block_size": "model.block_size",
    "dropout": "model.dropout",
    "learning_rate": "optim.learning_rate",
    "max_iters": "train.steps",
    "batch_size": "train.batch_size",
    "vocab_size": "data.vocab_size",
    "eval_interval": "train.eval_every",
    "eval_iters": "train.eval_batches",
    "seed": "train.seed",
}
BYTES = 256
MAX_NEW_TOKENS = 10_000


class Body(BaseModel):
    """A request body: JSON with strict types and no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _setting(dotted):
    """The type and the help text of an experiment's field, in pydantic's form."""
    section, name = dotted.split(".")
    config = getattr(Experiment(), section)
    field = {field.name: field for field in dataclasses.fields(config)}.get(name)
    if field is None:
        return int | None, Field(None, description="tokens in the vocabulary")
    return get_type_hints(type(config))[name] | None, Field(None, description=field.metadata["help"])


# Any, because mypy cannot see a class that is made at run time.
TrainRequest: Any = create_model(
    "TrainRequest",
    __base__=Body,
    __doc__="What to train, and on which data set. Settings that are left out come from the preset.",
    dataset=(str, Field("tales", description="the data set to train on: a name from GET /ds")),
    preset=(str, Field("small", description="the preset that supplies the other settings")),
    tokenizer=(str | None, Field(None, description="how text is split into tokens (default: chosen by vocab_size)")),
    **{name: _setting(dotted) for name, dotted in FIELDS.items()},
)


def _sampling_fields():
    for field in dataclasses.fields(SamplingConfig):
        if field.name == "stop":
            yield field.name, (list[str], Field([], description=field.metadata["help"], max_length=16))
        else:
            yield field.name, (field.type, Field(field.default, description=field.metadata["help"]))


GenerateRequest: Any = create_model(
    "GenerateRequest",
    __base__=Body,
    __doc__="How to continue a text.",
    prompt=(str, Field("", description="text to begin with", max_length=100_000)),
    max_new_tokens=(int, Field(200, description="number of tokens to write", ge=1, le=MAX_NEW_TOKENS)),
    **dict(_sampling_fields()),
)


def experiment_for(request: TrainRequest, name: str, dataset: DataSet) -> Experiment:
    """The experiment that a TrainRequest describes. Raises: RequestError, with the request's field names."""
    given = request.model_dump(exclude_none=True)
    try:
        base = Experiment.preset(request.preset)
    except ExperimentError as error:
        raise RequestError(422, str(error), "preset") from None
    changes = {FIELDS[field]: value for field, value in given.items() if field in FIELDS and field != "vocab_size"}
    changes |= {"name": name[:64], "data.source": dataset.name, "data.layout": dataset.layout}
    changes |= _tokenizer(request, dataset)
    optim = base.optim
    if request.learning_rate is not None and optim.learning_rate:
        # Keep the schedule's ratio of final to peak learning rate.
        changes["optim.min_learning_rate"] = request.learning_rate * optim.min_learning_rate / optim.learning_rate
    if request.max_iters is not None:
        changes["optim.warmup_steps"] = min(optim.warmup_steps, max(request.max_iters, 0) // 10)
    try:
        return base.with_fields(**changes)
    except ExperimentError as error:
        raise with_request_names(error) from None


def with_request_names(error: ExperimentError) -> RequestError:
    """The same error with the request's names for the fields."""
    names = {dotted: name for name, dotted in FIELDS.items()}
    message = str(error)
    for dotted in sorted(names, key=len, reverse=True):
        message = message.replace(dotted, names[dotted])
    return RequestError(422, message, names.get(error.field, error.field.split(".")[-1]))


def _tokenizer(request, dataset):
    """The tokenizer for a vocabulary size: characters if the size is their number, bytes at 256, BPE otherwise."""
    size, kind = request.vocab_size, request.tokenizer
    if size is None:
        return {} if kind is None else {"data.tokenizer": kind}
    characters, delimiter = dataset.distinct, dataset.layout == "documents"
    fixed = {"char": {characters, characters + delimiter}, "byte": {BYTES, BYTES + delimiter}}
    if kind is None:
        kind = next((name for name, sizes in fixed.items() if size in sizes), "bpe")
    if kind in fixed and size not in fixed[kind]:
        raise RequestError(
            422,
            f"vocab_size: {size:,} does not fit the tokenizer {kind!r}, which has {max(fixed[kind])} tokens on this "
            f"text; leave one of the two out",
            "vocab_size",
        )
    if kind in fixed:
        return {"data.tokenizer": kind}
    learned = {field.name: field for field in dataclasses.fields(DataConfig)}
    if "vocab_size" in learned and kind in learned["tokenizer"].metadata["choices"]:
        return {"data.tokenizer": kind, "data.vocab_size": size}
    raise RequestError(
        422,
        f"vocab_size: {size:,} tokens need byte-pair encoding, which is not available here; choose "
        f"{max(fixed['char'])} (the characters of this text) or {BYTES} (bytes)",
        "vocab_size",
    )
