"""Runs async code that never waits without an event loop: native devices return every result at once.

So it works in a notebook, which already runs an event loop and cannot start a second one.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

from pygpt.errors import DeviceError

T = TypeVar("T")


_blocking = ContextVar("blocking", default=False)


async def yield_to_event_loop() -> None:
    """Let the other tasks of the event loop run; does nothing within `run_blocking`."""
    if not _blocking.get():
        await asyncio.sleep(0)


def run_blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits. Raises: DeviceError if it waits, as on the GPU of a browser tab."""
    token = _blocking.set(True)
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        _blocking.reset(token)
    coroutine.close()
    raise DeviceError(
        "blocking code cannot wait for the GPU of a browser tab: read tensors with `await device.fetch(tensor)`, or "
        'use device="numpy"'
    )


def iterate_blocking(generator: AsyncGenerator[T, None]) -> Iterator[T]:
    """The items of an async generator that never waits. Dropping the iterator closes the generator."""
    try:
        while True:
            try:
                yield run_blocking(generator.__anext__())
            except StopAsyncIteration:
                return
    finally:
        run_blocking(generator.aclose())
