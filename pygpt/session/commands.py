"""The commands that a page sends to its session. A session has a method of the same name for each."""

import dataclasses

from pygpt.config.sampling import SamplingConfig


@dataclasses.dataclass(frozen=True)
class Command:
    """A command: a help text, and its fields with their JavaScript types."""

    help: str
    fields: dict[str, str] = dataclasses.field(default_factory=dict)


def _sampling_types() -> dict[str, str]:
    js_types: dict[object, str] = {int: "number", float: "number"}
    return {field.name: js_types.get(field.type, "string[]") for field in dataclasses.fields(SamplingConfig)}


COMMANDS = {
    "begin": Command(
        "the first command: the site's URL, and the device to open", {"site": "string", "device": "string"}
    ),
    "open_device": Command('"auto", "webgpu" or "numpy"; a run moves to that device', {"choice": "string"}),
    "choose_text": Command(
        "the bytes of the visitor's own text travel beside it", {"name": "string", "built_in": "boolean"}
    ),
    "clear_text": Command("remove the text; the visitor has not written one yet"),
    "check": Command("check an experiment; answered by `checked` or `error`", {"experiment": "Experiment"}),
    "start": Command("start a new run on the chosen text", {"experiment": "Experiment"}),
    "pause": Command("pause training"),
    "resume": Command("resume training"),
    "stop": Command("stop training and keep the model"),
    "sample": Command(
        "continue a prompt",
        {"prompt": "string", "max_new_tokens": "number", **_sampling_types()},
    ),
    "stop_sampling": Command("stop a continuation"),
    "benchmark": Command("measure the device for about `seconds`; refused while training", {"seconds": "number"}),
    "stop_benchmark": Command("stop a benchmark"),
    "profile": Command("profile the next training steps"),
    "save": Command("save the run; answered by `saved` with the file beside it"),
    "open": Command("open a saved run; its bytes travel beside it", {"name": "string"}),
    "open_kept": Command("open a safety copy", {"copy": "string"}),
    "forget_kept": Command("remove a safety copy", {"copy": "string"}),
}
