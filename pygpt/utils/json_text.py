"""JSON as its standard defines it: without NaN and infinity, which Python writes and other languages cannot read."""

import json
import math
from typing import Any


def json_text(value: Any) -> str:
    """The JSON of a value. NaN and infinity become null."""
    return json.dumps(_finite(value), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        # Most lists hold thousands of finite numbers: checking their sum is enough.
        if value and isinstance(value[0], float) and _all_finite(value):
            return value
        return [_finite(item) for item in value]
    return value


def _all_finite(values: Any) -> bool:
    try:
        return math.isfinite(sum(values))
    except TypeError:  # the list contains None
        return False


def parsed(text: bytes) -> dict[str, Any] | None:
    """The table in a JSON text, or None if it holds anything else, or is damaged."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
