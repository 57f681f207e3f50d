"""A language model with the usual methods: fit, evaluate, generate, summary, save, load.

    >>> import pygpt
    >>> model = pygpt.LanguageModel("bigram", device="numpy")
    >>> history = model.fit("the cat sat on the mat. " * 100, steps=200)
    >>> history[-1].step, history[-1].val_loss < history[0].val_loss / 2
    (200, True)
    >>> print(model.summary())
    bigram: a table of 11 x 11, 11 tokens
    parameter     shape    count  elements
    table.tokens  11 x 11  1           121
    total                              121
    >>> model.generate("the c", 2, temperature=0)
    'at'
    >>> round(model.evaluate().perplexity)
    2

`fit` continues where the last call stopped, also after `save` and `load`:

    >>> model.save("runs/cat")
    >>> again = pygpt.load("runs/cat", device="numpy")
    >>> again.fit(steps=50)[-1].step
    250

To follow the progress, pass `fit` a callback for each `Metric`, or iterate over `model.training(...)`. In a browser tab
blocking Python cannot wait for WebGPU: use the device "numpy" there, or a `pygpt.training.run.Run`.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pygpt.analysis.device_choice import open_device_for
from pygpt.analysis.plan import plan_run
from pygpt.config.experiment import Experiment
from pygpt.config.fields import coerce
from pygpt.data import DATASETS, Text, is_built_in, load_text, text_from_bytes, text_from_string
from pygpt.devices import check_device
from pygpt.devices.base import Device
from pygpt.errors import DataError, ExperimentError, PygptError
from pygpt.inference.trained_model import TrainedModel
from pygpt.models import MODELS
from pygpt.runs.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from pygpt.runs.run_folder import open_run
from pygpt.runs.saving import save_run
from pygpt.training.driver import Driver
from pygpt.training.evaluate import Evaluation, evaluate_text
from pygpt.training.metrics import Metric
from pygpt.training.run import Run
from pygpt.utils.blocking import iterate_blocking

if TYPE_CHECKING:
    from pygpt.data.shards import Shards  # not needed in a tab

LONGEST_PATH = 4096  # characters; no system takes longer ones


class LanguageModel(TrainedModel):
    """A bigram model or a GPT to train, evaluate, sample from and save.

    `experiment` is a preset's name or an Experiment; `changes` are fields by dotted name: `LanguageModel("baby",
    **{"model.n_layer": 2})`. The device is a choice ("auto", "numpy", "webgpu"), opened when it is first needed, or an
    open device. The vocabulary comes from the first text that `fit` reads; the model cannot be used before that.
    Attributes: those of TrainedModel, `text` (the training text) and `history` (every Metric of the training here).
    Raises: ExperimentError for an unknown preset, or for wrong fields; DeviceError for what is no device.
    """

    # A TrainedModel always has an open device and a checkpoint.
    device: str | Device  # type: ignore[assignment]
    checkpoint: Checkpoint | None  # type: ignore[assignment]

    def __init__(self, experiment: str | Experiment = "baby", device: str | Device = "auto", **changes):
        if isinstance(experiment, str):
            experiment = Experiment.preset(experiment)
        if not isinstance(experiment, Experiment):
            raise ExperimentError("experiment", f"expected a preset's name or an Experiment, got {experiment!r:.60}")
        check_device(device)
        self.experiment = experiment.with_fields(**changes)
        self.device, self.step, self.provenance = device, 0, {}
        self.model = self.tokenizer = None  # type: ignore[assignment]  # until there is a vocabulary
        self.text: Text | Shards | None = None
        self.history: list[Metric] = []
        self._run_began = 0  # where the metrics of the present run begin in it
        self.checkpoint = None
        self._run: Run | None = None

    @staticmethod
    def from_checkpoint(checkpoint: Checkpoint, device: str | Device = "auto") -> LanguageModel:
        """Make a model from a checkpoint."""
        model = LanguageModel(checkpoint.experiment, device)
        TrainedModel.__init__(model, checkpoint, model._open_device())
        model.text = checkpoint.text
        return model

    # Training.

    def fit(
        self,
        text: str | bytes | Path | Text | Shards | None = None,
        steps: int | None = None,
        callback: Callable[[Metric], object] | None = None,
    ) -> list[Metric]:
        """Train and return the metrics of each step; `callback` is called with every Metric as it comes.

        `text` is the text itself (a string, or bytes in UTF-8), the name of one ("shakespeare", "names"), the Path of a
        file (a string that only names a file is refused), or a Text from `pygpt.data.load_text`. The default is the
        last training text, or else the experiment's text. A different text starts a new run from the model's weights
        and vocabulary. `steps` is the number of further steps, by default the rest of the experiment's; the learning
        rate schedule ends with them.
        Raises: as `training`.
        """
        if callback is not None and not callable(callback):
            raise ExperimentError("callback", f"expected a function that takes a Metric, got {callback!r:.60}")
        metrics = []
        for metric in self.training(text, steps):
            metrics.append(metric)
            if callback is not None:
                callback(metric)
        return metrics

    def training(
        self, text: str | bytes | Path | Text | Shards | None = None, steps: int | None = None
    ) -> Iterator[Metric]:
        """Train as `fit` does and yield every Metric. If you stop early, the next call continues from there.

        Raises: ExperimentError, DataError, TokenizerError if the experiment does not suit the text, or no step is left;
        DivergedError if the loss is not finite.
        """
        run = self._prepare_run(text, steps)
        for event in iterate_blocking(Driver(run).events()):
            self.step = run.step
            self.history += event.metrics
            yield from event.metrics

    def _prepare_run(self, text, steps) -> Run:
        """The run to continue: the current one, the checkpoint's, or a new one."""
        if steps is not None and coerce("steps", int, steps) < 1:
            raise ExperimentError("steps", f"{steps} is fewer than 1")
        named = isinstance(text, str) and is_built_in(text)
        text = self._resolve_text(text)
        same = text.sha256 == self._training_sha256()
        done = self.step if same else 0
        total = self.experiment.train.steps if steps is None else done + steps
        if done >= total:
            raise ExperimentError("train.steps", f"all {done:,} steps are done; pass more steps, as in fit(steps=100)")
        device = self._open_device()
        if same and self._run is not None and total == self.experiment.train.steps:
            return self._run
        return self._start_run(device, text, total, same, named)

    def _start_run(self, device, text, total, same, named) -> Run:
        if same:
            run = Run.restore(self._checkpoint_bytes(), device, text=text, steps=total)
        else:
            changes = {"train.steps": total}
            if named:  # use the text's own layout
                changes["data.layout"] = DATASETS[text.name].layout if text.name in DATASETS else "documents"
            previous = read_checkpoint(self._checkpoint_bytes()) if self._has_vocabulary else None
            run = Run(self.experiment.with_fields(**changes), text, device, init_from=previous)
            self._run_began = len(self.history)
        self._run = run
        self.experiment, self.step, self.text = run.experiment, run.step, text
        self.model, self.tokenizer = run.model, run.tokenizer
        self.checkpoint = None  # the run supersedes it
        return run

    def _resolve_text(self, text) -> Text | Shards:
        if text is None:
            return self._default_text()
        if isinstance(text, Path):
            return load_text(str(text.absolute()))  # a file, even if a data set has its name
        if isinstance(text, bytes):
            return text_from_bytes("your text", text)
        if not isinstance(text, str):
            if isinstance(text, Text) or hasattr(text, "corpus"):  # Shards, which a tab does not import
                return text
            raise DataError(
                f"expected a text: a string, bytes in UTF-8, the Path of a file, or what pygpt.data.load_text returns; "
                f"got {type(text).__name__}. For a list of documents, pass '\\n'.join(documents)"
            )
        if is_built_in(text):
            return load_text(text)
        if _names_a_file(text):
            raise DataError(
                f"{text!r:.200} is the text itself, and it is the name of a file or folder too; for that, write "
                f"Path({text!r:.200})"
            )
        return text_from_string("your text", text)

    def _default_text(self) -> Text | Shards:
        """The last training text, or else the experiment's text."""
        if self.text is None and self.checkpoint is not None:
            return self.checkpoint.training_text()
        return self.text or load_text(self.experiment.data.source)

    def _template(self):
        return super()._template() if self._run is None else self._run.template

    def _training_sha256(self):
        """The SHA-256 of the last training text, or None."""
        if self._run is not None:
            return self._run.text.sha256
        data = self.provenance.get("data")
        return data.get("sha256") if isinstance(data, dict) else None

    def _open_device(self) -> Device:
        if isinstance(self.device, str):
            self.device = open_device_for(self.device, self.experiment)
        return self.device

    # Using the model.

    def evaluate(self, text: str | bytes | Path | Text | Shards | None = None) -> Evaluation:
        """The loss over a whole text, or by default over the validation part of the training text. For shards,
        only the validation part is read. For questions with answers the result also counts the correct answers.

        Raises: TokenizerError for a character that is not in the vocabulary; PygptError before the first `fit`.
        """
        self._require_vocabulary()
        return evaluate_text(self, self._resolve_text(text), whole=text is not None, baselines=False)

    def logits(self, ids):
        """See TrainedModel. Raises: also PygptError before the first `fit`."""
        self._require_vocabulary()
        return super().logits(ids)

    def sampler(self, prompt: str = "", **settings):
        """See TrainedModel. Raises: also PygptError before the first `fit`."""
        self._require_vocabulary()
        return super().sampler(prompt, **settings)

    def stream(self, prompt: str = "", max_new_tokens: int = 200, **settings):
        """See TrainedModel. Raises: also PygptError before the first `fit`."""
        self._require_vocabulary()
        yield from super().stream(prompt, max_new_tokens, **settings)

    def summary(self, vocab_size: int | None = None) -> str:
        """A table of the parameters: name, shape, number of occurrences, and elements in all of them.

        Raises: PygptError before the first `fit`, unless `vocab_size` is given; ExperimentError if that is no size.
        """
        if vocab_size is not None and coerce("vocab_size", int, vocab_size) < 1:
            raise ExperimentError("vocab_size", f"{vocab_size} is fewer than 1")
        if vocab_size is None:
            if not self._has_vocabulary:
                raise PygptError(
                    "the vocabulary size is unknown before the first fit; call fit first, or pass the size, as in "
                    "summary(vocab_size=65)"
                )
            vocab_size = self.tokenizer.vocab_size
        model = self.experiment.model
        plan = plan_run(self.experiment, vocab_size)
        rows = [("parameter", "shape", "count", "elements")]
        rows += [
            (
                row.name,
                " x ".join(f"{length:,}" for length in row.shape),
                f"{row.count}",
                f"{row.count * math.prod(row.shape):,}",
            )
            for row in plan.parameters
        ]
        rows.append(("total", "", "", f"{plan.parameter_count:,}"))
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = [f"{model.kind}: {MODELS[model.kind].describe(model, vocab_size)}, {vocab_size:,} tokens"]
        lines += ["  ".join([*map(str.ljust, row[:3], widths), row[3].rjust(widths[3])]) for row in rows]
        return "\n".join(lines)

    @property
    def _has_vocabulary(self) -> bool:
        return self._run is not None or self.checkpoint is not None

    def _require_vocabulary(self):
        if not self._has_vocabulary:
            raise PygptError(
                "this model has no vocabulary yet; call fit first, or open a trained model with pygpt.load"
            )

    # Saving.

    def save(self, path) -> None:
        """Save the run to the file `path` if that ends in .safetensors, else to model.safetensors in the folder `path`.

        It is one file, with the weights, the optimizer's state, the settings, the tokenizer and the losses for charts:
        all that `load` and `pygpt train --resume` need. Of the other files of `pygpt train`, none is new. Another run
        in the folder, or a later step of this one, is kept as model.1.safetensors and so on, with a warning.
        Raises: CheckpointError if it cannot be written; PygptError before the first `fit`, or if another process
        writes in the folder.
        """
        self._require_vocabulary()
        if earlier := save_run(path, self._checkpoint_bytes(), self.history[self._run_began :]):
            warnings.warn(f"what was in {path} before is now in {' and '.join(earlier)}", stacklevel=2)

    def _checkpoint_bytes(self):
        if self._run is not None:
            return self._run.checkpoint()
        assert self.checkpoint is not None  # without a run, the model comes from a file
        return write_checkpoint(self.checkpoint)

    def __repr__(self):
        return f"<LanguageModel {self.experiment.name or self.experiment.model.kind}, step {self.step:,}>"


def _names_a_file(text: str) -> bool:
    return len(text) <= LONGEST_PATH and "\n" not in text and os.path.exists(text)


def load(folder, device: str | Device = "auto") -> LanguageModel:
    """See `pygpt.load`."""
    check_device(device)  # before a large file is read
    return LanguageModel.from_checkpoint(open_run(folder), device)
