"""Collects the metrics of a run and sends them to the page at most ten times a second."""

import time

from pygpt.session.events import Emit
from pygpt.session.messages import Evaluated, Progress
from pygpt.training.mean_time import MeanTime
from pygpt.training.metrics import METRICS, STEP, Metric
from pygpt.training.run import Run
from pygpt.utils.clock_resolution import clock_resolution

SEND_EVERY = 0.1  # seconds between two progress events
WARM_UP_SECONDS = 2.0  # seconds in which the first steps compile and tune; they say nothing of the remaining time
AVERAGING_SECONDS = 8.0  # seconds over which the remaining time is averaged
# The logged columns: each step's metrics except its loss, which is sent for every step.
LOGGED = tuple(field.name for field in METRICS if field.metadata["source"] == STEP and field.name != "loss")


class ProgressReporter:
    """Collects metrics as they are read, and sends them as `progress` and `evaluated` events."""

    def __init__(self, emit: Emit, run: Run):
        self._emit, self._run = emit, run
        self._steps: list[Metric] = []
        self._evaluations: list[Metric] = []
        self._sent_at = self._added_at = time.perf_counter()
        # This includes evaluations, samples and safety copies, so it is more than the time per training step.
        self._mean = MeanTime(AVERAGING_SECONDS)
        self._warm_up = WARM_UP_SECONDS

    def add(self, metrics: list[Metric]) -> None:
        """Add metrics that were read from the device since the last call."""
        now = time.perf_counter()
        # A tab's coarse clock can read the same as before.
        elapsed, self._added_at = max(now - self._added_at, clock_resolution()), now
        if self._warm_up > 0:
            self._warm_up -= elapsed
        else:
            self._mean.add(elapsed, sum(metric.loss is not None for metric in metrics))
        self._steps += [metric for metric in metrics if metric.loss is not None]
        self._evaluations += [metric for metric in metrics if metric.val_loss is not None]

    def send(self, last: bool = False) -> None:
        """Send the collected metrics, unless `progress` was sent less than SEND_EVERY ago; `last` sends them anyway."""
        now = time.perf_counter()
        if now - self._sent_at < SEND_EVERY and not last:
            return
        if self._steps:
            self._send_steps(now)
        for metric in self._evaluations:
            self._emit(Evaluated(self._run.id, metric.step, metric.val_loss, metric.accuracy))
        self._steps, self._evaluations = [], []

    def _send_steps(self, now):
        train, latest = self._run.experiment.train, self._steps[-1]
        left = max(0, train.steps - latest.step)
        seconds = self._mean.seconds if left else 0.0
        logged = [metric for metric in self._steps if metric.step % train.log_every == 0]
        columns = {name: [getattr(metric, name) for metric in logged] for name in ("step", *LOGGED)} if logged else {}
        self._emit(
            Progress(
                run_id=self._run.id,
                steps=[metric.step for metric in self._steps],
                losses=[metric.loss for metric in self._steps],
                learning_rate=latest.learning_rate,
                tokens_per_second=latest.tokens_per_second,
                ms_per_step=latest.ms_per_step,
                seconds_left=None if seconds is None else seconds * left,
                logged=columns,
            )
        )
        self._sent_at = now
