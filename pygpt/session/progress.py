"""What the device reports, gathered, and told to the page ten times a second at most."""

import math
import time

from pygpt.training.run import Run
from pygpt.utils.timer import tick

TELL_EVERY = 0.1  # seconds between two progress events
REMEMBERED = 8.0  # seconds over which the speed is averaged


class Log:
    """Takes metrics as they are read, and sends them on as `progress` and `evaluated` events."""

    def __init__(self, tell, run: Run):
        self._tell, self._run = tell, run
        self._steps, self._losses, self._evaluations = [], [], []
        self._learning_rate = 0.0
        self._told = time.perf_counter()
        self._seconds = self._counted = 0.0

    def take(self, metrics) -> None:
        """Take metrics as they come from the device."""
        for metric in metrics:
            if metric.loss is not None:
                self._steps.append(metric.step)
                self._losses.append(metric.loss)
                self._learning_rate = metric.learning_rate
            if metric.val_loss is not None:
                self._evaluations.append((metric.step, metric.val_loss, metric.accuracy))

    def tell(self, last: bool = False) -> None:
        """Tell the page, if it is time."""
        now = time.perf_counter()
        if now - self._told < TELL_EVERY and not last:
            return
        if self._steps:
            self._tell_steps(now)
        for step, val_loss, accuracy in self._evaluations:
            self._tell({"type": "evaluated", "step": step, "val_loss": val_loss, "accuracy": accuracy})
        self._steps, self._losses, self._evaluations = [], [], []

    def _tell_steps(self, now):
        # What is longer ago counts for less, so that the figures follow, and yet can be read.
        passed = max(now - self._told, tick())  # a tab's clock may not have moved since
        fading = math.exp(-passed / REMEMBERED)
        self._seconds = fading * self._seconds + passed
        self._counted = fading * self._counted + len(self._steps)
        seconds_a_step = self._seconds / self._counted
        train, model = self._run.experiment.train, self._run.experiment.model
        self._tell(
            {
                "type": "progress",
                "steps": self._steps,
                "losses": self._losses,
                "learning_rate": self._learning_rate,
                "tokens_per_second": train.sequences * model.block_size / seconds_a_step,
                "ms_per_step": 1000 * seconds_a_step,
                "seconds_left": max(0, train.steps - self._steps[-1]) * seconds_a_step,
            }
        )
        self._told = now
