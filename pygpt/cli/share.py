"""`pygpt share`: print a link that opens the lab with a run's settings."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from pygpt.errors import CheckpointError


@dataclasses.dataclass
class ShareCommand:
    """Print a link to a run: what differs from a preset, the text by its name and SHA-256, the seed and the version.

    A text of your own stays with you: the link has its SHA-256 alone.
    """

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(name="run", metavar="DIR")]
    """folder that `pygpt train` wrote, or a file saved by the lab"""
    curve: bool = False
    """put the loss curve into the link, so that `pygpt reproduce` and the lab can compare another run with it"""
    lab: Annotated[str, tyro.conf.arg(metavar="URL")] = "http://127.0.0.1:8000/"
    """address of the lab that the link opens; the default is that of `pygpt lab` on the reader's own computer"""

    def run(self) -> int:
        """Print the link."""
        from pygpt.runs.run_folder import read_beginning
        from pygpt.runs.share_link import run_to_share, write_link
        from pygpt.runs.shared_curve import SharedCurve

        header, losses = read_beginning(self.folder)
        if header.began_from or header.experiment.data.tokenizer_file:
            what = "weights of another run" if header.began_from else "a tokenizer's file"
            raise CheckpointError(
                f"{self.folder} was trained with {what}, which no link can hold: share its file, model.safetensors"
            )
        curve = SharedCurve.of(losses) if self.curve else None
        print(self.lab.partition("#")[0] + write_link(run_to_share(header, curve)))
        return 0
