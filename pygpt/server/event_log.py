"""What happened in a run, told again to whoever comes late, and told on to whoever listens."""

import asyncio
from collections import deque

from pygpt.session.messages import Curve, Evaluated, Finished, Paused
from pygpt.training.loss_curve import LossCurve

SAMPLES = 30
PENDING = 1000  # messages that may wait for a slow listener before it is let go
TURNS = ("resumed", "paused", "stopped", "finished")


class EventLog:
    """The events of one run, folded: what somebody needs who has heard nothing yet."""

    def __init__(self):
        self.beginning: dict | None = None
        self.clear()

    def clear(self) -> None:
        """Forget the run."""
        self.curve = LossCurve()
        self.speed: dict = {}
        self.baselines: list[dict] = []
        self.samples: deque[dict] = deque(maxlen=SAMPLES)
        self.turn: dict | None = None

    @property
    def run_id(self) -> str:
        """The id of the run, or "" before there is one."""
        return self.beginning["run_id"] if self.beginning else ""

    @property
    def running(self) -> bool:
        """Whether steps are being taken."""
        if self.turn is None:
            return self.beginning is not None and self.beginning["type"] == "started"
        return self.turn["type"] == "resumed"

    @property
    def step(self) -> int:
        """The last step that is known of."""
        known = [self.curve.last_step, *(event["step"] for event in (self.turn,) if event)]
        return max([*known, self.beginning["run"]["step"] if self.beginning else 0])

    def take(self, event: dict) -> None:
        """Remember an event."""
        kind = event["type"]
        if kind in ("started", "opened"):
            self.clear()
            self.beginning = event
        elif kind == "curve":
            self.curve = LossCurve(event["training"], event["validation"])
        elif kind == "progress":
            for step, loss in zip(event["steps"], event["losses"], strict=True):
                if loss is not None:
                    self.curve.add(step, loss)
            self.speed = {**event, "steps": [], "losses": [], "logged": {}}
        elif kind == "evaluated":
            self.curve.evaluate(event["step"], event["val_loss"], event.get("accuracy"))
        elif kind == "baselines":
            self.baselines = [event]
        elif kind == "sample":
            self.samples.append(event)
        elif kind in TURNS:
            self.turn = event
            if kind == "resumed":
                self.curve.cut(event["step"])

    def events_after(self, after: int = -1) -> list[dict]:
        """The events that bring somebody up to date who knows what happened up to step `after`."""
        rows = [row for row in self.curve.training if row[0] > after]
        losses = []
        if rows:
            losses = [{**self.speed, "steps": [row[0] for row in rows], "losses": [row[1] for row in rows]}]
        losses += [
            Evaluated(self.run_id, step, loss, accuracy).to_dict()
            for step, loss, accuracy in self.curve.validation
            if step > after
        ]
        return self._events(losses, after)

    def events_for_page(self) -> list[dict]:
        """The same for a page that draws and knows nothing yet: it is told of how many steps each loss is the mean."""
        curve = Curve(self.run_id, self.curve.training, self.curve.validation).to_dict()
        speed = [{**self.speed, "steps": [], "losses": []}] if self.speed else []
        return self._events([curve, *speed], -1)

    def _events(self, losses, after):
        if self.beginning is None:
            return []
        # Always as `started`: a page that is told `opened` has asked for it, and shows the run's settings.
        run = self.beginning["run"]
        events = [{"type": "started", "run_id": self.run_id, "run": run}] if after < 0 else []
        events += losses + self.baselines
        events += [sample for sample in self.samples if sample["step"] > after]
        if self.turn is not None:
            events.append(self.turn)
        elif self.beginning["type"] == "opened":
            ended = run["step"] >= run["experiment"]["train"]["steps"]
            events.append((Finished if ended else Paused)(self.run_id, run["step"]).to_dict())
        return events


class Listeners:
    """Those who listen, each with a queue of its own. One that does not keep up is let go: it may come again, and catch up."""

    def __init__(self):
        self.listeners: set[asyncio.Queue] = set()

    def join(self) -> asyncio.Queue:
        """A queue of what is told from now on; None ends it."""
        queue: asyncio.Queue = asyncio.Queue()
        self.listeners.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue) -> None:
        """Listen no more."""
        self.listeners.discard(queue)

    def tell(self, event: dict) -> None:
        """Tell all of them."""
        for queue in list(self.listeners):
            queue.put_nowait(event)
            if queue.qsize() > PENDING:
                self._let_go(queue)

    def end(self) -> None:
        """Tell all of them that nothing more will come."""
        for queue in list(self.listeners):
            self._let_go(queue)

    def _let_go(self, queue):
        self.listeners.discard(queue)
        queue.put_nowait(None)
