"""The mean time of a step over the last seconds, without the hours in which a laptop slept."""

import math

GAP_SECONDS = 5.0  # shorter intervals are always counted: they leave the mean within seconds
GAP_RATIO = 10.0  # an interval is a gap if it is this many times longer than any other of late
FORGETTING = 0.9  # factor by which each interval shortens the longest one remembered


class MeanTime:
    """An average whose weights fall exponentially, by 1/e in `time_constant` seconds.

    The clock of a browser tab may go on while the machine sleeps, and so one interval can be hours long. Such a gap is
    left out. A second one in a row is not a gap: the steps have become slow.
    """

    def __init__(self, time_constant: float):
        self.time_constant = time_constant
        self._seconds = self._steps = self._longest = 0.0
        self._after_gap = False

    def add(self, seconds: float, steps: int) -> None:
        """Count the steps done in an interval, which may be none."""
        is_gap = self._longest > 0 and seconds > max(GAP_SECONDS, GAP_RATIO * self._longest)
        if is_gap and not self._after_gap:
            self._after_gap = True
            return
        self._after_gap = False
        self._longest = max(seconds, FORGETTING * self._longest)
        decay = math.exp(-seconds / self.time_constant)
        self._seconds = decay * self._seconds + seconds
        self._steps = decay * self._steps + steps

    @property
    def seconds(self) -> float | None:
        """The mean time of a step, or None before the first."""
        return self._seconds / self._steps if self._steps else None
