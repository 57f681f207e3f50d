"""An event as the line of JSON that goes to the page."""

import json
import math


def encode(event: dict) -> str:
    """The JSON of an event. JSON has no NaN and no infinity: they become null."""
    known = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in event.items()
    }
    if "losses" in known:
        known["losses"] = [loss if loss is not None and math.isfinite(loss) else None for loss in known["losses"]]
    return json.dumps(known)
