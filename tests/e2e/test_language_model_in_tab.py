"""The parity test for jsGPT, in the tab: LanguageModel works in any Pyodide once NumPy is loaded."""

from tests.conftest import unavailable

IN_TAB = """
from numpy_wheel import ensure_numpy
await ensure_numpy(SITE)

import pygpt
from pygpt.devices import open_device_in_tab
from pygpt.errors import DeviceError

model = pygpt.LanguageModel("baby", device="numpy", **{"train.eval_every": 10, "train.eval_batches": 2})
seen = []
model.fit("Twinkle, twinkle, little star, how I wonder what you are! " * 60, steps=30, callback=seen.append)
model.save("star")
reloaded = pygpt.load("star", device="numpy")
reloaded.fit(steps=10)
on_gpu = pygpt.LanguageModel("bigram", device=await open_device_in_tab("webgpu"))
try:
    on_gpu.fit("the cat sat on the mat. " * 100, steps=3)
    message = ""
except DeviceError as error:
    message = str(error)
{"steps": [metric.step for metric in seen], "losses": [seen[0].val_loss, seen[-1].val_loss, reloaded.evaluate().loss],
 "text": reloaded.generate("Twinkle", 20), "step": reloaded.step, "summary": model.summary(), "message": message}
"""


def test_a_language_model_fits_saves_loads_and_generates(fresh_python_in_tab, page):
    tab = fresh_python_in_tab
    if page.request.get(f"{tab.site_root}site.json").json()["numpy"] is None:
        unavailable("the site was built without NumPy; set PYGPT_WHEELS to a folder that contains its wheel")
    result = tab.run(f"SITE = {tab.site_root!r}\n{IN_TAB}")
    assert result["steps"] == list(range(31)) and result["step"] == 40
    first, last, resumed = result["losses"]
    assert resumed < last < first - 0.1
    assert len(result["text"]) == 20 and result["summary"].startswith("gpt: 3 layers, 3 heads, width 48, ")
    assert "await device.fetch" in result["message"], (
        "fit cannot wait for a GPU in the tab; its error must explain that"
    )
