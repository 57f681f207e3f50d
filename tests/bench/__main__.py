"""Speed and memory, measured and never judged.

    python -m tests.bench native           milliseconds a training step, and tokens a second when sampling, by device
    python -m tests.bench tab              the same in Chromium, and how long it takes until Python is ready
    python -m tests.bench memory           JS heap, GPU buffers and Python objects over 2,000 steps of `baby` in the tab
    python -m tests.bench quality          what bigram and small reach on Tiny Shakespeare, and docs/small_curve.svg
    python -m tests.bench curve            50 steps of `small` on NumPy and on the native WebGPU: the largest difference

Every figure depends on the machine and on what else it does: each is printed as minimum / median of the repeats.
"""

import os
import platform
import sys

from tests.bench import curve, memory, native, quality, tab

MEASUREMENTS = {"native": native.measure, "tab": tab.measure, "memory": memory.measure,
                "quality": quality.measure, "curve": curve.measure}


def main(arguments):
    """Run the named measurements, or all."""
    names = arguments or list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        sys.exit(f"no measurement {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores{load}, Python {platform.python_version()}")
    for name in names:
        print(f"\n{name}")
        MEASUREMENTS[name]()


main(sys.argv[1:])
