"""`pygpt import hf` and `pygpt export --to hf`: from and to folders of `transformers`."""

from pathlib import Path
from shlex import quote

from rich.console import Console

from pygpt.analysis.memory import parameter_count
from pygpt.cli.commands import Export, Import
from pygpt.errors import CheckpointError
from pygpt.huggingface import export_folder, import_folder
from pygpt.inference.trained_model import MODEL_FILE, open_run
from pygpt.runs.checkpoint import checkpoint_pieces
from pygpt.runs.run_folder import RunFolder


def import_model(command: Import) -> int:
    """Write the run."""
    checkpoint = import_folder(command.folder, command.block_size)
    folder = RunFolder(command.out)
    console = Console(highlight=False, soft_wrap=True)
    if older := folder.set_aside_older_run():
        console.print(f"There was a run in {folder.folder}; its weights are now {older.name}.")
    folder.begin(checkpoint.experiment, checkpoint.tokenizer, 0)
    folder.save(checkpoint_pieces(checkpoint))
    model, size = checkpoint.experiment.model, checkpoint.tokenizer.vocab_size
    console.print(
        f"{checkpoint.provenance['imported']['architecture']}: {parameter_count(checkpoint.experiment, size):,} "
        f"parameters, {size:,} tokens, a block of {model.block_size:,}. Read what it writes, or train it further:\n"
        f"  pygpt sample {quote(str(folder.folder))}\n  pygpt train --init-from {quote(str(folder.folder))} --data FILE"
    )
    return 0


def export_model(command: Export) -> int:
    """Write the folder: the weights last, under their name when they are whole."""
    if (command.out / MODEL_FILE).exists() and (command.out / "experiment.toml").exists():
        raise CheckpointError(f"{command.out} holds a run of pygpt, which would be lost; choose another folder")
    files = export_folder(open_run(command.run))
    try:
        command.out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _write(command.out / name, [content] if isinstance(content, bytes) else content)
    except OSError as error:
        raise CheckpointError(f"the folder {command.out} cannot be written: {error.strerror}") from None
    kind = (
        "a tokenizer"
        if "tokenizer.json" in files
        else "no tokenizer, for transformers has none of single characters or bytes"
    )
    Console(highlight=False, soft_wrap=True).print(
        f"{command.out} holds the model, with {kind}. In Python:\n"
        f'  transformers.AutoModelForCausalLM.from_pretrained("{command.out}")'
    )
    return 0


def _write(path: Path, pieces) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.writelines(pieces)
    fresh.replace(path)
