"""How fast a device works, and where to cut its work, so that no submission keeps a GPU busy for long.

Operating systems and browsers reset a GPU that one submission occupies for some seconds, and a screen does not refresh
meanwhile. The work of a launch is a number of its operations and bytes (`Kernel.launch_work`); the pace is measured.
"""

import dataclasses
import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

Shape = tuple[int, ...]
Attributes = Mapping[str, Any]  # a kernel's keyword arguments: numbers, flags, and names such as "silu"

SUBMISSION_SECONDS = 0.05  # that a submission may take; a step of a small model takes less and stays whole
# Assumed until it is measured, in work per second: a slow integrated GPU, and two CPU cores.
HARDWARE_PACE, SOFTWARE_PACE = 2e11, 1e10
SLOWEST_PACE = 1e9  # less is measured while shaders compile, or if the host is slower than the device
SHORTEST_MEASUREMENT = 0.005  # seconds; the clock of a tab is coarse
MEASUREMENTS = 5  # the median of so many is the pace: one may include compilation, or have been noticed late


class Pace:
    """The work per second of a device, from the times at which reads finish: a read waits for all work before it.

    `sent` is all the work so far.
    """

    def __init__(self) -> None:
        self.sent = 0.0
        self._limits = {software: _limit(SOFTWARE_PACE if software else HARDWARE_PACE) for software in (True, False)}
        self._done, self._began = 0.0, 0.0  # the work that has finished, and when the work after it began
        self._measured: deque[float] = deque(maxlen=MEASUREMENTS)

    def limit(self, software: bool) -> float:
        """Return the work of one submission."""
        return self._limits[software]

    def send(self, work: float) -> None:
        """Count work that is submitted now."""
        if self.sent == self._done:
            self._began = time.perf_counter()
        self.sent += work

    def finish(self, sent: float) -> None:
        """Measure: all work has finished that had been counted when `sent` had this value."""
        work, now = sent - self._done, time.perf_counter()
        if work <= 0.0:
            return
        if now - self._began >= SHORTEST_MEASUREMENT:
            self._measured.append(work / (now - self._began))
        self._done, self._began = sent, now
        if len(self._measured) > MEASUREMENTS // 2:
            limit = _limit(sorted(self._measured)[len(self._measured) // 2])
            self._limits = {True: limit, False: limit}


def _limit(per_second: float) -> float:
    # Rounded up to a quarter of an octave, so that plans are not cut anew after each measurement.
    work = max(per_second, SLOWEST_PACE) * SUBMISSION_SECONDS
    return math.pow(2.0, math.ceil(4.0 * math.log2(work)) / 4.0)


@dataclasses.dataclass(frozen=True)
class LaunchInfo:
    """A description of a launch: the kernel's name, (shape, dtype) of each operand present by name, the attributes, and
    on a GPU the shader. It keeps no memory alive."""

    kernel: str
    operands: dict[str, tuple[Shape, str]]
    attributes: Attributes
    shader: str = ""


class Work:
    """The work of a recording's launches, and where it is cut."""

    def __init__(self) -> None:
        self.launches: list[float] = []
        self._pieces: list[tuple[int, int]] = []
        self._limit = 0.0

    def pieces(self, limit: float) -> list[tuple[int, int]]:
        """Return the ranges of launches that are submissions of at most `limit` work; the same list while they are."""
        if limit != self._limit:
            cut, self._limit = pieces(self.launches, limit), limit
            self._pieces = self._pieces if cut == self._pieces else cut
        return self._pieces


def pieces(work: Sequence[float], limit: float) -> list[tuple[int, int]]:
    """Cut launches, given the work of each, into ranges (start, stop) of at most `limit` work, or of one launch."""
    starts, total = [0], 0.0
    for index, own in enumerate(work):
        if total + own > limit and index > starts[-1]:
            starts.append(index)
            total = 0.0
        total += own
    return list(zip(starts, [*starts[1:], len(work)]))
