"""Saves a run from Python into a folder, which can have another one."""

from collections.abc import Iterable
from pathlib import Path

from pygpt.errors import CheckpointError
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.runs.layout import MODEL_FILE
from pygpt.runs.run_folder import RunFolder, path_of, read_beginning, write_run
from pygpt.runs.run_header import LENGTH, header_end, read_header
from pygpt.training.metrics import Metric


def save_run(path, data: bytes, metrics: Iterable[Metric]) -> list[str]:
    """Write the checkpoint `data` to a file whose name ends in .safetensors, or to the model.safetensors of a folder.

    A folder is written as by the commands, under its lock. The same run at the same or an earlier step is updated; if
    it has settings and a log, so are they, with `metrics` of the run. Anything else is set aside; the result is its
    new names.
    Raises: CheckpointError if it cannot be written, PygptError if another process writes in the folder.
    """
    path = path_of(path)
    if path.suffix == ".safetensors" and path.name != MODEL_FILE:
        write_run(path, data)
        return []
    folder = RunFolder(path.parent if path.name == MODEL_FILE else path)
    with folder.claim():
        earlier = [] if _continues(data, folder.model) else folder.set_aside_earlier_run()
        if folder.experiment.exists():
            checkpoint = read_checkpoint(data)
            folder.begin(checkpoint.experiment, checkpoint.tokenizer, checkpoint.step)
            logged = max((line.step for line in folder.read_metrics()), default=0)
            every = checkpoint.experiment.train.log_every
            folder.log((metric for metric in metrics if metric.step > logged), every)
        folder.save(data)
    return earlier


def _continues(data: bytes, model: Path) -> bool:
    """Whether a checkpoint is of the run in a file, and has taken at least as many steps."""
    try:
        old, new = read_beginning(model)[0], read_header(data[LENGTH : header_end(data[:LENGTH])])
    except CheckpointError:  # there is no run, or it is damaged
        return False
    # A model that was imported and not trained has no id.
    same = new.provenance["run"] == old.provenance.get("run") if "run" in new.provenance else new == old
    return same and old.step <= new.step
