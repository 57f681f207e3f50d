"""Dataclass fields with a help text and limits, and checks whose errors name the field."""

import dataclasses
import datetime
import json
import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pygpt.errors import ExperimentError
from pygpt.utils.suggest import did_you_mean

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
D = TypeVar("D", bound="DataclassInstance")

# What a field of an experiment can hold.
Value = bool | int | float | str


def setting(
    default: T,
    help: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Collection[str] | None = None,
    special: tuple[float, str] | None = None,
    needs: Mapping[str, tuple[Value, ...]] | None = None,
) -> T:
    """Declare a field with its help and its limits (inclusive).

    `choices` is a tuple of names, or a registry: a mapping from names to entries that each have a `help`. `special` is
    a number that stands for something else, and what for. `needs` names the fields of the experiment that give this one
    a meaning, each with the values that do: with others it has no effect.
    """
    if special is not None:
        help = f"{help}, {special[0]:g} for {special[1]}"
    limits = {"help": help, "minimum": minimum, "maximum": maximum, "choices": choices}
    return dataclasses.field(default=default, metadata=limits | {"special": special, "needs": needs or {}})


def build(cls: type[D], values: object, prefix: str) -> D:
    """Build a dataclass from a nested dictionary; missing fields keep their defaults.

    Raises: ExperimentError naming the dotted field, for an unknown name (with a suggestion) or a wrong type.
    """
    if not isinstance(values, dict):
        raise ExperimentError(prefix, f"expected a table of fields, got {shown(values)}")
    fields = {field.name: field for field in dataclasses.fields(cls)}
    arguments: dict[str, Any] = {}
    for name, value in values.items():
        dotted = f"{prefix}.{name}" if prefix else str(name)
        if name not in fields:
            # The names are listed where none is close; there can be thirty.
            others = did_you_mean(str(name), fields) or f"; the fields are {', '.join(fields)}"
            raise ExperimentError(dotted, f"there is no such field{others}")
        wanted = _type(fields[name])
        if dataclasses.is_dataclass(wanted):
            arguments[name] = build(wanted, value, dotted)
        else:
            arguments[name] = coerce(dotted, wanted, value)
    return cls(**arguments)


def _type(field: dataclasses.Field[Any]) -> type[Any]:
    assert not isinstance(field.type, str)  # the modules that declare settings do not postpone their annotations
    return field.type


def coerce(dotted: str, wanted: Any, value: Any) -> Any:
    """Return the value as the field's type: converts an integer to a float, and a list of strings to a tuple.

    Raises: ExperimentError naming the field, for a value of another type.
    """
    if wanted == tuple[str, ...]:
        if not isinstance(value, list | tuple):
            raise ExperimentError(dotted, f"expected a list of strings, got {shown(value)}")
        return tuple(coerce(dotted, str, item) for item in value)
    if wanted == dict[str, str]:
        if not isinstance(value, dict):
            raise ExperimentError(dotted, f"expected a table of strings, got {shown(value)}")
        return {coerce(dotted, str, name): coerce(f"{dotted}.{name}", str, item) for name, item in value.items()}
    wanted = getattr(wanted, "__supertype__", wanted)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
    if type(value) is not wanted:
        comma = wanted is float and isinstance(value, str) and "," in value
        hint = "; write the decimal point as a dot" if comma else ""
        raise ExperimentError(dotted, f"expected {_TYPE_NAMES[wanted]}, got {shown(value)}{hint}")
    if wanted is int and abs(value) >= 2**63:
        raise ExperimentError(dotted, "expected a whole number of at most 18 digits")
    if wanted is float and not math.isfinite(value):
        raise ExperimentError(dotted, f"expected a finite number, got {value!r}")
    if wanted is str and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which no file and no terminal can hold
            if any("\udc80" <= character <= "\udcff" for character in value):  # Python's signs for such bytes in a name
                hint = "; if it is the name of a file, rename the file"
                raise ExperimentError(dotted, f"{shown(value)} has a byte that is not UTF-8{hint}") from None
            raise ExperimentError(dotted, f"expected text, got half of a character in {shown(value)}") from None
    return value


def shown(value: object) -> str:
    """A wrong value, as an error repeats it."""
    if value == "":  # an empty control of the page
        return "nothing"
    if isinstance(value, bool):  # as TOML and JSON spell it
        return str(value).lower()
    if isinstance(value, datetime.date | datetime.time):  # a datetime is a date
        return f"the date or time {value.isoformat()}"
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print thousands of digits
        return "a number with thousands of digits"
    return text if len(text) <= 100 else f"{text[:97]}..."


_TYPE_NAMES = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a string",
    dict: "a table of fields",
}


def describe(field: dataclasses.Field[Any], dotted: str) -> dict[str, Any]:
    """Describe a field in JSON values for the page's controls; see `setting`."""
    choices = field.metadata["choices"]
    described = {"field": dotted, "type": _type(field).__name__, "default": field.default, **field.metadata}
    return described | {"choices": None if choices is None else list(choices)}


def choice_help(field: dataclasses.Field[Any]) -> str:
    """The choices of a field, with their help if they have any; "" for a field without choices."""
    choices = field.metadata["choices"] or ()
    if not isinstance(choices, Mapping):
        return ", ".join(choices)
    return "; ".join(f"{name}: {choice.help}" for name, choice in choices.items())


def check_limits(dotted: str, field: dataclasses.Field[Any], value: object) -> None:
    """Check a value against the declared limits and choices of its field. Raises: ExperimentError."""
    limits = field.metadata
    if limits["choices"] and value not in limits["choices"]:
        raise ExperimentError(dotted, f"{value!r} is not one of {', '.join(limits['choices'])}")
    if limits["minimum"] is not None and not limits["minimum"] <= value <= limits["maximum"]:
        minimum, maximum = _spelled(limits["minimum"]), _spelled(limits["maximum"])
        raise ExperimentError(dotted, f"{_spelled(value)} is outside {minimum} to {maximum}")


def _spelled(number: Any) -> str:
    """A number as people write it: -5 and 1e-6, not -5.0 and 1e-06."""
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:,.15g}".replace("e-0", "e-").replace("e+", "e")


def value_text(value: Value) -> str:
    """A value as `sweep.read_values` reads it: 1e-6, true, cosine."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}".replace("e-0", "e-").replace("e+", "e") if isinstance(value, float) else str(value)


def toml_value(value: Value) -> str:
    """Format a number, string or boolean as TOML."""
    # JSON numbers, booleans and strings are valid TOML, except for escaped surrogate pairs and for DEL, the one control
    # character that JSON does not escape.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
