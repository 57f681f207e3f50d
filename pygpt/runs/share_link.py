"""Share links: an experiment as a preset and what differs from it, behind the "#" of the lab's address.

    http://127.0.0.1:8000/#preset=small&text=shakespeare&optim.learning_rate=0.01&train.seed=7&sha256=86c4…&pygpt=0.1.0

    preset    the preset that the settings are counted from; left out for "baby"
    text      a built-in text or a task by its name; left out if it is the preset's. "own": a text of the sender's,
              which no link holds
    data.…    each setting that differs from the preset, by its dotted name. The usual layout of the text is left out,
    model.…   and so are data.source (see `text`) and data.tokenizer_file (a file of the sender's)
    sha256    of the text's UTF-8 bytes, in hexadecimal
    pygpt     the version that made the link. It tells a link that was shared from the address of a page, which has the
              settings alone and sets them at once.
    device    the kind of device that trained the run: "numpy" or "webgpu"
    curve     the run's losses, see shared_curve.py

Values are written as in a form (`application/x-www-form-urlencoded`), numbers as JavaScript writes them, truth values
as "true" and "false". The seed is in every shared link. Of a name that occurs twice the first value counts.
lab/state/share_link.js is the page's side of this; tests/goldens/share_links.json has links that both write and read.
"""

import dataclasses
import math
import re
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from pygpt.config.experiment import PRESETS, Experiment
from pygpt.config.fields import Value
from pygpt.data import DATASETS, is_task
from pygpt.errors import ExperimentError
from pygpt.runs.differences import settings
from pygpt.runs.run_header import RunHeader
from pygpt.runs.shared_curve import SharedCurve
from pygpt.utils.suggest import did_you_mean

LAB = "http://127.0.0.1:8000/"  # where `pygpt lab` serves the page
FIRST_PRESET = "baby"
OWN = "own"  # stands for a text of the sender's
SEED = "train.seed"
_LEFT_OUT = ("data.source", "data.tokenizer_file")
_FACTS = ("sha256", "pygpt", "device", "curve")
_LARGEST_PLAIN, _SMALLEST_PLAIN = 1e21, 1e-6  # numbers between these have no exponent in JavaScript
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)  # as in lab/ui/number_input.js
_ENDS_IN_POINT = re.compile(r"\.\d*$", re.ASCII)  # 1.000 is a thousand in half of the world, so it is no whole number


@dataclasses.dataclass(frozen=True)
class SharedRun:
    """What a link holds. `text` is the name of a built-in text, or OWN; `sha256`, `version` and `device` are "" if the
    link does not have them. The experiment's `data.source` is the text, unless that is OWN."""

    experiment: Experiment
    text: str
    sha256: str = ""
    version: str = ""
    device: str = ""
    curve: SharedCurve | None = None


def usual_layout(text: str) -> str:
    """The layout in which a text is read unless a setting says otherwise."""
    if is_task(text):
        return "documents"
    return DATASETS[text].layout if text in DATASETS else "stream"


def run_to_share(header: RunHeader, curve: SharedCurve | None = None) -> SharedRun:
    """What a link holds of a run, given the header of its file. A text that is not built in stays private."""
    return SharedRun(
        header.experiment,
        shared_text(header.provenance),
        header.text_sha256,
        str(header.provenance.get("pygpt", "")),
        device_kind(header.provenance),
        curve,
    )


def shared_text(provenance: dict[str, Any]) -> str:
    """The name of a run's text if it is built in, or OWN: of a private one, not even the name is shared."""
    data = provenance.get("data")
    data = data if isinstance(data, dict) else {}
    name = str(data.get("name", ""))
    return name if data.get("built_in", False) and (name in DATASETS or is_task(name)) else OWN


def device_kind(provenance: dict[str, Any]) -> str:
    """The kind of device of a run: what it was trained with has a version in its provenance."""
    return "" if "device" not in provenance else "numpy" if "numpy" in provenance else "webgpu"


def write_link(run: SharedRun) -> str:
    """The link to a run: what follows the address of the lab, from its "#"."""
    name = run.experiment.name if run.experiment.name in PRESETS else FIRST_PRESET
    preset = PRESETS[name]
    words: dict[str, Value] = {}
    if name != FIRST_PRESET:
        words["preset"] = name
    if run.text != preset.data.source:
        words["text"] = run.text
    usual = settings(preset) | {"data.layout": usual_layout(run.text)}
    for field, value in settings(run.experiment).items():
        if field not in _LEFT_OUT and (value != usual[field] or field == SEED):
            words[field] = value  # type: ignore[assignment]  # settings are values
    facts = {"sha256": run.sha256, "pygpt": run.version, "device": run.device}
    facts["curve"] = run.curve.packed() if run.curve else ""
    words |= {fact: word for fact, word in facts.items() if word}
    return "#" + "&".join(f"{_quoted(word)}={_quoted(_written(value))}" for word, value in words.items())


def read_link(link: str) -> SharedRun:
    """Read a link: an address of the lab, or what follows its "#".

    Raises: ExperimentError for a name that no setting has, a value that its setting cannot have, or a curve that is
        damaged.
    """
    words: dict[str, str] = {}
    for word, value in parse_qsl(link.partition("#")[2] or link.lstrip("#"), keep_blank_values=True):
        words.setdefault(word, value)
    words.pop("", None)
    if not words or "://" in next(iter(words)):
        raise ExperimentError("link", f"expected a link with settings behind its #, got {link!r:.60}")
    facts = {fact: words.pop(fact, "") for fact in _FACTS}
    experiment = Experiment.preset(words.pop("preset", FIRST_PRESET))
    text = words.pop("text", experiment.data.source)
    if text != OWN and text not in DATASETS and not is_task(text):
        raise ExperimentError("text", f"there is no text {text!r:.60}{did_you_mean(text, DATASETS)}")
    known = settings(experiment)
    changes: dict[str, Any] = {"data.layout": usual_layout(text)}
    if text != OWN:
        changes["data.source"] = text
    for field, word in words.items():
        if field not in known or field in _LEFT_OUT:
            raise ExperimentError(
                "link", f"this pygpt has no setting {field!r:.60}{did_you_mean(field, known)}; perhaps a newer one has"
            )
        changes[field] = _read(word, known[field])
    return SharedRun(
        experiment.with_fields(**changes),
        text,
        facts["sha256"].lower(),
        facts["pygpt"],
        facts["device"],
        SharedCurve.unpacked(facts["curve"]) if facts["curve"] else None,
    )


def _quoted(word: str) -> str:
    """As URLSearchParams writes it."""
    return quote_plus(word, safe="*").replace("~", "%7E")


def _written(value: Value) -> str:
    """A value as JavaScript's String() writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float):
        return str(value)
    if value == 0:
        return "0"
    plain = _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN
    digits = Decimal(repr(value)).normalize()
    return f"{digits:f}" if plain else f"{value!r}".replace("e-0", "e-").replace(".0e", "e")


def _read(word: str, like: object) -> Value:
    """The value of a setting that has values like `like`. A word that is none stays as it is: the experiment's check
    says what was expected."""
    if isinstance(like, bool):
        return {"true": True, "false": False}.get(word.lower(), word)
    if isinstance(like, str):
        return word
    typed = word.strip()
    if not _NUMBER.fullmatch(typed) or not math.isfinite(number := float(typed)):
        return word
    if isinstance(like, float):
        return number
    return int(number) if number.is_integer() and not _ENDS_IN_POINT.search(typed) else word
