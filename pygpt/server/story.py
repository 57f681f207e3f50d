"""What happened in a run, told again to whoever comes late, and told on to whoever listens."""

import asyncio
import math
from array import array
from collections import deque

SAMPLES = 30
POINTS = 4000  # losses told again at most: neighbours are averaged
PENDING = 1000  # messages that may wait for a slow listener before it is let go
TURNS = ("resumed", "paused", "stopped", "finished")


class Story:
    """The events of one run, folded: what somebody needs who has heard nothing yet."""

    def __init__(self):
        self.beginning: dict | None = None
        self.clear()

    def clear(self) -> None:
        """Forget the run."""
        self.steps, self.losses = array("Q"), array("d")
        self.speed: dict = {}
        self.evaluations: dict[int, dict] = {}
        self.baselines: list[dict] = []
        self.samples: deque[dict] = deque(maxlen=SAMPLES)
        self.turn: dict | None = None

    @property
    def running(self) -> bool:
        """Whether steps are being taken."""
        if self.turn is None:
            return self.beginning is not None and self.beginning["type"] == "started"
        return self.turn["type"] == "resumed"

    @property
    def step(self) -> int:
        """The last step that is known of."""
        known = [0, *self.steps[-1:], *(event["step"] for event in (self.turn,) if event)]
        return max([*known, self.beginning["run"]["step"] if self.beginning else 0])

    def take(self, event: dict) -> None:
        """Remember an event."""
        kind = event["type"]
        if kind in ("started", "opened"):
            self.clear()
            self.beginning = event
        elif kind == "progress":
            self.steps.extend(event["steps"])
            self.losses.extend(math.nan if loss is None else loss for loss in event["losses"])
            self.speed = {name: value for name, value in event.items() if name not in ("steps", "losses")}
        elif kind == "evaluated":
            self.evaluations[event["step"]] = event
        elif kind == "baselines":
            self.baselines = [event]
        elif kind == "sample":
            self.samples.append(event)
        elif kind in TURNS:
            self.turn = event
            if kind == "resumed":
                self._forget_after(event["step"])

    def _forget_after(self, step):
        while self.steps and self.steps[-1] > step:
            self.steps.pop()
            self.losses.pop()
        self.evaluations = {at: event for at, event in self.evaluations.items() if at <= step}

    def told(self, after: int = -1) -> list[dict]:
        """The events that bring somebody up to now who knows what happened up to step `after`."""
        if self.beginning is None:
            return []
        # Always as `started`: a page that is told `opened` has asked for it, and shows the run's settings.
        run = self.beginning["run"]
        events = [{"type": "started", "run": run}] if after < 0 else []
        first = next((index for index, step in enumerate(self.steps) if step > after), len(self.steps))
        steps, losses = self._thinned(first)
        if steps:
            events.append({**self.speed, "type": "progress", "steps": steps, "losses": losses})
        events += [event for step, event in self.evaluations.items() if step > after]
        events += self.baselines
        events += [sample for sample in self.samples if sample["step"] > after]
        if self.turn is not None:
            events.append(self.turn)
        elif self.beginning["type"] == "opened":
            events.append({"type": "paused" if run["step"] < run["experiment"]["train"]["steps"] else "finished", "step": run["step"]})
        return events

    def _thinned(self, first):
        stride = max(1, math.ceil((len(self.steps) - first) / POINTS))
        steps, losses = [], []
        for start in range(first, len(self.steps), stride):
            part = self.losses[start : start + stride]
            steps.append(self.steps[start : start + stride][-1])
            losses.append(sum(part) / len(part))
        return steps, losses


class Audience:
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
