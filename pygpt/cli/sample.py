"""`pygpt sample`: generate text on standard output."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro

from pygpt.cli.flags import DeviceChoice, SamplingFlags
from pygpt.config.sampling import SamplingConfig
from pygpt.errors import ExperimentError


@dataclasses.dataclass
class SampleCommand:
    """Generate text with a trained model. Standard output gets the text as it is generated, and nothing else."""

    model_folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(name="run", metavar="DIR")]
    """folder that `pygpt train` wrote, or a file saved by the lab; DIR@STEP for a checkpoint along the run"""
    init_from: Literal["resume"] = "resume"
    """source of the weights: the run's last checkpoint"""
    prompt: str = ""
    """text to continue; special tokens in it are plain text, and before it comes a begin-of-text token only if the
    model was trained with one or, of an imported model, the template of its tokenizer.json adds one"""
    max_new_tokens: int = 500
    """number of tokens to generate"""
    sampling: tyro.conf.OmitArgPrefixes[SamplingFlags] = dataclasses.field(default_factory=SamplingFlags)
    num_samples: int = 1
    """number of texts to generate, with consecutive seeds"""
    device: DeviceChoice = "auto"
    """device to compute on"""

    def run(self) -> int:
        """Print the texts as they are generated. Raises: PygptError for a setting out of range or an unreadable run."""
        from pygpt.inference.trained_model import load

        for name in ("max_new_tokens", "num_samples"):
            if getattr(self, name) < 1:
                raise ExperimentError(name.replace("_", "-"), f"{getattr(self, name)} is less than 1")
        SamplingConfig(**vars(self.sampling))  # checked before the model is read
        model = load(self.model_folder, self.device)
        for number in range(self.num_samples):
            if number:
                print()
            settings = {
                **vars(self.sampling),
                "seed": (self.sampling.seed + number) % 2**32,
            }  # after the largest comes 0
            pieces = model.stream(self.prompt, self.max_new_tokens, **settings)
            first = next(pieces)
            sys.stdout.write(self.prompt + first)
            for piece in pieces:
                sys.stdout.write(piece)
                sys.stdout.flush()
            print(flush=True)
        return 0
