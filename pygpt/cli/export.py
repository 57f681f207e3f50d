"""`pygpt export --to hf`: write a run as a folder for Hugging Face's transformers."""

import dataclasses
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
        from pygpt.runs.run_folder import EXPERIMENT_FILE, MODEL_FILE, open_run
        from pygpt.utils.files import write_atomically

        if (self.out / MODEL_FILE).exists() and (self.out / EXPERIMENT_FILE).exists():
            raise CheckpointError(f"{self.out} holds a run of pygpt, which would be lost; choose another folder")
        files = export_folder(open_run(self.model_folder))
        try:
            for name, content in files.items():
                write_atomically(self.out / name, content)
        except OSError as error:
            raise CheckpointError(f"the folder {self.out} cannot be written: {error.strerror}") from None
        PlainConsole(soft_wrap=True).print(
            f"Wrote the model and its tokenizer to {self.out}. Load them in Python:\n"
            f"  transformers.AutoModelForCausalLM.from_pretrained({str(self.out)!r})\n"
            f"  transformers.AutoTokenizer.from_pretrained({str(self.out)!r})"
        )
        return 0
