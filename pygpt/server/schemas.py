"""The bodies of requests, and the experiment that a training request describes."""

import dataclasses
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from pygpt.config.experiment import PRESETS, Experiment
from pygpt.config.sampling import SamplingConfig
from pygpt.config.sections import DataConfig
from pygpt.errors import ExperimentError, RequestError
from pygpt.server.storage import DataSet
from pygpt.tokenizers.registry import TOKENIZERS, expected_vocabulary

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
    # The limits are described only: `Experiment` checks them, with messages that are the same everywhere.
    limits = {limit: field.metadata[limit] for limit in ("minimum", "maximum") if field.metadata[limit] is not None}
    described = Field(None, description=field.metadata["help"], json_schema_extra=limits)
    return get_type_hints(type(config))[name] | None, described


def _one_of(default, names, description):
    choices = [*names, None] if default is None else [*names]
    return Field(default, description=description, json_schema_extra={"enum": choices})


# Any, because mypy cannot see a class that is made at run time.
TrainRequest: Any = create_model(
    "TrainRequest",
    __base__=Body,
    __doc__="What to train, and on which data set. Settings that are left out come from the preset.",
    dataset=(
        str | None,
        Field(None, description="the data set to train on: a name from GET /ds (default: that of the preset)"),
    ),
    preset=(str, _one_of("small", PRESETS, "the preset that supplies the other settings")),
    tokenizer=(
        str | None,
        _one_of(None, TOKENIZERS, "how text is split into tokens (default: chosen by vocab_size)"),
    ),
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
    if kind is not None and (size is None or kind not in TOKENIZERS):
        return {"data.tokenizer": kind}  # `Experiment` refuses an unknown one, and names those that there are
    if size is None:
        return {}
    delimiter = dataset.layout == "documents"

    def sizes(kind):
        """The number of tokens on this text, without and with the one that delimits documents."""
        fixed = expected_vocabulary(DataConfig(tokenizer=kind))
        return (fixed or dataset.distinct, (fixed or dataset.distinct) + delimiter)

    if kind is None:
        kind = next((name for name in ("char", "byte") if size in sizes(name)), "bpe")
    if TOKENIZERS[kind].sized:
        return {"data.tokenizer": kind, "data.vocab_size": size}
    if size not in sizes(kind):
        raise RequestError(
            422,
            f"vocab_size: {size:,} does not fit the tokenizer {kind!r}, which has {max(sizes(kind)):,} tokens on this "
            f"text; leave one of the two out",
            "vocab_size",
        )
    return {"data.tokenizer": kind}
