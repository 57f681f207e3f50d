"""The commands that a page sends to its session. A session has a method of the same name for each.

A message from outside is checked here, against the same declaration that the page's types are written from.
"""

import dataclasses
from typing import Any

from pygpt.config.fields import coerce
from pygpt.config.sampling import SamplingConfig
from pygpt.errors import ExperimentError, PygptError
from pygpt.session.message_records import Experiment
from pygpt.utils.suggest import did_you_mean

LONGEST_NAME = 40  # letters of an unknown name that an error repeats


@dataclasses.dataclass(frozen=True)
class Command:
    """A command: a help text, its fields with their types, which of them can be left out, and whether bytes travel
    beside it. `part` names the part of the session, an attribute, that has its method; "" is the Session itself."""

    help: str
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    takes_bytes: bool = False
    part: str = ""


SAMPLING = {field.name: field.type for field in dataclasses.fields(SamplingConfig)}

COMMANDS = {
    "begin": Command("the first command: the device to open", {"device": str}),
    "open_device": Command('"auto", "webgpu" or "numpy"; a run moves to that device', {"choice": str}),
    "choose_text": Command(
        "the bytes of the visitor's own text travel beside it",
        {"name": str, "built_in": bool},
        takes_bytes=True,
        part="texts",
    ),
    "clear_text": Command("remove the text; the visitor has not written one yet", part="texts"),
    "choose_run_text": Command(
        "choose the run's text again; a short one of the visitor's own travels beside `text`", part="texts"
    ),
    "check": Command("check an experiment; answered by `checked` or `error`", {"experiment": Experiment}),
    "start": Command("start a new run on the chosen text", {"experiment": Experiment}),
    "call_off": Command(
        'stop preparing a "text", a "device", or "" for a start; answered by `called_off`', {"field": str}
    ),
    "pause": Command("pause training"),
    "resume": Command("resume training"),
    "extend": Command("train a run that has ended or is paused up to a larger total of `steps`", {"steps": int}),
    "stop": Command("stop training and keep the model"),
    "sample": Command(
        "continue a prompt", {"prompt": str, "max_new_tokens": int, **SAMPLING}, optional=frozenset(SAMPLING)
    ),
    "stop_sampling": Command("stop a continuation"),
    "find_lr": Command(
        "run a learning-rate range test of an experiment; refused while training",
        {"experiment": Experiment},
        part="measuring",
    ),
    "benchmark": Command(
        "measure the device for about `seconds`; refused while training", {"seconds": float}, part="measuring"
    ),
    "stop_benchmark": Command("stop a benchmark or a range test", part="measuring"),
    "profile": Command("profile the next training steps", part="measuring"),
    "save": Command("save the run; answered by `saved` with the file beside it"),
    "keep": Command("keep the run now; answered by `kept` or `error`"),
    "export_html": Command(
        "save the run as a web page that links to the `lab`; answered by `exported` with the file beside it",
        {"lab": str},
        part="sharing",
    ),
    "share": Command("ask what a link can hold of the run besides its settings; answered by `shared`", part="sharing"),
    "reproduce": Command(
        "compare a run of the `experiment` with the `curve` of a link, during its training by `compared`",
        {"experiment": Experiment, "curve": str, "sha256": str, "version": str, "device": str},
        part="sharing",
    ),
    "open": Command(
        "open a saved run; its bytes travel beside it, and an error has the `name` of their file",
        {"name": str},
        optional=frozenset({"name"}),
        takes_bytes=True,
    ),
    "open_kept": Command("open a kept run", {"copy": str}),
    "branch": Command(
        "begin a new run, paused, with the weights that a kept run had at a step; answered by `opened` and `branched`",
        {"copy": str, "step": int},
    ),
    "write": Command(
        "continue a prompt with the model of a kept run at a step, or its newest for -1, in slot 0 or 1",
        {"slot": int, "copy": str, "step": int, "prompt": str, "max_new_tokens": int, **SAMPLING},
        optional=frozenset(SAMPLING),
        part="writing",
    ),
    "stop_writing": Command("stop the text in a slot", {"slot": int}, part="writing"),
    "list_runs": Command("list the kept runs; answered by `found`", part="kept_runs"),
    "read_run": Command(
        "read the settings, curve, samples and checkpoints of a kept run; answered by `run_read`",
        {"copy": str},
        part="kept_runs",
    ),
    "list_settings": Command("the settings of all kept runs; answered by `settings_listed`", part="kept_runs"),
    "describe_run": Command(
        "change the name, notes or star of a kept run; answered by `found`",
        {"copy": str, "name": str, "notes": str, "star": bool},
        optional=frozenset({"name", "notes", "star"}),
        part="kept_runs",
    ),
    "delete_run": Command("delete a kept run; answered by `found`", {"copy": str}, part="kept_runs"),
    "restore_run": Command("undo `delete_run`, on the same visit", {"copy": str}, part="kept_runs"),
    "read_groups": Command(
        "read kept runs in groups that differ in their seed alone; answered by `groups_read`",
        {"copies": tuple[str, ...]},
        part="kept_runs",
    ),
    "plan_sweep": Command(
        "expand a sweep: `values` has lists or ranges by field; answered by `sweep_planned` or `error`",
        {"experiment": Experiment, "values": dict[str, str]},
        part="queue",
    ),
    "queue_sweep": Command(
        "train the runs of a sweep, one after the other; answered by `queue`",
        {"experiment": Experiment, "values": dict[str, str]},
        part="queue",
    ),
    "move_queued": Command("move a run of the queue down, or up", {"id": str, "places": int}, part="queue"),
    "drop_queued": Command("take a run out of the queue; if it is training, it stops", {"id": str}, part="queue"),
    "clear_queue": Command("take all runs that wait out of the queue", part="queue"),
    "pause_queue": Command("pause the queue and its run", part="queue"),
    "continue_queue": Command("continue the queue", part="queue"),
    "export_run": Command(
        'a kept run as "file", "zip", "hf", "csv", "tensorboard" or "samples"; its bytes travel beside `run_exported`',
        {"copy": str, "to": str},
        part="kept_runs",
    ),
    "import_runs": Command(
        "keep the run in a run file, or those in a zip archive; its bytes travel beside it; answered by `imported`",
        {"name": str},
        takes_bytes=True,
        part="kept_runs",
    ),
}


def command_name(message: object) -> str:
    """The name of the command in a message, or "" if the message has none."""
    name = message.get("type") if isinstance(message, dict) else None
    return name[:LONGEST_NAME] if isinstance(name, str) else ""


def read_command(message: object, data: bytes | None) -> tuple[str, dict[str, Any]]:
    """The name and the arguments of the command in a message. Its bytes, if any, are the argument `data`.

    Raises: PygptError for a message that is not a command; ExperimentError naming the field that is missing, unknown or
    of the wrong type.
    """
    name = command_name(message)
    if not isinstance(message, dict) or not name:
        raise PygptError('a message must be a JSON object with a type, such as {"type": "pause"}')
    if name not in COMMANDS:
        raise PygptError(f"there is no command {name!r}{did_you_mean(name, COMMANDS)}")
    command, given = COMMANDS[name], {field: value for field, value in message.items() if field != "type"}
    for field in given:
        if field not in command.fields:
            shown, fields = field[:LONGEST_NAME], ", ".join(command.fields) or "none"
            raise ExperimentError(
                shown, f"{name} has no such field{did_you_mean(shown, command.fields)}; its fields are: {fields}"
            )
    for field in command.fields:
        if field not in given and field not in command.optional:
            raise ExperimentError(field, f"{name} needs this field, and it is missing")
    arguments = {field: coerce(field, command.fields[field], value) for field, value in given.items()}
    if data is None:
        return name, arguments
    if not command.takes_bytes:
        raise PygptError(f"{name} takes no bytes, and {len(data):,} came with it")
    return name, {**arguments, "data": data}
