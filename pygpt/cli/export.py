"""`pygpt export`: write a run for Hugging Face's transformers, as a web page or a zip, or its metrics."""

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
    """Export a run as a folder that Hugging Face's transformers loads, with the same logits, as a web page that samples
    from it, as a zip, or its metrics."""

    model_folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(name="run", metavar="DIR")]
    """folder that `pygpt train` wrote, or a file saved by the lab"""
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """folder to write; for html and zip a file, such as model.html"""
    to: Literal["hf", "csv", "tensorboard", "html", "zip"] = "hf"
    """hf: the layout of GPT-2, Llama, Mistral, Qwen 2 or Qwen 3, depending on the model; csv: metrics.csv; tensorboard:
    an event file (without a log, the losses of a long run are means of the last steps_averaged steps each); html: one
    file that opens in any browser without a network, with the model and a program that samples from it; zip: the files
    of the run, which the lab opens too"""
    lab: Annotated[str, tyro.conf.arg(metavar="URL")] = "http://127.0.0.1:8000/"
    """with html, the address of the lab that the file links to"""

    def run(self) -> int:
        """Write the files of the folder, the weights last."""
        from pygpt.utils.files import write_atomically

        if self.to == "html":
            return self._write_page()
        if self.to == "zip":
            return self._archive()
        files = self._model() if self.to == "hf" else self._metrics()
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
        console = PlainConsole(soft_wrap=True)
        if self.to != "hf":
            console.print(f"Wrote {', '.join(files)} to {self.out}.")
            return 0
        console.print(
            f"Wrote the model and its tokenizer to {self.out}. Load them in Python:\n"
            f"  transformers.AutoModelForCausalLM.from_pretrained({str(self.out)!r})\n"
            f"  transformers.AutoTokenizer.from_pretrained({str(self.out)!r})"
        )
        return 0

    def _write_page(self) -> int:
        from pygpt.runs.run_folder import open_run
        from pygpt.utils.files import write_atomically
        from pygpt.utils.units import format_bytes
        from pygpt.webpage import web_page

        if os.path.lexists(self.out):
            raise CheckpointError(f"{self.out} is there already, and would be lost; choose another name")
        page = web_page(open_run(self.model_folder), self.lab)
        try:
            write_atomically(self.out, page)
        except OSError as error:
            raise CheckpointError(f"the file {self.out} cannot be written: {error.strerror}") from None
        PlainConsole(soft_wrap=True).print(
            f"Wrote the model to {self.out} ({format_bytes(len(page))}). Open it in a browser."
        )
        return 0

    def _archive(self) -> int:
        import tempfile

        from pygpt.runs.archive import zip_to
        from pygpt.runs.layout import CHECKPOINTS_FOLDER, EXPERIMENT_FILE, MODEL_FILE, RUN_FILES, checkpoint_step
        from pygpt.runs.run_folder import folder_of, open_run
        from pygpt.utils.files import write_atomically

        checkpoint, folder = open_run(self.model_folder), folder_of(self.model_folder)
        if not self.model_folder.exists():
            raise CheckpointError(f"{self.model_folder} is a checkpoint along a run; --to zip takes the whole run")
        if os.path.lexists(self.out):
            raise CheckpointError(f"{self.out} is there already, and would be lost; choose another name")
        places = {MODEL_FILE: self.model_folder}
        if folder:
            along = [path for path in (folder / CHECKPOINTS_FOLDER).glob("*") if checkpoint_step(path.name) is not None]
            places = {str(path.relative_to(folder)): path for path in (*(folder / file for file in RUN_FILES), *along)}
        name = (folder or self.model_folder.with_suffix("")).resolve().name
        try:
            files = {f"{name}/{file}": path.read_bytes() for file, path in places.items() if path.is_file()}
            files.setdefault(f"{name}/{EXPERIMENT_FILE}", checkpoint.experiment.to_toml().encode())
            with tempfile.TemporaryFile() as archive:
                zip_to(archive, files)
                archive.seek(0)
                write_atomically(self.out, iter(lambda: archive.read(1 << 20), b""))
        except OSError as error:
            raise CheckpointError(f"{self.out} cannot be written: {error.strerror}") from None
        PlainConsole(soft_wrap=True).print(f"Wrote {', '.join(files)} to {self.out}. The lab opens it, too.")
        return 0

    def _model(self):
        from pygpt.huggingface import export_folder
        from pygpt.runs.run_folder import open_run

        return export_folder(open_run(self.model_folder))

    def _metrics(self):
        from pygpt.runs.exports import EXPORTS
        from pygpt.runs.run_folder import metrics_of, read_beginning

        metrics = metrics_of(self.model_folder, read_beginning(self.model_folder)[1])
        if not metrics:
            raise CheckpointError(f"{self.model_folder} has neither a log nor a loss curve to export")
        return EXPORTS[self.to](metrics)
