"""Running async code to its end where nothing in it waits: natively every device answers at once.

So it needs no event loop, and works in a notebook, which is running one already and could not have a second.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

from pygpt.errors import DeviceError

T = TypeVar("T")


_blocking = ContextVar("blocking", default=False)


async def let_others_run() -> None:
    """Give the other tasks of the event loop their turn; within `run_blocking` there are none."""
    if not _blocking.get():
        await asyncio.sleep(0)


def run_blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never has to wait. Raises DeviceError for one that does: on a tab's GPU."""
    token = _blocking.set(True)
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    finally:
        _blocking.reset(token)
    coroutine.close()
    raise DeviceError(
        "blocking code cannot wait for the GPU of a browser tab: read tensors with `await device.fetch(tensor)`, or use "
        'device="numpy"'
    )


def iterate_blocking(generator: AsyncGenerator[T, None]) -> Iterator[T]:
    """The items of an async generator that never has to wait. Dropping the iterator closes the generator."""
    try:
        while True:
            try:
                yield run_blocking(generator.__anext__())
            except StopAsyncIteration:
                return
    finally:
        run_blocking(generator.aclose())
