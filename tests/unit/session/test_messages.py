"""The messages between a page and its session, declared once in Python."""

import json
from pathlib import Path

from pygpt.session.messages import Evaluated, Progress
from pygpt.session.page_types import page_types

ROOT = Path(__file__).resolve().parents[3]


def test_the_pages_types_are_up_to_date():
    """`python -m pygpt.session.page_types > lab/transport/messages.js` writes them."""
    assert (ROOT / "lab/transport/messages.js").read_text() == page_types()


def test_an_event_is_its_type_and_its_fields():
    progress = Progress("run-1", [1, 2], [3.5, 3.25], 0.01, 1000.0, 2.0, 1.5, {"grad_norm": [0.5, None]})
    assert json.loads(json.dumps(progress.to_dict())) == {
        "type": "progress",
        "run_id": "run-1",
        "steps": [1, 2],
        "losses": [3.5, 3.25],
        "learning_rate": 0.01,
        "tokens_per_second": 1000.0,
        "ms_per_step": 2.0,
        "seconds_left": 1.5,
        "logged": {"grad_norm": [0.5, None]},
    }
    assert Evaluated("run-1", 20, 3.0, 0.25).to_dict() == {
        "type": "evaluated",
        "run_id": "run-1",
        "step": 20,
        "val_loss": 3.0,
        "accuracy": 0.25,
    }
