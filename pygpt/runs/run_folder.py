"""The folder a run is kept in: model.safetensors, experiment.toml, metrics.jsonl, and tokenizer.json where it is BPE."""

import json
from pathlib import Path

from pygpt.errors import CheckpointError
from pygpt.training.metrics import Metric
from pygpt.tokenizers import BPETokenizer, tokenizer_json_bytes
from pygpt.inference.trained_model import MODEL_FILE, write_run


class RunFolder:
    """Where a run is kept. Opening it creates the folder and finds out at once whether it can be written.

    Raises: CheckpointError if it cannot.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.model = folder / MODEL_FILE
        self.metrics = folder / "metrics.jsonl"
        self.profile = folder / "profile.json"
        self.tokenizer = folder / "tokenizer.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / ".writable"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise CheckpointError(f"the folder {folder} cannot be written ({error.strerror}); choose another with "
                                  f"--out") from None

    def set_aside_older_run(self) -> Path | None:
        """A run that is here already keeps its weights, under another name, which is returned."""
        if not self.model.exists():
            return None
        number = 1
        while (older := self.folder / f"model.{number}.safetensors").exists():
            number += 1
        self.model.rename(older)
        return older

    def begin(self, experiment, tokenizer, step: int) -> None:
        """Write the experiment, and the tokenizer if other programs can read it; drop the metrics of steps to be run again."""
        (self.folder / "experiment.toml").write_text(experiment.to_toml(), encoding="utf-8")
        if isinstance(tokenizer, BPETokenizer):
            self.tokenizer.write_bytes(tokenizer_json_bytes(tokenizer))
        else:
            self.tokenizer.unlink(missing_ok=True)
        lines = self.metrics.read_text(encoding="utf-8").splitlines() if step and self.metrics.exists() else []
        kept = [line for line in lines if _step_of(line) is not None and _step_of(line) <= step]
        self.metrics.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def log(self, metric: Metric, milliseconds: float) -> None:
        """Add a line of metrics."""
        line = {"step": metric.step, "loss": metric.loss, "lr": metric.learning_rate, "ms": round(milliseconds, 3)}
        if metric.val_loss is not None:
            line["val_loss"] = metric.val_loss
        if metric.accuracy is not None:
            line["accuracy"] = metric.accuracy
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def keep_profile(self, trace: str) -> None:
        """Write the trace of a profiled step."""
        self.profile.write_text(trace, encoding="utf-8")

    def save(self, checkpoint) -> None:
        """Write the model, bytes or pieces of them; a crash leaves the older one whole."""
        write_run(self.model, checkpoint)


def _step_of(line):
    try:
        return json.loads(line)["step"]
    except (json.JSONDecodeError, KeyError, TypeError):
        return None  # a line cut short by a crash
