"""What differs between the settings of two runs."""

from pygpt.config.experiment import Experiment
from pygpt.config.presets import CHANGES
from pygpt.models import MODELS

SECTIONS = ("data", "model", "optim", "train")


def settings(experiment: Experiment) -> dict[str, object]:
    """All settings by their dotted names."""
    values = experiment.to_dict()
    return {f"{section}.{name}": value for section in SECTIONS for name, value in values[section].items()}


def differences(before: Experiment, after: Experiment) -> list[dict]:
    """The settings that differ, each as {"field": "optim.learning_rate", "before": 0.002, "after": 0.02}.

    Settings that the model of `after` does not use are left out.
    """
    old, new = settings(before), settings(after)
    used = MODELS[after.model.kind].fields
    return [
        {"field": field, "before": old[field], "after": value}
        for field, value in new.items()
        if old[field] != value
        and (used is None or not field.startswith("model.") or field.removeprefix("model.") in {"kind", *used})
    ]


def preset_of(experiment: Experiment) -> Experiment:
    """The preset with the experiment's name, or else the defaults."""
    return Experiment.preset(experiment.name) if experiment.name in CHANGES else Experiment()
