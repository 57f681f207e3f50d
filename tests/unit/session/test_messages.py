"""The messages between a page and its session, declared once in Python."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from pygpt.session import progress
from pygpt.session.messages import Evaluated, Progress
from pygpt.session.page_types import page_types
from pygpt.training.metrics import Metric

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


def test_progress_is_sent_at_most_ten_times_a_second(monkeypatch):
    """A step every 0.04 s, 100 in all: the time left follows from the mean time of the steps so far."""
    now = 5.0
    monkeypatch.setattr(progress, "WARM_UP_SECONDS", 0.0)
    monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=lambda: now))
    train = SimpleNamespace(steps=100, log_every=10)
    run, sent = SimpleNamespace(id="a", experiment=SimpleNamespace(train=train)), []
    reporter = progress.ProgressReporter(sent.append, run)
    for step in range(1, 13):
        now += 0.04
        reporter.add([Metric(step, loss=1.0 / step, learning_rate=0.1 * step, grad_norm=float(step))])
        reporter.send()
    reporter.add([Metric(12, val_loss=0.5)])
    reporter.send(last=True)
    assert [event.steps for event in sent[:-1]] == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]
    assert [event.losses[0] for event in sent[:-1]] == [1.0, 1 / 4, 1 / 7, 1 / 10]
    assert [event.learning_rate for event in sent[:-1]] == pytest.approx([0.3, 0.6, 0.9, 1.2])
    assert [event.seconds_left for event in sent[:-1]] == pytest.approx([0.04 * left for left in (97, 94, 91, 88)])
    assert [event.logged for event in sent[:-1]] == [
        {},
        {},
        {},
        {"step": [10], "grad_norm": [10.0], "update_ratio": [None]},
    ]
    assert sent[-1] == Evaluated("a", 12, 0.5)


def test_the_time_left_is_told_once_it_is_steady(monkeypatch):
    """The first step takes 1.5 s, the others 0.01 s, 100,000 in all: at the start no hours, at the end nothing left."""
    now = 5.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=lambda: now))
    run = SimpleNamespace(id="a", experiment=SimpleNamespace(train=SimpleNamespace(steps=100_000, log_every=10)))
    sent: list = []
    reporter = progress.ProgressReporter(sent.append, run)
    for step in range(1, 201):
        now += 1.5 if step == 1 else 0.01
        reporter.add([Metric(step, loss=1.0)])
        reporter.send()
    known = [event for event in sent if event.seconds_left is not None]
    assert sent[0].seconds_left is None and 40 <= known[0].steps[0] <= 60
    assert [event.seconds_left for event in known] == pytest.approx(
        [0.01 * (100_000 - event.steps[-1]) for event in known]
    )
    reporter.add([Metric(100_000, loss=1.0)])
    reporter.send(last=True)
    assert sent[-1].seconds_left == 0


def test_sleep_does_not_enter_the_time_left(monkeypatch):
    """A step every 0.1 s, and a laptop that sleeps for eight hours: the time left is right with the next step."""
    now = 5.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=lambda: now))
    run = SimpleNamespace(id="a", experiment=SimpleNamespace(train=SimpleNamespace(steps=1000, log_every=10)))
    sent: list = []
    reporter = progress.ProgressReporter(sent.append, run)
    for step in range(1, 101):
        now += 8 * 3600 if step == 60 else 0.1
        reporter.add([Metric(step, loss=1.0)])
        reporter.send()
    known = [event for event in sent if event.seconds_left is not None]
    assert len(known) == 40 and [event.seconds_left for event in known] == pytest.approx(
        [0.1 * (1000 - event.steps[-1]) for event in known]
    )
