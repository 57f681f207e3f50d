"""Collects the metrics of a run and sends them to the page at most ten times a second."""

import math
import time

from pygpt.session.messages import Emit, Evaluated, Progress
from pygpt.training.metrics import METRICS, STEP, Metric
from pygpt.training.run import Run
from pygpt.utils.clock_resolution import clock_resolution

SEND_EVERY = 0.1  # seconds between two progress events
AVERAGING_SECONDS = 8.0  # seconds over which the remaining time is averaged
# The logged columns: each step's metrics except its loss, which is sent for every step.
LOGGED = tuple(field.name for field in METRICS if field.metadata["source"] == STEP and field.name != "loss")


class ProgressReporter:
    """Collects metrics as they are read, and sends them as `progress` and `evaluated` events."""

    def __init__(self, emit: Emit, run: Run):
        self._emit, self._run = emit, run
        self._steps: list[Metric] = []
        self._evaluations: list[Metric] = []
        self._sent_at = time.perf_counter()
        self._seconds = self._step_count = 0.0

    def add(self, metrics: list[Metric]) -> None:
        """Add metrics that were read from the device."""
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
        # This includes evaluations, samples and safety copies, so it is more than the time per training step.
        elapsed = max(now - self._sent_at, clock_resolution())  # a tab's coarse clock can read the same as before
        decay = math.exp(-elapsed / AVERAGING_SECONDS)
        self._seconds = decay * self._seconds + elapsed
        self._step_count = decay * self._step_count + len(self._steps)
        train, latest = self._run.experiment.train, self._steps[-1]
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
                seconds_left=max(0, train.steps - latest.step) * self._seconds / self._step_count,
                logged=columns,
            )
        )
        self._sent_at = now
