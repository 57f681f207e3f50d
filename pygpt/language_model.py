"""A model with the habits of a model: fit, evaluate, generate, summary, save, load.

    >>> import pygpt
    >>> model = pygpt.LanguageModel("bigram", device="numpy")
    >>> history = model.fit("the cat sat on the mat. " * 100, steps=200)
    >>> history[-1].step, history[-1].val_loss < history[0].val_loss / 2
    (200, True)
    >>> print(model.summary())
    bigram: 11 tokens, block 8
    parameter     shape    times  numbers
    table.tokens  11 x 11  1          121
    in all                            121
    >>> model.generate("the c", 2, temperature=0)
    'at'
    >>> round(model.evaluate().perplexity)
    2

It goes on where it stopped, and what was saved goes on elsewhere:

    >>> model.save("runs/cat")
    >>> again = pygpt.load("runs/cat", device="numpy")
    >>> again.fit(steps=50)[-1].step
    250

For progress, hand `fit` a function that is called with each `Metric`, or go through `model.training(...)` yourself. A tab's
WebGPU cannot be waited for from Python that does not await: there, choose the device "numpy", or drive a `pygpt.training.run.Run`.
"""

import math
from pathlib import Path

from pygpt.analysis.device_choice import open_fitting
from pygpt.analysis.plan import plan_run
from pygpt.config.experiment import Experiment
from pygpt.data import DATASETS, Text, is_task, load_text, text_from_bytes
from pygpt.devices.base import Device
from pygpt.errors import ExperimentError, PygptError
from pygpt.inference.trained_model import TrainedModel
from pygpt.runs.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from pygpt.runs.run_folder import open_run, write_run
from pygpt.training.driver import Driver
from pygpt.training.evaluate import Evaluation, evaluate_text
from pygpt.training.metrics import Metric
from pygpt.training.run import Run
from pygpt.utils.blocking import iterate_blocking


class LanguageModel(TrainedModel):
    """A bigram or a GPT that can be trained, asked, and kept.

    `experiment` is a preset's name or an Experiment, `changes` are its fields by dotted name: `LanguageModel("baby",
    **{"model.n_layer": 2})`. The device is a choice ("auto", "numpy", "webgpu") or an open device; it is opened when it is
    needed. Its vocabulary comes from the first text it reads: before that there is nothing to ask.
    Attributes: those of TrainedModel, `text` (what it learned from) and `history` (every Metric of its training here).
    Raises: ExperimentError for an unknown preset, or fields that are wrong.
    """

    def __init__(self, experiment: str | Experiment = "baby", device: str | Device = "auto", **changes):
        if isinstance(experiment, str):
            experiment = Experiment.preset(experiment)
        self.experiment = experiment.with_fields(**changes)
        self.device, self.step, self.provenance = device, 0, {}
        self.model = self.tokenizer = self.text = None
        self.history: list[Metric] = []
        self.checkpoint = self._run = None

    @staticmethod
    def from_checkpoint(checkpoint: Checkpoint, device: str | Device = "auto") -> "LanguageModel":
        """The model that a checkpoint holds."""
        made = LanguageModel(checkpoint.experiment, device)
        made._open_device()
        TrainedModel.__init__(made, checkpoint, made.device)
        made.text = checkpoint.text
        return made

    # Learning.

    def fit(self, text: str | Text | None = None, steps: int | None = None, callback=None) -> list[Metric]:
        """Train, and return what is known of each step; `callback` is called with every Metric as it comes.

        `text` is the text itself, the name of one ("shakespeare", "names"), or what `pygpt.data.load_text` gave; without
        one it is the text the model has read so far, or the experiment's. A model that has learned another one goes on from
        its weights, with its vocabulary, as a new run. `steps` is how many to take from here, and the schedule ends with
        them; without it they are those that the experiment still wants.
        Raises: as `training`.
        """
        found = []
        for metric in self.training(text, steps):
            found.append(metric)
            if callback is not None:
                callback(metric)
        return found

    def training(self, text: str | Text | None = None, steps: int | None = None):
        """A generator that trains as `fit` does and yields every Metric; it may be dropped, and the next one goes on from there.

        Raises: ExperimentError, DataError, TokenizerError if experiment and text do not make a run, or if there is no step
        left to take; DivergedError at a loss that is no number.
        """
        run = self._prepared(text, steps)
        for event in iterate_blocking(Driver(run).events()):
            self.step = run.step
            self.history += event.metrics
            yield from event.metrics

    def _prepared(self, text, steps):
        """The run to go on with: the one under way, that of the checkpoint, or a new one."""
        if steps is not None and steps < 1:
            raise ExperimentError("steps", f"{steps} is fewer than 1")
        named = isinstance(text, str) and _has_that_name(text)
        text = self._text_to_read(text)
        same = text.sha256 == self._has_read()
        done = self.step if same else 0
        total = self.experiment.train.steps if steps is None else done + steps
        if done >= total:
            raise ExperimentError(
                "train.steps", f"all {done:,} steps are done; ask for more of them, as in fit(steps=100)"
            )
        self._open_device()
        if not (same and self._run is not None and total == self.experiment.train.steps):
            self._begin(text, total, same, named)
        return self._run

    def _begin(self, text, total, same, named):
        if same:
            self._run = Run.restore(self._packed(), self.device, text=text, steps=total)
        else:
            changes = {"data.source": text.name} if text.built_in else {}
            changes = {**(text.fields() if text.text is None else changes), "train.steps": total}
            if named:  # as it comes
                changes["data.layout"] = DATASETS[text.name].layout if text.name in DATASETS else "documents"
            before = read_checkpoint(self._packed()) if self.model is not None else None
            self._run = Run(self.experiment.with_fields(**changes), text, self.device, init_from=before)
        self.experiment, self.step, self.text = self._run.experiment, self._run.step, text
        self.model, self.tokenizer = self._run.model, self._run.tokenizer
        self.checkpoint = None  # the run has it all, and more

    def _text_to_read(self, text):
        if text is None:
            return self._own_text()
        if not isinstance(text, str):
            return text
        if _has_that_name(text):
            return load_text(text)
        return text_from_bytes("your text", text.encode())

    def _own_text(self):
        """What it has read so far, or else what its experiment names."""
        return self.text or load_text(self.experiment.data.source)

    def _has_read(self):
        """The SHA-256 of the text it learned from, or None."""
        if self._run is not None:
            return self._run.text.sha256
        described = self.provenance.get("data")
        return described.get("sha256") if isinstance(described, dict) else None

    def _open_device(self):
        if isinstance(self.device, str):
            self.device = open_fitting(self.device, self.experiment)

    # Asking.

    def evaluate(self, text: str | Text | None = None) -> Evaluation:
        """The loss over the whole of a text, or over the part of its own (and of shards) that was held back in training; of
        questions with answers also how many it answers right.

        Raises: TokenizerError for a text with a character it never saw; PygptError if it has read nothing yet.
        """
        self._ask()
        return evaluate_text(self, self._text_to_read(text), whole=text is not None, baselines=False)

    def logits(self, ids):
        """See TrainedModel. Raises: also PygptError if it has read nothing yet."""
        self._ask()
        return super().logits(ids)

    def sampler(self, prompt: str = "", **settings):
        """See TrainedModel. Raises: also PygptError if it has read nothing yet."""
        self._ask()
        return super().sampler(prompt, **settings)

    def stream(self, prompt: str = "", max_new_tokens: int = 200, **settings):
        """See TrainedModel. Raises: also PygptError if it has read nothing yet."""
        self._ask()
        yield from super().stream(prompt, max_new_tokens, **settings)

    def summary(self, vocab_size: int | None = None) -> str:
        """A table of the parameters: name, shape, in how many blocks, how many numbers.

        Raises: PygptError if the vocabulary is not known yet, and not given.
        """
        if self.tokenizer is None and vocab_size is None:
            raise PygptError(
                "how many tokens there are is known once the model has read a text: call fit first, or say how "
                "many, as in summary(vocab_size=65)"
            )
        model, vocab_size = self.experiment.model, vocab_size or self.tokenizer.vocab_size
        plan = plan_run(self.experiment, vocab_size)
        shape = f"{model.n_layer} x {model.n_head} heads, {model.n_embd} wide, " if model.kind == "gpt" else ""
        rows = [("parameter", "shape", "times", "numbers")]
        rows += [
            (
                row.name,
                " x ".join(f"{length:,}" for length in row.shape),
                f"{row.count}",
                f"{row.count * math.prod(row.shape):,}",
            )
            for row in plan.parameters
        ]
        rows.append(("in all", "", "", f"{plan.parameter_count:,}"))
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = [f"{model.kind}: {shape}{vocab_size:,} tokens, block {model.block_size}"]
        lines += ["  ".join([*map(str.ljust, row[:3], widths), row[3].rjust(widths[3])]) for row in rows]
        return "\n".join(lines)

    def _ask(self):
        if self.model is None:
            raise PygptError(
                "this model has read nothing yet, so it has no vocabulary; call fit first, or open one with pygpt.load"
            )

    # Keeping.

    def save(self, path) -> None:
        """Keep everything: in the file of that name if it ends in .safetensors, else in a folder, as `pygpt train` does.

        Raises: CheckpointError if it cannot be written; PygptError if it has read nothing yet.
        """
        self._ask()
        write_run(Path(path), self._packed())

    def _packed(self):
        return self._run.checkpoint() if self._run is not None else write_checkpoint(self.checkpoint)

    def __repr__(self):
        return f"<LanguageModel {self.experiment.name or self.experiment.model.kind}, step {self.step:,}>"


def load(folder, device: str | Device = "auto") -> LanguageModel:
    """See `pygpt.load`."""
    return LanguageModel.from_checkpoint(open_run(folder), device)


def _has_that_name(text):
    return text in DATASETS or is_task(text)
