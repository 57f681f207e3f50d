"""The bigram on Tiny Shakespeare, trained in the tab on the text that the site serves."""

import json

import pytest

from pygpt.config.experiment import Experiment
from tests.conftest import unavailable

IN_TAB = """
import json
from pyodide.http import pyfetch
from pygpt.data import open_dataset_bytes
from pygpt.devices import open_device_in_tab
from pygpt.config.experiment import Experiment
from pygpt.training.run import Run
from numpy_wheel import ensure_numpy

async def load_numpy():
    await ensure_numpy(SITE)

async def train(choice, values):
    text = open_dataset_bytes("shakespeare", await (await pyfetch(SITE + "data/shakespeare.txt")).bytes())
    device = await open_device_in_tab(choice, load_numpy)
    run = Run(Experiment.from_dict(values), text, device)
    metrics = []
    for event in run.train():
        if event.kind == "evaluation":
            metrics += run.take_metrics(await device.fetch(run.metrics_tensor))
    device.close()
    return metrics[-1].val_loss
"""


@pytest.mark.parametrize("choice", ["webgpu", "numpy"])
def test_the_bigram_reaches_a_loss_of_2_55(choice, fresh_python_in_tab, page):
    tab = fresh_python_in_tab
    contents = page.request.get(f"{tab.site_root}site.json").json()
    if "shakespeare" not in contents["data"]:
        unavailable("the site was built without Tiny Shakespeare; set PYGPT_DATA to a folder that contains it")
    if choice == "numpy" and contents["numpy"] is None:
        unavailable("the site was built without NumPy; set PYGPT_WHEELS to a folder that contains its wheel")
    values = json.dumps(Experiment.preset("bigram").to_dict())
    val_loss = tab.run(f"SITE = {tab.site_root!r}\n{IN_TAB}\nawait train({choice!r}, json.loads({values!r}))")
    print(f"bigram in the tab on {choice}: validation loss {val_loss:.4f}")
    assert val_loss < 2.55
