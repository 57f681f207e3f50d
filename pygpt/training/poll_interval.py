"""How often to look at the losses of a run that nothing else paces.

A GPU takes steps far faster than it does them: without a limit by what they turn out to take, half a minute of work would
pile up before anybody looks, or hears Ctrl-C. And a look waits for the device, so it should be seldom.
"""

import time

from pygpt.utils.timer import tick

SECONDS_BETWEEN_LOOKS = 0.1
MOST_STEPS_BETWEEN_LOOKS = 2000  # the device keeps the losses of 4,096


class Pace:
    """When to look, from how long the steps before took. `milliseconds` is what a step takes, 0.0 as long as it is unknown."""

    def __init__(self, step: int):
        self.milliseconds = 0.0
        self._stride = 1
        self.start(step)

    def start(self, step: int) -> None:
        """Count from this step and this moment on."""
        self._step, self._time = step, time.perf_counter()

    def is_due(self, step: int) -> bool:
        """Whether enough steps were sent since the last look."""
        return step - self._step >= self._stride

    def looked(self, step: int, evaluated: bool) -> None:
        """Note that everything up to this step is done, and whether there was an evaluation on the way."""
        now, steps = time.perf_counter(), step - self._step
        # A stretch with an evaluation in it says nothing of a step, unless there is nothing better.
        if steps and not (self.milliseconds and evaluated):
            # A tab's clock may not have moved since.
            self.milliseconds = 1000 * max(now - self._time, tick()) / steps
            wanted = round(1000 * SECONDS_BETWEEN_LOOKS / self.milliseconds)
            self._stride = max(1, min(wanted, 2 * self._stride, MOST_STEPS_BETWEEN_LOOKS))
        self._step, self._time = step, now
