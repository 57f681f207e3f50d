"""What differs between the settings of two runs."""

from pygpt.config.experiment import Experiment
from pygpt.config.presets import CHANGES

SECTIONS = ("data", "model", "optim", "train")


def differences(before: Experiment, after: Experiment) -> list[dict]:
    """The settings that differ, each as {"field": "optim.learning_rate", "before": 0.002, "after": 0.02}."""
    values, new = before.to_dict(), after.to_dict()
    return [
        {"field": f"{section}.{name}", "before": values[section][name], "after": value}
        for section in SECTIONS
        for name, value in new[section].items()
        if values[section][name] != value
    ]


def preset_of(experiment: Experiment) -> Experiment:
    """The preset with the experiment's name, or else the defaults."""
    return Experiment.preset(experiment.name) if experiment.name in CHANGES else Experiment()
