"""The loss curve of a run, bounded in size: what a checkpoint carries, and what whoever comes late is told.

A row of `training` is (step, loss, count): the mean loss of the `count` steps that end there. Once there are POINTS rows,
neighbours are averaged in pairs and from then on a row takes in twice as many steps: work and size stay the same however
long a run is. A row of `validation` is (step, loss, accuracy or None); of those, every other one goes instead, since an
evaluation means something by itself. lab/state/curves.js does the same for what the page draws.
"""

import math
import struct

from pygpt.errors import CheckpointError

POINTS = 2000
ROW = struct.Struct("<3d")  # float64 holds every step exactly, and what was averaged to the last bit


class LossCurve:
    """The losses so far. Rows come in the order of their steps."""

    def __init__(self, training=(), validation=()):
        self.training: list[tuple[int, float, int]] = [*map(tuple, training)]
        self.validation: list[tuple[int, float, float | None]] = [*map(tuple, validation)]
        self.stride = max((count for _, _, count in self.training), default=1)  # steps that a whole row stands for

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it: the run is new, or comes from a file of before there were curves in them."""
        return not (self.training or self.validation)

    @property
    def last_step(self) -> int:
        """The last step whose loss is known, or 0."""
        return self.training[-1][0] if self.training else 0

    def add(self, step: int, loss: float) -> None:
        """Take in the loss of the next step."""
        rows = self.training
        if rows and rows[-1][2] < self.stride:
            _, mean, count = rows[-1]
            rows[-1] = (step, mean + (loss - mean) / (count + 1), count + 1)
            return
        if len(rows) == POINTS:
            rows[:] = [
                (step, (left * before + right * count) / (before + count), before + count)
                for (_, left, before), (step, right, count) in zip(rows[::2], rows[1::2], strict=True)
            ]
            self.stride *= 2
        rows.append((step, loss, 1))

    def evaluate(self, step: int, loss: float, accuracy: float | None) -> None:
        """Take in an evaluation; one that is done again takes the place of the first."""
        self._drop_after(self.validation, step - 1)
        if len(self.validation) == POINTS:
            del self.validation[::2]
        self.validation.append((step, loss, accuracy))

    def take(self, metrics) -> None:
        """Take in metrics as they come from `Run.take_metrics`."""
        for metric in metrics:
            if metric.loss is not None:
                self.add(metric.step, metric.loss)
            if metric.val_loss is not None:
                self.evaluate(metric.step, metric.val_loss, metric.accuracy)

    def cut(self, step: int) -> None:
        """Forget what came after a step: the run goes on from there."""
        self._drop_after(self.training, step)
        self._drop_after(self.validation, step)

    def tables(self) -> dict[str, bytes]:
        """Both as the bytes of (N, 3) float64; an accuracy that there is not is NaN."""
        validation = [
            (step, loss, math.nan if accuracy is None else accuracy) for step, loss, accuracy in self.validation
        ]
        return {
            name: b"".join(ROW.pack(*row) for row in rows)
            for name, rows in (("training", self.training), ("validation", validation))
            if rows
        }

    @staticmethod
    def from_tables(tables: dict[str, bytes], until: int) -> "LossCurve":
        """What `tables` gave, of a run at step `until`. Raises: CheckpointError for rows that are no curve of it."""
        rows = {name: [*ROW.iter_unpack(data)] for name, data in tables.items()}
        training, validation = rows.get("training", []), rows.get("validation", [])
        last = 0
        for step, loss, count in training:
            if not (
                _whole(step, until)
                and _whole(count, until)
                and count >= 1
                and step - count >= last
                and math.isfinite(loss)
            ):
                raise _damaged("training", step, loss, count)
            last = step
        last = -1
        for step, loss, accuracy in validation:
            if not (_whole(step, until) and step > last and math.isfinite(loss) and not math.isinf(accuracy)):
                raise _damaged("validation", step, loss, accuracy)
            last = step
        return LossCurve(
            [(int(step), loss, int(count)) for step, loss, count in training],
            [(int(step), loss, None if math.isnan(accuracy) else accuracy) for step, loss, accuracy in validation],
        )

    def _drop_after(self, rows, step):
        while rows and rows[-1][0] > step:
            rows.pop()


def _whole(value, most):
    return 0 <= value <= most and value.is_integer()


def _damaged(name, *row):
    return CheckpointError(f"the loss curve in the file is damaged: curve.{name} has the row {row!r:.100}")
