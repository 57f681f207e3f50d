"""An event as the line of JSON that goes to the page."""

import json
import math


def encode(event: dict) -> str:
    """The JSON of an event. JSON has no NaN and no infinity: they become null."""
    return json.dumps(_finite(event) if event["type"] == "progress" else event)


def _finite(event):
    losses = [loss if math.isfinite(loss) else None for loss in event["losses"]]
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in event.items()} | {"losses": losses}
