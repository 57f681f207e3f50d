"""The first event of a session: the presets, fields, texts and tasks that the page makes its controls from."""

import dataclasses
import platform

from pygpt.config.experiment import PRESETS, Experiment
from pygpt.config.fields import describe
from pygpt.config.sampling import SamplingConfig
from pygpt.data import DATASETS, TASKS, Task
from pygpt.errors import ExperimentError
from pygpt.models import MODELS
from pygpt.session.message_records import (
    DatasetDescription,
    FieldDescription,
    MetricDescription,
    ModelDescription,
    TaskDescription,
    TokenizerDescription,
)
from pygpt.session.message_records import Experiment as ExperimentFields
from pygpt.session.messages import Ready
from pygpt.tokenizers import TOKENIZERS
from pygpt.training.metrics import describe_metrics


def capabilities(site) -> Ready:
    """The event `ready`: what the lab offers with the texts of `site`."""
    return Ready(
        version=site.contents["version"],
        python=platform.python_version(),
        presets={
            name: ExperimentFields(preset.to_dict())
            for name, preset in PRESETS.items()
            if is_available(preset.data.tokenizer)
        },
        fields=[*map(_limit_choices, _describe_fields(Experiment, ""))],
        sampling=[
            FieldDescription(**describe(field, field.name))
            for field in dataclasses.fields(SamplingConfig)
            if field.name != "stop"
        ],
        metrics=[MetricDescription(**described) for described in describe_metrics()],
        models={
            name: ModelDescription(model.help, None if model.fields is None else sorted(model.fields), model.has_blocks)
            for name, model in MODELS.items()
        },
        tokenizers={name: TokenizerDescription(choice.help, choice.sized) for name, choice in TOKENIZERS.items()},
        data_sets={
            name: DatasetDescription(data_set.title, data_set.description, data_set.layout)
            for name, data_set in DATASETS.items()
        },
        texts=site.texts,
        tasks=[*map(_task_description, TASKS.values())],
        numpy=site.numpy,
        machine=bool(site.contents.get("machine")),
    )


def is_available(tokenizer: str) -> bool:
    """Whether a tokenizer is available here. The page does not offer one that `start` would refuse."""
    return TOKENIZERS[tokenizer].available()


def requested_experiment(values: dict) -> Experiment:
    """The experiment that a page requests. Raises: ExperimentError, also if it names a file on the training machine."""
    draft = Experiment.from_dict(values)
    if draft.data.tokenizer_file:
        raise ExperimentError(
            "data.tokenizer_file",
            "the page cannot read tokenizer files; train with `pygpt train`, and open the run here",
        )
    return draft


def _limit_choices(field: FieldDescription) -> FieldDescription:
    """The description of a field, limited to the choices that are available here."""
    if field.field != "data.tokenizer":
        return field
    return dataclasses.replace(field, choices=[choice for choice in field.choices or () if is_available(choice)])


def _task_description(task: Task) -> TaskDescription:
    return TaskDescription(task.name, task.description, task.measures, task.length, task.shortest, task.longest)


def _describe_fields(cls, prefix: str):
    """Describe the fields of the experiment."""
    for field in dataclasses.fields(cls):
        dotted = f"{prefix}.{field.name}" if prefix else field.name
        if dataclasses.is_dataclass(field.type):
            yield from _describe_fields(field.type, dotted)
        else:
            yield FieldDescription(**describe(field, dotted))
