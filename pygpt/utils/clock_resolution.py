"""The resolution of the clock. Browsers make it coarse, so that a page cannot mount timing attacks."""

import functools
import time


@functools.cache
def clock_resolution() -> float:
    """The smallest step of `time.perf_counter`, in seconds: 0.1 ms in Chromium, 1 ms in Firefox and WebKit
    (measured in 156, 153 and WebKitGTK 2.50, on a page without isolation), and less than a microsecond natively."""
    steps = []
    for _ in range(5):
        began = now = time.perf_counter()
        while now == began:
            now = time.perf_counter()
        steps.append(now - began)
    return min(steps)
