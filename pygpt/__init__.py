"""pygpt: a GPT training lab. One package trains in a browser tab, on a desktop GPU, or on NumPy, with the same curve.

    import pygpt
    model = pygpt.load("runs/small")           # what `pygpt train small --out runs/small` wrote
    print(model.generate("ROMEO:", 200))

Importing it loads neither NumPy nor a GPU driver; opening a device does.
"""

from pygpt.errors import PygptError
from pygpt.experiment import PRESETS, Experiment

__version__ = "0.1.0"


def load(folder, device="auto"):
    """The trained model in a folder that `pygpt train` wrote, or in a file the lab saved; see `pygpt.trained`.

    `device` is a choice ("auto", "numpy", "webgpu") or an open device.
    Raises: CheckpointError if there is no run there, or it is damaged.
    """
    from pygpt.trained import load as load_trained

    return load_trained(folder, device)


__all__ = ["PRESETS", "Experiment", "PygptError", "__version__", "load"]
