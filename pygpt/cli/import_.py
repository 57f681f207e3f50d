"""`pygpt import hf`: a run from a folder of `transformers`. (`import.py` could not be imported.)"""

import dataclasses
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

import tyro
from rich.console import Console

from pygpt.cli.flags import optional


@dataclasses.dataclass
class ImportCommand:
    """Turn another program's model into a run: a GPT-2 or a Llama in a folder of Hugging Face's transformers."""

    kind: tyro.conf.Positional[Literal["hf"]]
    """hf: a folder with config.json, model.safetensors and a tokenizer"""
    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """the folder to read"""
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """folder for the run"""
    block_size: Annotated[int | None, optional("INT")] = None
    """use a shorter context, which takes less memory (default: the model's own)"""

    def run(self) -> int:
        """Write the run, and say how to use it."""
        from pygpt.analysis.memory import parameter_count
        from pygpt.huggingface import import_folder
        from pygpt.runs.checkpoint import checkpoint_pieces
        from pygpt.runs.run_folder import RunFolder

        checkpoint = import_folder(self.folder, self.block_size)
        folder = RunFolder(self.out)
        folder.check_writable()
        console = Console(highlight=False, soft_wrap=True)
        if older := folder.set_aside_older_run():
            console.print(f"There was a run in {folder.folder}; its weights are now {older.name}.")
        folder.begin(checkpoint.experiment, checkpoint.tokenizer, 0)
        folder.save(checkpoint_pieces(checkpoint))
        model, size = checkpoint.experiment.model, checkpoint.tokenizer.vocab_size
        place = quote(str(folder.folder))
        console.print(
            f"{checkpoint.provenance['imported']['architecture']}: {parameter_count(checkpoint.experiment, size):,} "
            f"parameters, {size:,} tokens, context {model.block_size:,}. Sample from it, or train it further:\n"
            f"  pygpt sample {place}\n  pygpt train --init-from {place} --data FILE"
        )
        return 0
