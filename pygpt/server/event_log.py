"""A run's events: a log for subscribers that join late, and the subscribers' queues."""

import asyncio
from collections import deque

from pygpt.server.models import ENDED, ModelFolder
from pygpt.session.messages import Curve, Evaluated, Finished, Paused, Progress
from pygpt.training.loss_curve import LossCurve

SAMPLES = 30
MAX_PENDING = 1000  # a subscriber with this many waiting messages is dropped
STATE_CHANGES = ("resumed", "paused", "stopped", "finished")


class EventLog:
    """A compact log of one run's events, from which a new subscriber catches up."""

    def __init__(self):
        self.start_event: dict | None = None
        self.clear()

    def clear(self) -> None:
        """Clear everything except `start_event`."""
        self.curve = LossCurve()
        self.speed: dict = {}  # the last `progress` event, of whose columns only the last logged step is kept
        self.baselines: list[dict] = []
        self.samples: deque[dict] = deque(maxlen=SAMPLES)
        self.last_change: dict | None = None

    @property
    def run_id(self) -> str:
        """The id of the run, or "" before a run has started."""
        return self.start_event["run_id"] if self.start_event else ""

    @property
    def running(self) -> bool:
        """Whether the run is taking steps."""
        if self.last_change is None:
            return self.start_event is not None and self.start_event["type"] == "started"
        return self.last_change["type"] == "resumed"

    @property
    def step(self) -> int:
        """The last step in the log."""
        steps = [self.curve.last_step, *(event["step"] for event in (self.last_change,) if event)]
        return max([*steps, self.start_event["run"]["step"] if self.start_event else 0])

    def add(self, event: dict) -> None:
        """Add an event to the log."""
        kind = event["type"]
        if kind in ("started", "opened"):
            self.clear()
            self.start_event = event
        elif kind == "curve":
            self.curve = LossCurve(event["training"], event["validation"], event["smoothed"])
            self.speed = {}
            if self.last_change is not None:
                self.last_change = {**self.last_change, "step": min(self.last_change["step"], event["step"])}
            self.samples = deque((one for one in self.samples if one["step"] <= event["step"]), maxlen=SAMPLES)
        elif kind == "progress":
            for step, loss in zip(event["steps"], event["losses"], strict=True):
                if loss is not None:
                    self.curve.add(step, loss)
            newest = {name: column[-1:] for name, column in event.get("logged", {}).items()}
            self.speed = {**event, "steps": [], "losses": [], "logged": newest or self.speed.get("logged", {})}
        elif kind == "evaluated":
            self.curve.evaluate(event["step"], event["val_loss"], event.get("accuracy"))
        elif kind == "baselines":
            self.baselines = [event]
        elif kind == "sample":
            self.samples.append(event)
        elif kind in STATE_CHANGES:
            self.last_change = event
            if kind == "resumed":
                self.curve.truncate_after(event["step"])
                self._set_steps(event["steps"])

    def _set_steps(self, steps):
        """Keep the total that a resumed run trains to: it may have been extended."""
        if self.start_event is not None:
            run = self.start_event["run"]
            experiment = {**run["experiment"], "train": {**run["experiment"]["train"], "steps": steps}}
            self.start_event = {**self.start_event, "run": {**run, "experiment": experiment}}

    def events_after(self, after: int = -1) -> list[dict]:
        """The events that a subscriber needs if it has those up to step `after`."""
        rows = [row for row in self.curve.training if row[0] > after]
        losses = []
        if rows:
            # The speed is unknown if the losses come from a checkpoint's curve alone.
            progress = self.speed or Progress(self.run_id, [], [], None, None, None, None, {}).to_dict()
            losses = [{**progress, "steps": [row[0] for row in rows], "losses": [row[1] for row in rows]}]
        losses += [
            Evaluated(self.run_id, step, loss, accuracy).to_dict()
            for step, loss, accuracy in self.curve.validation
            if step > after
        ]
        return self._events(losses, after)

    def events_for_page(self) -> list[dict]:
        """The events that a new page needs; the curve includes the number of steps that each loss averages."""
        losses = self.curve
        curve = Curve(self.run_id, self.step, losses.training, losses.validation, losses.smoothed).to_dict()
        return self._events([curve, self.speed] if self.speed else [curve], -1)

    def _events(self, losses, after):
        if self.start_event is None:
            return []
        # Always `started`: a page that receives `opened` has requested it, and shows the run's settings.
        run = self.start_event["run"]
        events = [{"type": "started", "run_id": self.run_id, "run": run}] if after < 0 else []
        events += losses + self.baselines
        events += [sample for sample in self.samples if sample["step"] > after]
        if self.last_change is not None:
            events.append(self.last_change)
        elif self.start_event["type"] == "opened":
            ended = run["step"] >= run["experiment"]["train"]["steps"]
            events.append((Finished if ended else Paused)(self.run_id, run["step"]).to_dict())
        return events


def restore_log(log: EventLog, folder: ModelFolder, record: dict) -> None:
    """Rebuild the event log of an ended job from its metrics file."""
    if "experiment" not in record:
        return
    metrics = folder.read_metrics()
    facts = {
        "id": record.get("run_id", folder.name),
        "experiment": record["experiment"],
        "text": record.get("dataset", ""),
        "step": 0,
        "parameters": record.get("parameters", 0),
        "vocabulary": record.get("vocabulary", 0),
    }
    run = {"run_id": facts["id"]}
    log.add({"type": "started", **run, "run": facts})
    losses = [metric for metric in metrics if metric.loss is not None]
    if losses:
        progress = Progress(
            facts["id"],
            [metric.step for metric in losses],
            [metric.loss for metric in losses],
            losses[-1].learning_rate,
            losses[-1].tokens_per_second,
            losses[-1].ms_per_step,
            0.0,
            {},
        )
        log.add(progress.to_dict())
    for metric in metrics:
        if metric.val_loss is not None:
            log.add(Evaluated(facts["id"], metric.step, metric.val_loss, metric.accuracy).to_dict())
    if record["state"] in ENDED:
        kind = "finished" if record["state"] == "trained" else "stopped"
        log.add({"type": kind, **run, "step": record.get("step", 0)})


class Subscribers:
    """The subscribers, each with its own queue. One that falls behind is dropped; it can reconnect and catch up."""

    def __init__(self):
        self.subscribers: set[asyncio.Queue] = set()

    def subscribe(self) -> asyncio.Queue:
        """Add a subscriber and return its queue of the events from now on; None ends it."""
        queue: asyncio.Queue = asyncio.Queue()
        self.subscribers.add(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue) -> None:
        """Remove a subscriber."""
        self.subscribers.discard(queue)

    def publish(self, event: dict) -> None:
        """Send an event to every subscriber."""
        for queue in list(self.subscribers):
            queue.put_nowait(event)
            if queue.qsize() > MAX_PENDING:
                self._drop(queue)

    def close(self) -> None:
        """End every subscriber's queue."""
        for queue in list(self.subscribers):
            self._drop(queue)

    def _drop(self, queue):
        self.subscribers.discard(queue)
        queue.put_nowait(None)
