"""What the bodies of requests may say, and the experiment that a training request comes to."""

import dataclasses

from pydantic import BaseModel, ConfigDict, Field, create_model

from pygpt.config.experiment import DataConfig, Experiment
from pygpt.config.sampling import SamplingConfig
from pygpt.errors import ExperimentError, RequestError
from pygpt.server.storage import DataSet

# The eleven names of the interface that people know, and the fields they mean.
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
MOST_TOKENS = 10_000


class Body(BaseModel):
    """A body: JSON whose types are meant as they are, and no field that nobody reads."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _setting(dotted):
    """The type and the help of an experiment's field, as pydantic wants them."""
    section, name = dotted.split(".")
    config = {field.name: field for field in dataclasses.fields(Experiment)}[section].type
    field = {field.name: field for field in dataclasses.fields(config)}.get(name)
    if field is None:
        return int | None, Field(None, description="tokens in the vocabulary")
    return field.type | None, Field(None, description=field.metadata["help"])


TrainRequest = create_model(
    "TrainRequest",
    __base__=Body,
    __doc__="What to train, on what: all that is left out is as the preset has it.",
    dataset=(str, Field("tales", description="what it reads: a name that GET /ds tells")),
    preset=(str, Field("small", description="where the settings start from")),
    tokenizer=(str | None, Field(None, description="what a token is; chosen by vocab_size where it is left out")),
    **{name: _setting(dotted) for name, dotted in FIELDS.items()},
)


def _sampling_fields():
    for field in dataclasses.fields(SamplingConfig):
        if field.name == "stop":
            yield field.name, (list[str], Field([], description=field.metadata["help"], max_length=16))
        else:
            yield field.name, (field.type, Field(field.default, description=field.metadata["help"]))


GenerateRequest = create_model(
    "GenerateRequest",
    __base__=Body,
    __doc__="How to continue a text.",
    prompt=(str, Field("", description="text to begin with", max_length=100_000)),
    max_new_tokens=(int, Field(200, description="number of tokens to write", ge=1, le=MOST_TOKENS)),
    **dict(_sampling_fields()),
)


def experiment_for(asked: BaseModel, name: str, dataset: DataSet) -> Experiment:
    """The experiment that a TrainRequest comes to. Raises RequestError, in the words of the request."""
    given = asked.model_dump(exclude_none=True)
    try:
        base = Experiment.preset(asked.preset)
    except ExperimentError as error:
        raise RequestError(422, str(error), "preset") from None
    changes = {FIELDS[field]: value for field, value in given.items() if field in FIELDS and field != "vocab_size"}
    changes |= {"name": name[:64], "data.source": dataset.name, "data.layout": dataset.layout}
    changes |= _tokenizer(asked, dataset)
    optim = base.optim
    if asked.learning_rate is not None and optim.learning_rate:
        # The schedule keeps its form: it ends at the same share of where it starts.
        changes["optim.min_learning_rate"] = asked.learning_rate * optim.min_learning_rate / optim.learning_rate
    if asked.max_iters is not None:
        changes["optim.warmup_steps"] = min(optim.warmup_steps, max(asked.max_iters, 0) // 10)
    try:
        return base.with_fields(**changes)
    except ExperimentError as error:
        raise in_words_of_the_request(error) from None


def in_words_of_the_request(error: ExperimentError) -> RequestError:
    """The same complaint with the request's names for the fields."""
    names = {dotted: name for name, dotted in FIELDS.items()}
    message = str(error)
    for dotted in sorted(names, key=len, reverse=True):
        message = message.replace(dotted, names[dotted])
    return RequestError(422, message, names.get(error.field, error.field.split(".")[-1]))


def _tokenizer(asked, dataset):
    """The tokenizer that a vocabulary's size asks for: characters where it is their number, bytes at 256, else pairs of bytes."""
    wanted, kind = asked.vocab_size, asked.tokenizer
    if wanted is None:
        return {} if kind is None else {"data.tokenizer": kind}
    characters, delimiter = dataset.distinct, dataset.layout == "documents"
    fixed = {"char": {characters, characters + delimiter}, "byte": {BYTES, BYTES + delimiter}}
    if kind is None:
        kind = next((name for name, sizes in fixed.items() if wanted in sizes), "bpe")
    if kind in fixed and wanted not in fixed[kind]:
        raise RequestError(
            422,
            f"vocab_size: {wanted:,} is not what the tokenizer {kind!r} comes to on this text, which is "
            f"{max(fixed[kind])}; leave one of the two out",
            "vocab_size",
        )
    if kind in fixed:
        return {"data.tokenizer": kind}
    learned = {field.name: field for field in dataclasses.fields(DataConfig)}
    if "vocab_size" in learned and kind in learned["tokenizer"].metadata["choices"]:
        return {"data.tokenizer": kind, "data.vocab_size": wanted}
    raise RequestError(
        422,
        f"vocab_size: {wanted:,} tokens would need pairs of bytes, which this pygpt does not learn; choose "
        f"{max(fixed['char'])} (the characters of this text) or {BYTES} (bytes)",
        "vocab_size",
    )
