"""`pygpt reproduce`: train what a link describes, and compare its curve with the one in the link."""

import asyncio
import contextlib
import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from pygpt.cli.flags import DeviceChoice, check_source, optional
from pygpt.cli.output import PlainConsole, unbreakable_output
from pygpt.errors import DataError, ExperimentError


@dataclasses.dataclass
class ReproduceCommand:
    """Train what a link describes, and say at which step and to how many digits its curve and this one agree.

    The exit status is 0 if they are the same to four digits or more, and 1 if they differ.
    """

    link: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="LINK")]
    """link with a curve, from the lab's "Share" or `pygpt share --curve`; put it between quotes"""
    source: Annotated[str | None, optional("FILE"), tyro.conf.arg(name="data")] = None
    """file of the text, if it is the sender's own: a link has only its SHA-256"""
    device: DeviceChoice = "auto"
    """device to compute on; `pygpt devices` lists them"""
    out: Annotated[Path | None, optional("DIR")] = None
    """folder for the run (default: runs/PRESET, or the first of runs/PRESET-2 and so on that is free)"""

    def run(self) -> int:
        """Train, and print the comparison. Raises: ExperimentError for a link without a curve; DataError if the text
        is not the sender's."""
        from pygpt.analysis.autotune import tune
        from pygpt.analysis.device_choice import open_device_for
        from pygpt.cli.train import free_folder, print_header, set_aside
        from pygpt.cli.training import Training
        from pygpt.runs.run_folder import RunFolder
        from pygpt.runs.share_link import read_link
        from pygpt.runs.shared_curve import compare, comparison
        from pygpt.training.run import Run
        from pygpt.utils.cache import Cache
        from pygpt.version import __version__

        shared = read_link(self.link)
        if shared.curve is None:
            raise ExperimentError(
                "link",
                "it has no curve to compare with: ask for a link with the curve, from the lab or `pygpt share --curve`",
            )
        text = self._text(shared)
        with unbreakable_output(), contextlib.ExitStack() as claims:
            console = PlainConsole(soft_wrap=True)
            run = Run(shared.experiment, text, open_device_for(self.device, shared.experiment))
            folder = RunFolder(self.out or free_folder(shared.experiment.name))
            claims.enter_context(folder.claim())
            set_aside(folder, console)
            folder.begin(run.experiment, run.tokenizer, 0)
            print_header(run, folder, console)
            training = Training(run, folder, console, save_every=10.0, profiled=False)

            async def tune_and_train():
                await tune(run.device, run.experiment, run.tokenizer.vocab_size, Cache())
                return await training.train()

            status = asyncio.run(tune_and_train())
            found = compare(shared.curve, run.metrics.curve)
            here = {"version": __version__, "device": run.device.kind, "sha256": text.sha256}
            there = {"version": shared.version, "device": shared.device, "sha256": shared.sha256}
            console.print(comparison(found, there, here))
            return status or (0 if found.same else 1)

    def _text(self, shared):
        from pygpt.data import load_text
        from pygpt.runs.share_link import OWN

        check_source(self.source)
        if shared.text == OWN and self.source is None:
            raise DataError(
                f"the link needs the sender's own text, with SHA-256 {shared.sha256}, which no link holds: ask for the "
                "file, and give it with --data"
            )
        text = load_text(self.source or shared.text)
        if shared.text == OWN and text.sha256 != shared.sha256:
            raise DataError(
                f"{self.source} is not the text of the link: its SHA-256 is {text.sha256}, the link's {shared.sha256}"
            )
        return text
