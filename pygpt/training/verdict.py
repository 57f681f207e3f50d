"""A verdict on a run: what its curve says, in one sentence, and what to do about it.

It reads the curve as a teacher would: has the loss come down, does it still, does unseen text profit? Its thresholds
are in nats per token, the unit of the losses. `tests/unit/training/test_verdict.py` tries it on recorded curves.
"""

import dataclasses
from collections.abc import Mapping

from pygpt.training.loss_curve import LossCurve

EVALUATIONS = 3  # of trained weights, before anything is said about unseen text
DIVERGED = 0.3  # nats above its lowest stretch, from which a training loss is said to diverge
WORSE = 0.02  # nats above the best validation loss, from which a run is said to overfit
FLAT = 0.01  # nats: less is no progress
FALLING = 0.02  # share of the loss that the last quarter of a run still took off: then it ended too early
STRETCHES = 10  # into which a training curve is cut; one of them is the noise of many steps


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a curve says. `kind` is a key of ADVICE, `step` where it began or was best, `loss` the validation loss there
    (for "diverging", the training loss), `by` the nats between it and the last one; `ended` is whether the run has."""

    kind: str
    step: int = 0
    loss: float = 0.0
    by: float = 0.0
    ended: bool = False

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        return SENTENCES[self.kind].format(step=self.step, loss=self.loss, by=self.by)

    @property
    def advice(self) -> str:
        """What to do: "", "more steps", "lower rate", "stop", "dropout" or "write"."""
        return AFTER_THE_END.get(self.kind, ADVICE[self.kind]) if self.ended else ADVICE[self.kind]


SENTENCES = {
    "starting": "The model begins at chance; the first losses on unseen text decide what can be said.",
    "falling": "The model is learning: its loss on unseen text has come down by {by:.2f} since step {step:,}.",
    "diverging": "The training diverges: its loss was {loss:.2f} around step {step:,} and is {by:.2f} higher now. "
    "The learning rate is probably too high.",
    "overfitting": "The model is learning its text by heart: on unseen text it was best at step {step:,} ({loss:.2f}) "
    "and is {by:.2f} worse now.",
    "stalled": "The loss on unseen text has not come down since step {step:,} ({loss:.2f}).",
    "below counting": "The model ended at {loss:.2f}, no better than counting which token follows which.",
    "too early": "The run ended too early: in its last quarter the loss on unseen text still came down by {by:.2f}.",
    "done": "The model has learned what this run could teach it: {loss:.2f} on unseen text, and the curve is flat.",
}
ADVICE = {
    "starting": "",
    "falling": "",
    "diverging": "lower rate",
    "overfitting": "stop",
    "stalled": "",
    "below counting": "more steps",
    "too early": "more steps",
    "done": "write",
}
AFTER_THE_END = {"overfitting": "dropout"}  # what else helps when it is too late to stop


def verdict_on(curve: LossCurve, steps: int, baselines: Mapping[str, float] | None = None) -> Verdict:
    """The verdict on a run of `steps` steps whose curve may end before; `baselines` are those of `ngram_baselines`."""
    diverging = _diverging(curve.training)
    if diverging is not None:
        return diverging
    seen = [(step, loss) for step, loss, _ in curve.validation]
    trained = [row for row in seen if row[0] > 0]
    ended = bool(seen) and seen[-1][0] >= steps
    if len(trained) < EVALUATIONS and not (ended and trained):
        return Verdict("starting")
    last_step, last = trained[-1]
    best_step, best = min(trained, key=lambda row: row[1])
    since_best = sum(step > best_step for step, _ in trained)
    if since_best >= 2 and last > best + WORSE and _fell_since(curve.training, best_step):
        return Verdict("overfitting", best_step, best, last - best, ended)
    if ended:
        before = _at(seen, steps - steps // 4)
        if before - last > max(FLAT, FALLING * before):
            return Verdict("too early", steps - steps // 4, last, before - last, True)
    if ended and baselines and last >= baselines.get("bigram", float("inf")):
        return Verdict("below counting", last_step, last, ended=True)
    early_step, early = _row_before(trained, last_step - max(1, last_step // 3))
    if len(trained) > EVALUATIONS and early - last < FLAT:
        return Verdict("done", last_step, last, ended=True) if ended else Verdict("stalled", best_step, best)
    if ended:
        return Verdict("done", last_step, last, ended=True)
    reference = seen[0] if len(seen) <= EVALUATIONS + 1 else (early_step, early)
    return Verdict("falling", reference[0], last, reference[1] - last)


def _diverging(rows) -> Verdict | None:
    """Whether the training loss climbs: its last stretch lies well above the lowest one."""
    size = max(1, len(rows) // STRETCHES)
    stretches = [rows[start : start + size] for start in range(0, len(rows) - size + 1, size)]
    if len(stretches) < 3:
        return None
    means = [_mean(stretch) for stretch in stretches]
    lowest = min(range(len(means) - 1), key=means.__getitem__)
    if means[-1] - means[lowest] < DIVERGED:
        return None
    return Verdict("diverging", stretches[lowest][-1][0], means[lowest], means[-1] - means[lowest])


def _mean(rows) -> float:
    return sum(loss * count for _, loss, count in rows) / sum(count for _, _, count in rows)


def _fell_since(rows, step: int) -> bool:
    """Whether the training loss is lower after a step than right before it; unseen text alone got worse then."""
    before, after = [row for row in rows if row[0] <= step], [row for row in rows if row[0] > step]
    if not before or not after:
        return True  # nothing speaks against it
    size = max(1, len(after) // 4)
    return _mean(after[-size:]) < _mean(before[-size:])


def _row_before(rows, step: int) -> tuple[int, float]:
    """The last row at or before a step, else the first one."""
    return next((row for row in reversed(rows) if row[0] <= step), rows[0])


def _at(rows, step: int) -> float:
    """The loss at a step, on the line between its neighbours."""
    before = _row_before(rows, step)
    after = next((row for row in rows if row[0] >= step), rows[-1])
    if after[0] == before[0]:
        return before[1]
    return before[1] + (after[1] - before[1]) * (step - before[0]) / (after[0] - before[0])
