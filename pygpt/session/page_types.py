"""Generates the page's types, lab/transport/messages.js, from the modules that declare records, events and commands."""

import dataclasses
import re
import types
import typing
from typing import Any

from pygpt.session import message_records, messages, run_messages, sweep_messages
from pygpt.session.commands import COMMANDS, Command
from pygpt.session.events import Event

_PLAIN_TYPES = {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}


def page_types() -> str:
    """The source of lab/transport/messages.js: a JSDoc type for every record, event and command."""
    lines = [
        "// Written by `python -m pygpt.session.page_types` from pygpt/session/messages.py; do not edit.",
        "// The messages between the page and its session, and the records they contain.",
        "",
        "/**",
        " * An experiment as `Experiment.to_dict` returns it: sections of fields.",
        " * @typedef {Record<string, any>} Fields",
        " * @typedef {{name: string, data: Fields, model: Fields, optim: Fields, train: Fields}} Experiment",
        " */",
        "",
    ]
    for cls in (*_declared(message_records), *_events()):
        fields = [*([("type", f'"{cls.type}"')] if issubclass(cls, Event) else []), *_page_fields(cls)]
        lines += _typedef(_page_name(cls), cls.__doc__, fields)
    lines += ["/**", " * Commands.", *(_command_type(name, command) for name, command in COMMANDS.items()), " */", ""]
    for name, members in (("Event", map(_page_name, _events())), ("Command", map(_command_name, COMMANDS))):
        lines += [f"/** @typedef {{{'|'.join(members)}}} {name} */"]
    return "\n".join([*lines, "", "export {};", ""])


def _events() -> list[type]:
    return [*_declared(messages), *_declared(run_messages), *_declared(sweep_messages)]


def _declared(module: types.ModuleType) -> list[type]:
    """The records that a module declares, in their order there."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__ == module.__name__
    ]


def _typedef(name, doc, fields):
    text = re.sub(r"\s+", " ", doc.strip())
    members = ", ".join(f"{field}: {kind}" for field, kind in fields)
    return ["/**", f" * {text}", f" * @typedef {{{{{members}}}}} {name}", " */", ""]


def _page_name(cls) -> str:
    return f"{cls.__name__}Event" if issubclass(cls, Event) else cls.__name__


def _command_name(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_")) + "Command"


def _command_type(name: str, command: Command) -> str:
    fields = "".join(
        f", {field}{'?' if field in command.optional else ''}: {_page_type(kind)}"
        for field, kind in command.fields.items()
    )
    return f' * @typedef {{{{type: "{name}"{fields}}}}} {_command_name(name)}  {command.help}'


def _page_fields(cls):
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        yield field.name, _page_type(hints[field.name])


def _page_type(hint: Any) -> str:
    if hint in _PLAIN_TYPES:
        return _PLAIN_TYPES[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return "|".join(dict.fromkeys(map(_page_type, arguments)))
    if origin is list:
        item = _page_type(arguments[0])
        return f"({item})[]" if "|" in item else f"{item}[]"
    if origin is tuple and arguments[-1] is Ellipsis:
        return f"{_page_type(arguments[0])}[]"
    if origin is tuple:
        return f"[{', '.join(map(_page_type, arguments))}]"
    if origin is dict:
        return f"Record<string, {_page_type(arguments[1])}>"
    return hint.__name__


if __name__ == "__main__":
    print(page_types(), end="")
