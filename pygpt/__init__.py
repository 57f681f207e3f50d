"""pygpt: a GPT training lab. It trains in a browser tab, on a desktop GPU or on NumPy, with the same loss curve.

    import pygpt
    model = pygpt.LanguageModel("baby")        # a preset; see pygpt/language_model.py
    model.fit("shakespeare")                   # the name of a text, or the text itself
    print(model.generate("ROMEO:", 200))
    model.save("runs/baby")                    # as `pygpt train baby --out runs/baby` does
    model = pygpt.load("runs/baby")

Importing it loads neither NumPy nor a GPU driver; opening a device does.
"""

from typing import TYPE_CHECKING

from pygpt.errors import PygptError
from pygpt.version import __version__

if TYPE_CHECKING:
    from pygpt.config.experiment import PRESETS, Experiment
    from pygpt.language_model import LanguageModel


def load(folder, device="auto"):
    """Load a LanguageModel from a folder that `pygpt train` wrote, or from a file that the lab saved.

    "FOLDER@STEP" is a checkpoint along the run; `fit` on another text begins a new run from it.
    `device` is a choice ("auto", "numpy", "webgpu") or an open device.
    Raises: CheckpointError if there is no run there, or it is damaged.
    """
    from pygpt.language_model import load as load_model

    return load_model(folder, device)


def __getattr__(name):
    # Imported on first access: most modules that import pygpt need only a small part of it, and the command line has to
    # catch Ctrl+C before it has imported much.
    if name == "LanguageModel":
        from pygpt.language_model import LanguageModel

        return LanguageModel
    if name in ("PRESETS", "Experiment"):
        from pygpt.config import experiment

        return getattr(experiment, name)
    raise AttributeError(f"module 'pygpt' has no attribute {name!r}")


__all__ = ["PRESETS", "Experiment", "LanguageModel", "PygptError", "__version__", "load"]
