"""Training and sampling in Chromium, and the time until Python is ready."""

import json
import statistics
from pathlib import Path

from tests.bench.native import PRESETS, experiment, report
from tests.bench.site import open_site, open_tab

TIMING = (Path(__file__).with_name("timing.py")).read_text()
SETUP = TIMING + """
import json
from pygpt.data import load_text
from pygpt.devices import open_device_in_tab
from pygpt.experiment import Experiment
from pygpt.train import Run
from numpy_wheel import ensure_numpy

async def bring_numpy():
    await ensure_numpy(SITE)

text = load_text("tales")

async def bench(choice, values, seconds):
    device = await open_device_in_tab(choice, bring_numpy)
    run = Run(Experiment.from_dict(values), text, device)
    found = [device.name, await time_steps(run, seconds, 3), await time_tokens(run, 32)]
    device.close()
    return found
"""


def measure():
    """Print boot times and a table."""
    with open_site() as (server, browser):
        boots = []
        for _ in range(5):
            with open_tab(server, browser) as tab:
                boots.append(tab.boot_seconds)
        print(f"navigation to a ready Python, five fresh profiles: {min(boots):.2f} / {statistics.median(boots):.2f} s")
        with open_tab(server, browser) as tab:
            tab.run(f"SITE = {server.url!r}\n{SETUP}")
            for choice in ("numpy", "webgpu"):
                for preset in PRESETS:
                    described = experiment(preset)
                    code = f"await bench({choice!r}, json.loads({json.dumps(described.to_dict())!r}), 5)"
                    report(*_with(preset, described, tab.run(code, 400)))


def _with(preset, described, found):
    name, steps, tokens = found
    return name, preset, described, steps, tokens
