"""The parity test for microgpt, in the tab: the scalar program's losses, on WebGPU and on NumPy."""

import json

import pytest

from tests.conftest import unavailable
from tests.parity.test_microgpt import EXPERIMENT, STEPS, largest_difference

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

async def train(choice, values, steps):
    text = open_dataset_bytes("names", await (await pyfetch(SITE + "data/names.txt")).bytes())
    device = await open_device_in_tab(choice, load_numpy)
    run = Run(Experiment.from_dict(values), text, device)
    for event in run.train():
        if run.step == steps and event.kind != "evaluating":
            break
    metrics = run.take_metrics(await device.fetch(run.metrics_tensor))
    device.close()
    return [metric.loss for metric in metrics if metric.loss is not None]
"""


@pytest.mark.parametrize(
    "choice, dtype, tolerance", [("webgpu", "float32", 2e-4), ("numpy", "float32", 2e-4), ("numpy", "float64", 1e-9)]
)
def test_the_losses_equal_microgpts(choice, dtype, tolerance, fresh_python_in_tab, page, microgpt_losses):
    tab = fresh_python_in_tab
    contents = page.request.get(f"{tab.site_root}site.json").json()
    if "names" not in contents["data"]:
        unavailable("the site was built without the names; set PYGPT_DATA to a folder that contains them")
    if choice == "numpy" and contents["numpy"] is None:
        unavailable("the site was built without NumPy; set PYGPT_WHEELS to a folder that contains its wheel")
    values = json.dumps(EXPERIMENT.with_fields(**{"model.dtype": dtype}).to_dict())
    losses = tab.run(
        f"SITE = {tab.site_root!r}\n{IN_TAB}\nawait train({choice!r}, json.loads({values!r}), {STEPS})", seconds=300
    )
    assert largest_difference(microgpt_losses, losses) < tolerance
