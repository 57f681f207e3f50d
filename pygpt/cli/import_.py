"""`pygpt import`: make a run from a model of other programs. (`import` is a keyword, hence the file's name.)"""

import dataclasses
import os
from pathlib import Path
from typing import Annotated, Literal

import tyro

from pygpt.cli.flags import optional
from pygpt.cli.output import PlainConsole, as_argument
from pygpt.errors import CheckpointError, ExperimentError


@dataclasses.dataclass
class ImportCommand:
    """Import a model of Hugging Face's transformers (GPT-2, Llama, Mistral, Qwen 2, Qwen 3) or of nanoGPT as a run."""

    kind: tyro.conf.Positional[Literal["hf", "nanogpt"]]
    """hf: a folder with config.json, safetensors files and a tokenizer; nanogpt: a ckpt.pt"""
    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR|FILE")]
    """folder or file to read"""
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """folder to write the run to"""
    block_size: Annotated[int | None, optional("INT")] = None
    """shorten the context length to save memory (default: the model's own)"""
    tokenizer: Annotated[str | None, optional("DIR|gpt2|byte")] = None
    """a tokenizer.json, a folder with a tokenizer, gpt2 or byte (default: the folder's own)"""
    meta: Annotated[Path | None, optional("FILE")] = None
    """for nanogpt: the meta.pkl of the model's data set, if its tokens are characters (default: GPT-2's tokens)"""

    def run(self) -> int:
        """Write the run and print how to use it."""
        from pygpt.analysis.memory import parameter_count
        from pygpt.huggingface import import_folder
        from pygpt.runs.checkpoint import checkpoint_pieces
        from pygpt.runs.run_folder import RunFolder

        if (self.out / "config.json").exists():
            raise CheckpointError(f"{self.out} holds a model of transformers, which would be lost; choose another OUT")
        if self.kind == "nanogpt":
            from pygpt.nanogpt import import_checkpoint

            if self.tokenizer is not None:
                raise ExperimentError("tokenizer", "a model of nanoGPT has GPT-2's tokens, or those of --meta")
            checkpoint = import_checkpoint(self.folder, self.meta, self.block_size)
        else:
            if self.meta is not None:
                raise ExperimentError("meta", "only a model of nanoGPT has a meta.pkl; use --tokenizer")
            checkpoint = import_folder(self.folder, self.block_size, self.tokenizer)
        folder = RunFolder(self.out)
        console = PlainConsole(soft_wrap=True)
        created = not os.path.lexists(self.out)
        with folder.claim():
            try:
                if earlier := folder.set_aside_earlier_run():
                    console.print(f"What was in {folder.folder} before is now in {' and '.join(earlier)}.")
                folder.begin(checkpoint.experiment, checkpoint.tokenizer, 0)
                folder.save(checkpoint_pieces(checkpoint))
            except BaseException:
                if created:  # a folder without the weights is no run
                    folder.remove()
                raise
        model, size = checkpoint.experiment.model, checkpoint.tokenizer.vocab_size
        place, imported = as_argument(folder.folder), checkpoint.provenance["imported"]
        unused = imported["vocab_size"] - size
        cut = f" ({unused:,} rows for tokens that the tokenizer does not have are cut off)" if unused else ""
        console.print(
            f"{imported['architecture']}: {parameter_count(checkpoint.experiment, size):,} parameters, {size:,} tokens"
            f"{cut}, context length {model.block_size:,}. Sample from it or fine-tune it:\n"
            f"  pygpt sample {place}\n  pygpt train --init-from {place} --data FILE"
        )
        return 0
