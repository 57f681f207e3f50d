"""The losses of each preset over ten steps, as exact numbers: compare the output before and after a change with `diff`.

On one machine and one device they must not change. Between machines they differ in the last bits, because NumPy's
matrix products depend on the CPU.
"""

import hashlib
import json

from pygpt.config.experiment import PRESETS
from pygpt.data import load_text
from pygpt.devices import open_device
from pygpt.training.run import Run

SHORT = {"train.steps": 10, "train.eval_every": 5, "train.eval_batches": 2}
# gpt2 without its download, and small enough for 16 GB; nano in minutes, not an hour, on a software renderer.
SMALLER = {
    ("gpt2", "numpy"): {
        "data.tokenizer": "byte",
        "train.batch_size": 1,
        "train.accumulation": 2,
        "train.eval_batches": 1,
        "train.eval_every": 10,
    },
    ("nano", "webgpu"): {"train.batch_size": 2},
}


def measure(options) -> None:
    """Print one JSON line per device and preset. gpt2 runs on NumPy alone; `--sizes` selects presets."""
    for kind in ("numpy", "webgpu"):
        device = open_device(kind)
        for name in PRESETS:
            if options.wants_size(name) and (name, kind) != ("gpt2", "webgpu"):
                print(json.dumps(_ten_steps(name, device)), flush=True)


def _ten_steps(name, device) -> dict:
    preset = PRESETS[name]
    warmup = {"optim.warmup_steps": min(preset.optim.warmup_steps, 5)}
    experiment = preset.with_fields(**SHORT, **warmup, **SMALLER.get((name, device.kind), {}))
    run = Run(experiment, load_text(experiment.data.source), device)
    for _ in run.train():
        pass
    steps = run.take_metrics(device.read(run.metrics_tensor))
    return {
        "preset": name,
        "device": device.kind,
        "losses": [step.loss.hex() for step in steps if step.loss is not None],
        "validation": [step.val_loss.hex() for step in steps if step.val_loss is not None],
        "learning_rates": [step.learning_rate.hex() for step in steps if step.learning_rate is not None],
        "weights": hashlib.sha256(device.read(run.weights.values)).hexdigest(),
    }
