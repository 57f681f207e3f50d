"""Signals that end a command: it stops cleanly at the first one."""

import contextlib
import signal
from collections.abc import Callable, Iterator

ENDING = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


@contextlib.contextmanager
def handling_signals(stop: Callable) -> Iterator[None]:
    """Call `stop(number, frame)` at each ending signal, except one that is ignored: `nohup` ignores SIGHUP, and so does
    its child."""
    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    previous = {number: signal.signal(number, stop) for number in numbers if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
