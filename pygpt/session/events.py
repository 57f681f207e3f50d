"""What every event of a session is: a record that becomes plain JSON. messages.py declares them."""

import dataclasses
import re
from typing import Any, ClassVar, Protocol, TypeVar, dataclass_transform

from pygpt.utils.json_text import json_text


class Event:
    """An event that a session sends to its page. `type` is its name in JSON."""

    type: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """The event as plain JSON values."""
        return {"type": self.type, **_plain(self)}


class Emit(Protocol):
    """The function that sends an event to the page, with optional bytes beside it."""

    def __call__(self, event: Event, data: bytes | None = None) -> None: ...


def _plain(record: Any) -> Any:
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {field.name: _plain(getattr(record, field.name)) for field in dataclasses.fields(record)}
    if isinstance(record, dict):
        return {name: _plain(item) for name, item in record.items()}
    if isinstance(record, list | tuple):
        return [_plain(item) for item in record] if record and dataclasses.is_dataclass(record[0]) else record
    return record


E = TypeVar("E", bound=Event)


@dataclass_transform(frozen_default=True)
def event(cls: type[E]) -> type[E]:
    """Declare an event: its type is the name of its class in snake_case."""
    cls = dataclasses.dataclass(frozen=True)(cls)
    cls.type = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
    return cls


def encode(event: dict) -> str:
    """The JSON of an event. NaN and infinity become null."""
    return json_text(event)
