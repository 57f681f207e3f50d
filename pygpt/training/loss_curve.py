"""The loss curve of a run, bounded in size: saved in checkpoints, and sent to subscribers that join late.

A row of `training` is (step, loss, count): the mean loss of the last `count` steps up to `step`. At POINTS rows,
neighbouring rows are averaged in pairs, and each row then covers twice as many steps, so the size is bounded for runs
of any length. A row of `validation` is (step, loss, accuracy or None). At POINTS rows, every other row is dropped: each
evaluation is meaningful by itself. lab/state/curves.js does the same for the page's charts.

Beside the rows is `smoothed`, the moving average that the page shows as the training loss. It weighs single steps,
which the rows no longer have, so it is saved as a number. So is `seconds`, the training time up to the last step; it is
None if it is unknown, as after steps of an earlier version.
"""

import math
import struct

from pygpt.errors import CheckpointError

POINTS = 2000
SMOOTHING = 0.1  # weight of a new step in the moving average, as in lab/state/reducer.js
ROW = struct.Struct("<3d")  # float64 stores step numbers and averages exactly


class LossCurve:
    """The losses so far. Rows are added in the order of their steps."""

    def __init__(self, training=(), validation=(), smoothed: float | None = None, seconds: float | None = 0.0):
        self.training: list[tuple[int, float, int]] = [*map(tuple, training)]
        self.validation: list[tuple[int, float, float | None]] = [*map(tuple, validation)]
        self.stride = max((count for _, _, count in self.training), default=1)  # steps in a full row
        self.smoothed = _smoothed(self.training) if smoothed is None else smoothed
        self.seconds = seconds

    @property
    def empty(self) -> bool:
        """Whether the curve is empty: the run is new, or its file is from a version without curves."""
        return not (self.training or self.validation)

    @property
    def last_step(self) -> int:
        """The last step with a loss, or 0."""
        return self.training[-1][0] if self.training else 0

    def add(self, step: int, loss: float) -> None:
        """Add the loss of the next step."""
        rows = self.training
        self.smoothed = loss if self.smoothed is None else self.smoothed + SMOOTHING * (loss - self.smoothed)
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
        """Add an evaluation; a repeated one replaces the first."""
        self._drop_after(self.validation, step - 1)
        if len(self.validation) == POINTS:
            del self.validation[::2]
        self.validation.append((step, loss, accuracy))

    def take(self, metrics) -> None:
        """Add metrics from `Run.take_metrics`."""
        for metric in metrics:
            if metric.loss is not None:
                self.add(metric.step, metric.loss)
            if metric.seconds is not None:
                self.seconds = metric.seconds
            if metric.val_loss is not None:
                self.evaluate(metric.step, metric.val_loss, metric.accuracy)

    def truncate_after(self, step: int) -> None:
        """Remove the rows after a step from which the run continues."""
        if step < self.last_step:
            self._drop_after(self.training, step)
            self.smoothed = _smoothed(self.training)
        self._drop_after(self.validation, step)

    def tables(self) -> dict[str, bytes]:
        """Return both tables as the bytes of (N, 3) float64; a missing accuracy is NaN."""
        validation = [
            (step, loss, math.nan if accuracy is None else accuracy) for step, loss, accuracy in self.validation
        ]
        return {
            name: b"".join(ROW.pack(*row) for row in rows)
            for name, rows in (("training", self.training), ("validation", validation))
            if rows
        }

    @staticmethod
    def from_tables(
        tables: dict[str, bytes], until: int, smoothed: float | None = None, seconds: float | None = None
    ) -> "LossCurve":
        """Read the result of `tables` for a run at step `until`, its moving average and its time; a file of an earlier
        version has none. Raises: CheckpointError if a row is invalid."""
        rows = {name: [*ROW.iter_unpack(data)] for name, data in tables.items()}
        training, validation = rows.get("training", []), rows.get("validation", [])
        last = 0
        for step, loss, count in training:
            if not (
                _is_whole(step, until)
                and _is_whole(count, until)
                and count >= 1
                and step - count >= last
                and math.isfinite(loss)
            ):
                raise _damaged("training", step, loss, count)
            last = step
        last = -1
        for step, loss, accuracy in validation:
            if not (_is_whole(step, until) and step > last and math.isfinite(loss) and not math.isinf(accuracy)):
                raise _damaged("validation", step, loss, accuracy)
            last = step
        return LossCurve(
            [(int(step), loss, int(count)) for step, loss, count in training],
            [(int(step), loss, None if math.isnan(accuracy) else accuracy) for step, loss, accuracy in validation],
            smoothed if training else None,
            seconds if until else 0.0,
        )

    def _drop_after(self, rows, step):
        while rows and rows[-1][0] > step:
            rows.pop()


def _smoothed(rows):
    """The moving average from the rows alone, if there are any: `count` steps move it as that many equal ones."""
    average = None
    for _, loss, count in rows:
        average = loss if average is None else loss + (1 - SMOOTHING) ** count * (average - loss)
    return average


def _is_whole(value, maximum):
    return 0 <= value <= maximum and value.is_integer()


def _damaged(name, *row):
    return CheckpointError(f"the loss curve in the file is damaged: curve.{name} has the row {row!r:.100}")
