"""What the page is told first: the presets, fields, texts and tasks it makes its controls from."""

import dataclasses
import platform

from pygpt.config.experiment import PRESETS, Experiment
from pygpt.config.fields import describe
from pygpt.config.sampling import SamplingConfig
from pygpt.data import TASKS, Task
from pygpt.models import MODELS
from pygpt.session.messages import Ready
from pygpt.session.records import FieldDescription, MetricDescription, ModelDescription, TaskDescription
from pygpt.tokenizers import TOKENIZERS
from pygpt.training.metrics import describe_metrics


def capabilities(site) -> Ready:
    """The event `ready`: what there is, where `site` has the texts."""
    return Ready(
        version=site.contents["version"],
        python=platform.python_version(),
        presets={name: preset.to_dict() for name, preset in PRESETS.items() if is_available(preset.data.tokenizer)},
        fields=[*map(_available, _fields(Experiment, ""))],
        sampling=[
            FieldDescription(**describe(field, field.name))
            for field in dataclasses.fields(SamplingConfig)
            if field.name != "stop"
        ],
        metrics=[MetricDescription(**described) for described in describe_metrics()],
        models={
            name: ModelDescription(model.help, None if model.fields is None else sorted(model.fields))
            for name, model in MODELS.items()
        },
        texts=site.texts,
        tasks=[*map(_described, TASKS.values())],
        numpy=site.numpy,
        machine=bool(site.contents.get("machine")),
    )


def is_available(tokenizer: str) -> bool:
    """Whether a run here could have a tokenizer: what would only be refused at the start is not offered before it."""
    return TOKENIZERS[tokenizer].available()


def _available(field: FieldDescription) -> FieldDescription:
    """The description of a field, with the choices there are here."""
    if field.field != "data.tokenizer":
        return field
    return dataclasses.replace(field, choices=[choice for choice in field.choices or () if is_available(choice)])


def _described(task: Task) -> TaskDescription:
    return TaskDescription(task.name, task.description, task.measures, task.length, task.shortest, task.longest)


def _fields(cls, prefix: str):
    """Describe the fields of the experiment, so that controls can be made from them."""
    for field in dataclasses.fields(cls):
        dotted = f"{prefix}.{field.name}" if prefix else field.name
        if dataclasses.is_dataclass(field.type):
            yield from _fields(field.type, dotted)
        else:
            yield FieldDescription(**describe(field, dotted))
