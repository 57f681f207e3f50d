"""The text that a run was trained on, for the commands that use it if no --data is given."""

from pygpt.errors import DataError


def training_text(checkpoint):
    """The text in the run's file, or the one that its experiment names.

    Raises: DataError if it was trained by another program, or the text cannot be loaded.
    """
    from pygpt.data import load_text

    if checkpoint.text is None and "imported" in checkpoint.provenance:
        raise DataError(
            f"{checkpoint.experiment.name or 'this model'} was imported, and its file does not say on what text it was "
            "trained: choose one with --data"
        )
    return checkpoint.text or load_text(checkpoint.experiment.data.source)
