"""A sweep: the runs of every combination of some settings' values, such as three learning rates with five seeds each.

Values are written as a list with commas. An item is a value, a range of whole numbers, or a number of values at equal
ratios between two ends:

    1e-3,3e-3       these two
    1..5            1, 2, 3, 4 and 5
    1e-4..1e-1 x4   0.0001, 0.001, 0.01 and 0.1
"""

import dataclasses
import hashlib
import itertools
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pygpt.config.experiment import Experiment
from pygpt.config.fields import Value, check_limits, coerce, value_text
from pygpt.errors import ExperimentError
from pygpt.utils.suggest import did_you_mean

MOST_RUNS = 200  # in a sweep: as many as the lab lists smoothly
NOT_SWEPT = frozenset({"name", "data.source", "data.tokenizer_file"})  # all runs of a sweep read one text
SHORT_NAMES = {"optim.learning_rate": "lr", "optim.min_learning_rate": "min_lr", "optim.name": "optimizer"}
_RANGE = re.compile(r"(?P<first>[^.\s][^\s]*?)\.\.(?P<last>[^.\s][^\s]*?)(?:\s*x\s*(?P<count>\d+))?")
_WORDS = {"true": True, "false": False}


@dataclasses.dataclass(frozen=True)
class SweepRun:
    """A run of a sweep: its name, which says what differs ("lr=0.001 seed=2"), and its settings."""

    name: str
    experiment: Experiment


@dataclasses.dataclass(frozen=True)
class Sweep:
    """The runs of a sweep in their order: the setting that was named last changes fastest. `fields` are those that
    differ."""

    fields: tuple[str, ...]
    runs: tuple[SweepRun, ...]

    @property
    def name(self) -> str:
        """What differs, in words: "lr, seed"."""
        return ", ".join(map(_short_name, self.fields))

    def id(self, text_sha256: str) -> str:
        """The same for the same runs on the same text, and for no others."""
        content = "\n".join([text_sha256, *(run.experiment.to_toml() for run in self.runs)])
        return hashlib.sha256(content.encode()).hexdigest()[:12]


def expand(base: Experiment, values: Mapping[str, str]) -> Sweep:
    """The sweep over `values`: lists or ranges by dotted field, as texts. Every run is validated here.

    Raises: ExperimentError naming the field, and the value if one value is at fault; also above MOST_RUNS runs, and
    where nothing differs.
    """
    lists = {field: read_values(field, text) for field, text in values.items()}
    count = math.prod(map(len, lists.values()))
    if count > MOST_RUNS:
        product = " x ".join(str(len(each)) for each in lists.values() if len(each) > 1)
        raise ExperimentError(
            max(lists, key=lambda field: len(lists[field])),
            f"these values make {count:,} runs ({product}), and a sweep has at most {MOST_RUNS}; leave some out",
        )
    fields = tuple(field for field, each in lists.items() if len(each) > 1)
    if not fields:
        first = next(iter(lists), "optim.learning_rate")
        raise ExperimentError(
            first, "a sweep needs a setting with two values or more, such as optim.learning_rate with 1e-3,3e-3"
        )
    runs = []
    for chosen in itertools.product(*lists.values()):
        changes = dict(zip(lists, chosen, strict=True))
        name = " ".join(f"{_short_name(field)}={value_text(changes[field])}" for field in fields)
        try:
            runs.append(SweepRun(name, base.with_fields(**changes)))
        except ExperimentError as error:
            message = str(error).removeprefix(f"{error.field}: ")
            raise ExperimentError(error.field, f"in the run {name}, {message}") from None
    return Sweep(fields, tuple(runs))


def read_values(field: str, text: str) -> list[Value]:
    """The values of a field in a list, see above. Raises: ExperimentError naming the field and the item at fault."""
    declared = _declared(field)
    items = [item.strip() for item in text.split(",")]
    values = [value for item in items for value in _read_item(field, declared, item)]
    for value in values:
        check_limits(field, declared, value)
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ExperimentError(field, f"{value_text(value)} is in the list twice; leave one out")
    return values


def _declared(field: str) -> dataclasses.Field[Any]:
    """The declaration of a field that can be swept. Raises: ExperimentError for any other name."""
    swept = {
        f"{section.name}.{each.name}": each
        for section in dataclasses.fields(Experiment)
        if dataclasses.is_dataclass(section.type)
        for each in dataclasses.fields(section.type)
    }
    if field in NOT_SWEPT:
        raise ExperimentError(field, "all runs of a sweep have the same text: this setting cannot be swept")
    if field not in swept:
        raise ExperimentError(field, f"there is no such setting{did_you_mean(field, swept)}")
    return swept[field]


def _read_item(field: str, declared: dataclasses.Field[Any], item: str) -> Iterable[Value]:
    if declared.type in (int, float) and (found := _RANGE.fullmatch(item)):
        return _read_range(field, declared, item, found)
    return [_read_value(field, declared, item)]


def _read_value(field: str, declared: dataclasses.Field[Any], item: str) -> Value:
    """One value. Raises: ExperimentError, which says what the field expects."""
    if declared.type is str:
        return str(coerce(field, str, item))
    value: Any = _WORDS.get(item.lower(), item)
    for kind in (int, float):
        if isinstance(value, str):
            try:
                value = kind(value)
            except ValueError:
                continue
    if declared.type is int and isinstance(value, float) and value.is_integer():
        value = int(value)  # 1e3
    checked: Value = coerce(field, declared.type, value)
    return checked


def _read_range(field: str, declared: dataclasses.Field[Any], item: str, found: re.Match[str]) -> Iterable[Value]:
    first, last = (_read_value(field, declared, found[name]) for name in ("first", "last"))
    for end in (first, last):
        check_limits(field, declared, end)
    assert not isinstance(first, str) and not isinstance(last, str)  # as the caller checks
    if first >= last:
        raise ExperimentError(field, f"the range {item} does not rise; write the smaller number first")
    if found["count"] is None:
        if declared.type is float:
            raise ExperimentError(field, f"the range {item} does not say how many values; write {item} x4 for four")
        assert isinstance(first, int) and isinstance(last, int)
        if last - first >= MOST_RUNS:
            raise ExperimentError(field, f"{item} is {last - first + 1:,} values, and a sweep has at most {MOST_RUNS}")
        return range(first, last + 1)
    count = int(found["count"])
    if not 2 <= count <= MOST_RUNS:
        raise ExperimentError(field, f"{item} asks for {count:,} values; ask for 2 to {MOST_RUNS}")
    if first <= 0:
        raise ExperimentError(field, f"the ends of {item} are divided by equal ratios, so they must be above 0")
    between = [_rounded(first * (last / first) ** (index / (count - 1))) for index in range(1, count - 1)]
    values = [first, *(map(round, between) if declared.type is int else between), last]
    return list(dict.fromkeys(values))  # whole numbers can coincide


def _rounded(value: float) -> float:
    """To three digits: a name should be short, and the last digits of a power differ between machines."""
    return float(f"{value:.3g}")


def _short_name(field: str) -> str:
    return SHORT_NAMES.get(field) or field.rpartition(".")[2]
