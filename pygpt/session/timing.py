"""Estimates in a session how long a run takes, from a short measurement of the device once it is idle."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from pygpt.config.experiment import Experiment
from pygpt.errors import PygptError

if TYPE_CHECKING:
    from pygpt.analysis.rates import Rates  # not needed before the first measurement

IDLE_SECONDS = 0.3  # a device is measured this long after a draft was checked, so that neither start-up nor Train waits


class Timing:
    """The speeds of the devices opened so far. `busy()` returns whether the device is in use; `await ready()` is called
    when an estimate has become possible."""

    def __init__(self, busy: Callable[[], bool], ready: Callable[[], Awaitable[None]]):
        self.busy, self.ready = busy, ready
        self.rates: dict[str, Rates] = {}  # by the name of the device
        self.task: asyncio.Task | None = None

    def seconds(self, draft: Experiment, vocab_size: int, device) -> float | None:
        """The estimated seconds of a run, or None if the device has not been measured, which then follows."""
        if device.name not in self.rates:
            if self.task is None or self.task.done():
                self.task = asyncio.ensure_future(self._measure(device))
            return None
        return self.rates[device.name].run(draft, vocab_size, device)

    def stop(self) -> None:
        """Stop a measurement: a run needs the device, or another device is opened."""
        if self.task is not None:
            self.task.cancel()
            self.task = None

    async def _measure(self, device):
        await asyncio.sleep(IDLE_SECONDS)
        if self.busy():
            return  # the next check tries again
        from pygpt.analysis.rates import measure_rates

        try:
            rates = await measure_rates(device)
        except PygptError:
            return  # the device is lost or closed; whoever uses it next says so
        if not self.busy():
            self.rates[device.name] = rates
            await self.ready()
