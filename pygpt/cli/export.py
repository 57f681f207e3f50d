"""`pygpt export --to hf`: write a run as a folder for Hugging Face's transformers."""

import contextlib
import dataclasses
import os
from pathlib import Path
from typing import Annotated, Literal

import tyro

from pygpt.cli.output import PlainConsole
from pygpt.errors import CheckpointError


@dataclasses.dataclass
class ExportCommand:
    """Export a run as a folder that Hugging Face's transformers loads, with the same logits."""

    model_folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(name="run", metavar="DIR")]
    """folder that `pygpt train` wrote, or a file saved by the lab"""
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """folder to write"""
    to: Literal["hf"] = "hf"
    """hf: the layout of GPT-2, Llama, Mistral, Qwen 2 or Qwen 3, depending on the model"""

    def run(self) -> int:
        """Write the files of the folder, the weights last."""
        from pygpt.huggingface import export_folder
        from pygpt.runs.run_folder import open_run
        from pygpt.utils.files import write_atomically

        files = export_folder(open_run(self.model_folder))
        if lost := [name for name in files if os.path.lexists(self.out / name)]:
            raise CheckpointError(f"{self.out} has a {lost[0]} already, which would be lost; choose another folder")
        if self.out.exists() and not self.out.is_dir():
            raise CheckpointError(f"{self.out} is a file, and an export needs a folder; choose another")
        try:
            for name, content in files.items():
                write_atomically(self.out / name, content)
        except OSError as error:
            for name in files:  # so that it can be exported again
                with contextlib.suppress(OSError):
                    (self.out / name).unlink()
            raise CheckpointError(f"the folder {self.out} cannot be written: {error.strerror}") from None
        PlainConsole(soft_wrap=True).print(
            f"Wrote the model and its tokenizer to {self.out}. Load them in Python:\n"
            f"  transformers.AutoModelForCausalLM.from_pretrained({str(self.out)!r})\n"
            f"  transformers.AutoTokenizer.from_pretrained({str(self.out)!r})"
        )
        return 0
