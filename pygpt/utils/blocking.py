"""Running async code to its end where nothing in it waits: natively every device answers at once.

So it needs no event loop, and works in a notebook, which is running one already and could not have a second.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


async def let_others_run() -> None:
    """Give the other tasks of the event loop their turn; where there is no loop, there are none."""
    await asyncio.sleep(0)


def run_blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never has to wait. Raises RuntimeError for one that does."""
    while True:
        try:
            waiting = coroutine.send(None)
        except StopIteration as end:
            return end.value
        if waiting is not None:  # more than `asyncio.sleep(0)`, which only gives others their turn
            coroutine.close()
            raise RuntimeError("this has to wait for something, and nothing here can: run it in an event loop")


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
