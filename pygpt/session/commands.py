"""What a page tells its session: every command, declared once. A session has a method of the same name for each."""

import dataclasses

from pygpt.config.sampling import SamplingConfig


@dataclasses.dataclass(frozen=True)
class Command:
    """A command: its fields with their types as the page has them, and a sentence."""

    help: str
    fields: dict[str, str] = dataclasses.field(default_factory=dict)


def _sampling_types() -> dict[str, str]:
    kinds = {int: "number", float: "number"}
    return {field.name: kinds.get(field.type, "string[]") for field in dataclasses.fields(SamplingConfig)}


COMMANDS = {
    "begin": Command(
        "the first one: where the site is, and which device to open", {"site": "string", "device": "string"}
    ),
    "open_device": Command('"auto", "webgpu" or "numpy"; a run moves along', {"choice": "string"}),
    "choose_text": Command(
        "a text of the visitor's own comes as bytes beside it", {"name": "string", "built_in": "boolean"}
    ),
    "clear_text": Command("there is no text: the visitor's own is yet to be written"),
    "check": Command("would this run? answered by `checked`, or an `error`", {"experiment": "Experiment"}),
    "start": Command("a new run on the chosen text", {"experiment": "Experiment"}),
    "pause": Command("take no more steps, for now"),
    "resume": Command("continue taking steps"),
    "stop": Command("take no more steps; the model stays"),
    "sample": Command(
        "continue a prompt",
        {"prompt": "string", "max_new_tokens": "number", **_sampling_types()},
    ),
    "stop_sampling": Command("end a continuation where it is"),
    "benchmark": Command("measure the device for about so long; nothing may be training", {"seconds": "number"}),
    "stop_benchmark": Command("end a benchmark where it is"),
    "profile": Command("profile the next steps of the run that is training"),
    "save": Command("answered by `saved`, the file beside it"),
    "open": Command("open a saved run; the file comes beside it", {"name": "string"}),
    "open_kept": Command("open a safety copy", {"copy": "string"}),
    "forget_kept": Command("remove a safety copy", {"copy": "string"}),
}
