"""`pygpt sample`: text on standard output, and nothing else."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro

from pygpt.cli.flags import DeviceChoice, SamplingFlags
from pygpt.errors import ExperimentError


@dataclasses.dataclass
class SampleCommand:
    """Write text with a trained model: only the text goes to standard output, as it is written."""

    model_folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(name="run", metavar="DIR")]
    """folder that `pygpt train` wrote, or a file saved by the lab"""
    init_from: Literal["resume"] = "resume"
    """where the weights come from: the run's last checkpoint"""
    prompt: str = ""
    """text to begin with"""
    max_new_tokens: int = 500
    """number of tokens to write"""
    sampling: tyro.conf.OmitArgPrefixes[SamplingFlags] = dataclasses.field(default_factory=SamplingFlags)
    num_samples: int = 1
    """number of texts to write, with consecutive seeds"""
    device: DeviceChoice = "auto"
    """where to compute"""

    def run(self) -> int:
        """Write the texts as they come."""
        from pygpt.inference.trained_model import load

        for name in ("max_new_tokens", "num_samples"):
            if getattr(self, name) < 1:
                raise ExperimentError(name.replace("_", "-"), f"{getattr(self, name)} is less than 1")
        model = load(self.model_folder, self.device)
        for number in range(self.num_samples):
            if number:
                print()
            settings = {**vars(self.sampling), "seed": (self.sampling.seed + number) % 2**32}
            pieces = model.stream(self.prompt, self.max_new_tokens, **settings)
            first = next(pieces)
            sys.stdout.write(self.prompt + first)
            for piece in pieces:
                sys.stdout.write(piece)
                sys.stdout.flush()
            print(flush=True)
        return 0
