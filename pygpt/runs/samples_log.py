"""The lines of samples.jsonl: what a model wrote at a step of its training."""

from collections.abc import Iterable

from pygpt.utils.json_text import json_text, parsed


def sample_line(sample: dict) -> str:
    """A sample, with `step` and `text`, as a line."""
    return json_text(sample) + "\n"


def read_samples(lines: Iterable[bytes]) -> list[dict]:
    """The samples in the lines, in order, without a line that a crash cut short; of one step, the last."""
    samples = (parsed(line) or {} for line in lines)
    whole = [one for one in samples if type(one.get("step")) is int and isinstance(one.get("text"), str)]
    return [*{one["step"]: one for one in whole}.values()]
