"""The verdict on curves: some recorded on NumPy (recorded_curves.json, rows averaged), some drawn by a formula.

short   baby on 200,000 characters of the tales, 600 steps
heart   baby on 3,000 characters, 1,500 steps
bigram  the bigram, 1,000 steps
climb   baby with a learning rate that rises to 0.5 over 500 steps
"""

import json
import math
from pathlib import Path

import pytest

from pygpt.training.loss_curve import LossCurve
from pygpt.training.verdict import verdict_on

RECORDED = json.loads((Path(__file__).parent / "recorded_curves.json").read_text())


def judged(name: str, until: int | None = None, steps: int | None = None):
    """The verdict on a recorded curve, perhaps up to a step."""
    curve = RECORDED[name]
    last = curve["steps"] if until is None else until
    training = [row for row in curve["training"] if row[0] <= last]
    validation = [(step, loss, None) for step, loss in curve["validation"] if step <= last]
    return verdict_on(LossCurve(training, validation), steps or curve["steps"], curve["baselines"])


def drawn(loss, steps: int = 1000, until: int | None = None, every: int = 50, noise: float = 0.0):
    """The verdict on a curve whose losses are a function of the step; those of single steps jump by `noise`."""
    curve = LossCurve()
    for step in range((until or steps) + 1):
        if step:
            curve.add(step, loss(step) + noise * math.sin(step * 12.9898))
        if step % every == 0:
            curve.evaluate(step, loss(step), None)
    return verdict_on(curve, steps)


@pytest.mark.parametrize(
    ("name", "until", "kind", "advice"),
    [
        ("short", 0, "starting", ""),
        ("short", 100, "starting", ""),
        ("short", 300, "falling", ""),
        ("short", None, "too early", "more steps"),
        ("heart", 300, "falling", ""),
        ("heart", 800, "overfitting", "stop"),
        ("heart", None, "overfitting", "dropout"),
        ("bigram", None, "below counting", "more steps"),
        ("climb", None, "diverging", "lower rate"),
    ],
)
def test_a_recorded_curve_is_judged(name, until, kind, advice):
    found = judged(name, until)
    assert (found.kind, found.advice) == (kind, advice), found.sentence


def test_overfitting_is_dated_to_the_best_evaluation():
    """The step and the loss in the sentence are those of the lowest validation loss."""
    found, seen = judged("heart"), RECORDED["heart"]["validation"]
    step, best = min(seen[1:], key=lambda row: row[1])
    assert (found.step, found.loss) == (step, best) and found.by == pytest.approx(seen[-1][1] - best)
    assert f"step {step:,} ({best:.2f})" in found.sentence


def test_a_flat_curve_has_stalled_and_at_its_end_is_done():
    flat = lambda step: 1.5 + 2.5 * math.exp(-step / 40)
    assert drawn(flat, until=700).kind == "stalled"
    done = drawn(flat)
    assert (done.kind, done.advice, done.ended) == ("done", "write", True)


def test_noise_is_no_verdict():
    """Losses that jump around a falling mean neither diverge nor overfit."""
    for until in range(200, 1000, 100):
        assert drawn(lambda step: 4 - 2 * step / 1000, until=until, noise=0.3).kind == "falling", until
