"""The machine that trains, which has one user at a time: a job of the queue, or the lab."""

import asyncio

from pygpt.errors import RequestError


class TrainingSlot:
    """A lock on the training device: one user at a time."""

    def __init__(self):
        self.user = ""
        self.changed = asyncio.Condition()

    def acquire(self, user: str) -> None:
        """Acquire the slot. Raises: RequestError (409) if another user holds it."""
        if self.user not in ("", user):
            raise RequestError(409, f"this machine is busy with {self.user}; it runs one job at a time", "device")
        self.user = user

    async def release(self, user: str) -> None:
        """Release the slot and wake everyone who waits for it."""
        if self.user == user:
            self.user = ""
        async with self.changed:
            self.changed.notify_all()
