"""What the page is told first: the presets, fields, texts and tasks it makes its controls from."""

import dataclasses
import platform

from pygpt.config.experiment import PRESETS, Experiment
from pygpt.data import TASKS, Task, is_gpt2_here


def offers(site) -> dict:
    """The event `ready`: what there is, where `site` has the texts."""
    return {
        "type": "ready",
        "version": site.contents["version"],
        "python": platform.python_version(),
        "presets": {name: preset.to_dict() for name, preset in PRESETS.items() if is_to_be_had(preset.data.tokenizer)},
        "fields": [*map(_to_be_had, _fields(Experiment, ""))],
        "texts": site.texts,
        "tasks": [*map(_described, TASKS.values())],
        "numpy": site.numpy,
        "machine": bool(site.contents.get("machine")),
    }


def is_to_be_had(tokenizer: str) -> bool:
    """Whether a run here could have a tokenizer: what would only be refused at the start is not offered before it."""
    return tokenizer != "gpt2" or is_gpt2_here()


def _to_be_had(field: dict) -> dict:
    """The description of a field, with the choices there are here."""
    if field["field"] != "data.tokenizer":
        return field
    return field | {"choices": [choice for choice in field["choices"] if is_to_be_had(choice)]}


def _described(task: Task) -> dict:
    return {
        "name": task.name,
        "description": task.description,
        "measures": task.measures,
        "length": task.length,
        "shortest": task.shortest,
        "longest": task.longest,
    }


def _fields(cls, prefix: str):
    """Describe the fields of the experiment, so that controls can be made from them."""
    for field in dataclasses.fields(cls):
        dotted = f"{prefix}.{field.name}" if prefix else field.name
        if dataclasses.is_dataclass(field.type):
            yield from _fields(field.type, dotted)
        else:
            yield {"field": dotted, "type": field.type.__name__, **field.metadata}
