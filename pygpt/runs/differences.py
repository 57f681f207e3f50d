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
    """The preset with an experiment's name, or the defaults."""
    return Experiment.preset(experiment.name) if experiment.name in CHANGES else Experiment()


def changes_of(run, parent=None) -> list[dict]:
    """What a run changes of the run before it, `parent`, or of its preset, as `differences` gives it.

    A run of another preset than its parent's changes the "preset", and what differs from that; one without either, the
    defaults. Two texts of one name have the beginning of their SHA-256; a parent whose text is None has the run's.
    """
    after = run.experiment
    preset = preset_of(after)
    if parent is None:
        return differences(preset, after)
    before, found = parent.experiment, []
    if parent.text is not None and parent.text.sha256 != run.text.sha256:
        names = [each.text.name for each in (parent, run)]
        if names[0] == names[1]:
            names = [f"{each.text.name} ({each.text.sha256[:8]})" for each in (parent, run)]
        found.append({"field": "data.source", "before": names[0], "after": names[1]})
    if after.name in CHANGES and after.name != before.name:
        found.append({"field": "preset", "before": before.name, "after": after.name})
        before = preset
    return found + [change for change in differences(before, after) if change["field"] != "data.source"]
