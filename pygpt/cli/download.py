"""`pygpt download`: download a data set or GPT-2's tokenizer into the cache."""

import dataclasses
from typing import Annotated

import tyro

from pygpt.data import DATASETS
from pygpt.data.registry import DOWNLOADS
from pygpt.errors import DataError
from pygpt.utils.suggest import did_you_mean


@dataclasses.dataclass
class DownloadCommand:
    """Download a data set or GPT-2's tokenizer into the cache, and print the path of each file."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME", help=", ".join(DOWNLOADS))]

    def run(self) -> int:
        """Download the files and print their paths. Raises: DataError for an unknown name or a failed download."""
        from pygpt.data.download import fetch

        if self.name in DATASETS and self.name not in DOWNLOADS:
            raise DataError(
                f"{self.name} is made by pygpt itself and needs no download; there are {', '.join(DOWNLOADS)}"
            )
        if self.name not in DOWNLOADS:
            suggestion = did_you_mean(self.name, DOWNLOADS)
            raise DataError(
                f"there is nothing named {self.name!r} to download{suggestion}; there are {', '.join(DOWNLOADS)}"
            )
        for path in fetch(DOWNLOADS[self.name]):
            print(path)
        return 0
