"""The checkpoints that `pygpt train --checkpoints` writes along a run, and what the model writes at each of them."""

from pathlib import Path

from pygpt.inference.generate import generate
from pygpt.runs.checkpoint_series import CheckpointSeries
from pygpt.runs.disk_files import OneFolder
from pygpt.runs.layout import SAMPLES_FILE
from pygpt.runs.run_folder import writing
from pygpt.runs.samples_log import read_samples, sample_line
from pygpt.training.fixed_sample import SAMPLE_LENGTH, FixedSample
from pygpt.training.run import Run
from pygpt.utils.blocking import run_blocking
from pygpt.utils.files import write_atomically


class RunCheckpoints:
    """The checkpoints along a run in a folder that is claimed. Those of later steps than the run's are removed."""

    def __init__(self, run: Run, folder: Path):
        self.run, self.samples = run, folder / SAMPLES_FILE
        files = OneFolder(folder)
        self.series = CheckpointSeries(files, files.write)
        run_blocking(self.series.begin(folder.name, run.step))

    def write_if_due(self, checkpoint: bytes) -> None:
        """Write one, from the run's checkpoint at its step, and a sample; does nothing if none is due.

        Raises: CheckpointError if they cannot be written, MemoryError if they do not fit.
        """
        if not self.series.is_due(self.run.step):
            return
        self._write_sample()  # first: there is one for each checkpoint
        run_blocking(self.series.add(self.run.step, checkpoint))

    def _write_sample(self) -> None:
        run, sample = self.run, FixedSample.of(self.run)
        pieces = generate(run.model, run.tokenizer, sample.prompt, SAMPLE_LENGTH, sample.config, template=run.template)
        with writing(self.samples):
            lines = self.samples.read_bytes().splitlines() if self.samples.exists() else []
            earlier = [one for one in read_samples(lines) if one["step"] < run.step]
            written = [*earlier, {"step": run.step, "text": sample.shown("".join(pieces))}]
            write_atomically(self.samples, "".join(map(sample_line, written)).encode())
