"""What a text that can be had by name is known by."""

import hashlib
from dataclasses import dataclass

from pygpt.errors import DataError


@dataclass(frozen=True)
class Dataset:
    """A text that can be had by name.

    `layout` is how it is best read, "stream" or "documents". `size` is in bytes, about. A text that is downloaded has a
    `url`, a `sha256`, and the name of its `file` in the folder PYGPT_DATA.
    """

    name: str
    title: str
    description: str
    layout: str
    url: str | None
    sha256: str | None
    size: int
    file: str | None = None


def check_sha256(dataset: Dataset, data: bytes, what: str) -> None:
    """Check that bytes are a data set's file.

    Raises:
        DataError: their sha256 is not the recorded one.
    """
    came = hashlib.sha256(data).hexdigest()
    if dataset.sha256 is not None and came != dataset.sha256:
        raise DataError(
            f"{what} is not the one pygpt knows: its sha256 should be {dataset.sha256}, and is {came} "
            f"({len(data)} bytes; {dataset.size} were expected). Put the right file there, or delete it "
            "to have it fetched again"
        )
