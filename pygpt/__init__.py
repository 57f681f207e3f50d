"""pygpt: a GPT training lab. One package trains in a browser tab, on a desktop GPU, or on NumPy, with the same curve.

    import pygpt
    model = pygpt.LanguageModel("baby")        # a preset; see pygpt/language_model.py
    model.fit("shakespeare")                   # a text by name, or any text
    print(model.generate("ROMEO:", 200))
    model.save("runs/baby")                    # what `pygpt train baby --out runs/baby` writes too
    model = pygpt.load("runs/baby")

Importing it loads neither NumPy nor a GPU driver; opening a device does.
"""

from pygpt.config.experiment import PRESETS, Experiment
from pygpt.errors import PygptError
from pygpt.version import __version__


def load(folder, device="auto"):
    """The model in a folder that `pygpt train` wrote, or in a file the lab saved, as a LanguageModel.

    `device` is a choice ("auto", "numpy", "webgpu") or an open device.
    Raises: CheckpointError if there is no run there, or it is damaged.
    """
    from pygpt.language_model import load as load_model

    return load_model(folder, device)


def __getattr__(name):
    # Imported when it is asked for: most of what imports this package wants a small part of it.
    if name == "LanguageModel":
        from pygpt.language_model import LanguageModel

        return LanguageModel
    raise AttributeError(f"module 'pygpt' has no attribute {name!r}")


__all__ = ["PRESETS", "Experiment", "LanguageModel", "PygptError", "__version__", "load"]
