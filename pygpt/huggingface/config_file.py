"""The JSON files of a `transformers` folder, read field by field."""

import json
from pathlib import Path

from pygpt.errors import CheckpointError
from pygpt.utils.encoding import decode_utf8

# Real files have a few thousand bytes, and an index at most a few megabytes.
LARGEST = 32 << 20
LARGEST_NUMBER = 2**31 - 1


def read_table(path: Path) -> dict:
    """The object in a JSON file; byte order marks at its start are left out.

    Raises: CheckpointError if the file is missing, cannot be read, or is not a JSON object in UTF-8.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe or a device could be read without end
            raise CheckpointError(f"{path} cannot be read: it is not a file")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise CheckpointError(f"{path} has more than {LARGEST >> 20} MB, which no {path.name} needs")
        values = json.loads(decode_utf8(str(path), data, CheckpointError))
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} is not a model folder: it has no {path.name}") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path} is not JSON") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} is not a JSON object")
    return values


class Config:
    """The contents of a config.json, read field by field. Raises: CheckpointError, naming an invalid field."""

    def __init__(self, values: dict, inside: str = ""):
        self.values, self.inside = values, inside

    def __bool__(self) -> bool:
        return bool(self.values)

    def table(self, name: str) -> "Config":
        """The table in a field; it is empty if the field is missing."""
        value = self._value(name, {})
        if not isinstance(value, dict) or any(isinstance(part, dict) for part in value.values()):
            raise self.unlike(name, value, "expected a table of numbers and words")
        return Config(value, f"{self.inside}{name}.")

    def integer(self, name: str, default: int | None = None, minimum: int = 1) -> int:
        """A whole number from `minimum` to LARGEST_NUMBER."""
        value = self._value(name, default)
        if type(value) is not int or not minimum <= value <= LARGEST_NUMBER:
            raise self.unlike(name, value, f"expected a whole number from {minimum} to {LARGEST_NUMBER:,}")
        return value

    def either(self, name: str, other: str) -> int:
        """A whole number from 1 that has two names. Raises: CheckpointError if they contradict each other."""
        value = self.integer(other, self.integer(name, self.values.get(other)))
        if self.integer(name, value) != value:
            raise self.unlike(name, self.values[name], f"{other}, its other name, is {value}")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """Any number."""
        value = self._value(name, default)
        if type(value) not in (int, float) or not abs(value) < 1e18:
            raise self.unlike(name, value, "expected a number")
        return float(value)

    def boolean(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self._value(name, default)
        if type(value) is not bool:
            raise self.unlike(name, value, "expected true or false")
        return value

    def choice(self, name: str, table: dict, default: str) -> str:
        """The table's entry for the value."""
        value = self._value(name, default)
        if not isinstance(value, str) or value not in table:
            raise self.unlike(name, value, f"pygpt supports {', '.join(table)}")
        return table[value]

    def require(self, name: str, wanted) -> None:
        """Raise CheckpointError unless the field has this value or is missing."""
        value = self._value(name, wanted)
        if value != wanted:
            raise self.unlike(name, value, f"pygpt supports only {wanted!r}, and its logits would differ")

    def _value(self, name, default):
        value = self.values.get(name)
        return default if value is None else value

    def unlike(self, name: str, value: object, wanted: str) -> CheckpointError:
        """The error for a value that is not as wanted."""
        return CheckpointError(f"config.json: {self.inside}{name} is {value!r:.60}; {wanted}")
