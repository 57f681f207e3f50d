"""The field of the page that an error belongs to."""

from pygpt.errors import CheckpointError, DataError, DeviceError, ExperimentError, TokenizerError


def field_of(error: Exception) -> str:
    """The name of the field, or "" for the run as a whole."""
    if isinstance(error, ExperimentError):
        return error.field
    fields: dict[type, str] = {
        DataError: "text",
        DeviceError: "device",
        CheckpointError: "file",
        TokenizerError: "prompt",
    }
    return next((field for kind, field in fields.items() if isinstance(error, kind)), "")
