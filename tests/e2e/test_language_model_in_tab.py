"""The row of jsGPT in the tab: a model's habits in any Pyodide, where Python may wait for NumPy."""

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
again = pygpt.load("star", device="numpy")
again.fit(steps=10)
on_gpu = pygpt.LanguageModel("bigram", device=await open_device_in_tab("webgpu"))
try:
    on_gpu.fit("the cat sat on the mat. " * 100, steps=3)
    said = ""
except DeviceError as error:
    said = str(error)
{"steps": [metric.step for metric in seen], "losses": [seen[0].val_loss, seen[-1].val_loss, again.evaluate().loss],
 "text": again.generate("Twinkle", 20), "step": again.step, "summary": model.summary(), "said": said}
"""


def test_a_model_has_its_habits_here_too(fresh_python_in_tab, page):
    tab = fresh_python_in_tab
    if page.request.get(f"{tab.site_root}site.json").json()["numpy"] is None:
        unavailable("the site was built without NumPy; PYGPT_WHEELS may name a folder that has its wheel")
    found = tab.run(f"SITE = {tab.site_root!r}\n{IN_TAB}")
    assert found["steps"] == list(range(31)) and found["step"] == 40
    first, last, later = found["losses"]
    assert later < last < first - 0.1
    assert len(found["text"]) == 20 and found["summary"].startswith("gpt: 3 x 3 heads, 48 wide, ")
    assert "await device.fetch" in found["said"], "a GPU cannot be waited for here, and it says so"
