"""A run: the training of an experiment on a text, with checkpoints to save and restore it."""

from __future__ import annotations

import hashlib
import os
import struct
from typing import TYPE_CHECKING, Any

from pygpt.analysis.memory import check_memory
from pygpt.config.experiment import Experiment
from pygpt.data import Text, check_answers, cut_documents, is_task, load_text, make_corpus, mean_bytes
from pygpt.errors import CheckpointError, DataError, DivergedError, ExperimentError
from pygpt.models.python_random_init import python_random
from pygpt.runs.checkpoint import Checkpoint, read_checkpoint, weights_are_finite, weights_for, write_checkpoint
from pygpt.runs.provenance import prompt_template, provenance
from pygpt.tensor.tensor import ITEM_SIZE
from pygpt.tokenizers import Tokenizer, make_tokenizer
from pygpt.training.loss_curve import LossCurve
from pygpt.training.trainer import Trainer
from pygpt.utils.blocking import run_blocking

if TYPE_CHECKING:
    from pygpt.data.shards import Shards  # not needed in a tab

# The entries of the saved provenance that a restored run keeps.
_INHERITED = ("run", "init_from")


class Run(Trainer):
    """One experiment in training on one device.

    Attributes: those of Trainer, `text`, `tokenizer`, `id`, which is part of the run's events and checkpoints, and
    `bytes_per_token`, with which a loss per token is one per byte; None for shards, whose text is not at hand. `cut`
    counts what the context leaves out of documents (a CutDocuments, or None).
    `init_from` provides the initial weights and the tokenizer; the optimizer state is new.
    Raises: ExperimentError, DataError, TokenizerError if the experiment, the text and `init_from` do not fit together.
    """

    def __init__(
        self,
        experiment: Experiment,
        text: Text | Shards,
        device,
        tokenizer: Tokenizer | None = None,
        init_from: Checkpoint | None = None,
    ):
        # The run is opened again with the text that it names. That of shards is None: they stay on disk, and define
        # their tokenizer.
        experiment = experiment.with_fields(**text.fields())
        tokenizer = init_from.tokenizer if init_from else tokenizer
        self.text = text
        self.tokenizer = tokenizer or (
            text.tokenizer if text.text is None else make_tokenizer(experiment.data, text.text)
        )
        check_memory(experiment, self.tokenizer.vocab_size, device, 0 if text.text is None else len(text.text))
        generator = python_random(experiment)
        layout, block = experiment.data.layout, experiment.model.block_size
        corpus = (
            text.corpus(layout, block, self.tokenizer)
            if text.text is None
            else make_corpus(
                text.text,
                self.tokenizer,
                layout,
                block,
                experiment.data.val_fraction,
                generator,
                text.question_length,
            )
        )
        scored = experiment.train.answers_only or is_task(text.name)
        if scored and isinstance(text, Text) and corpus.layout == "documents":
            check_answers(corpus, self.tokenizer, block, text.question_length)
        self.cut = cut_documents(block, corpus.train, corpus.val)
        weights = weights_for(init_from, experiment) if init_from else None
        super().__init__(experiment, self.tokenizer.vocab_size, corpus, device, generator, weights)
        self.bytes_per_token = None if text.text is None else mean_bytes(text.text, corpus)
        self._ancestry: dict[str, Any] = {"run": os.urandom(6).hex()}
        if init_from:
            self._ancestry["init_from"] = {
                "name": init_from.experiment.name,
                "step": init_from.step,
                **init_from.provenance,
            }

    @property
    def id(self) -> str:
        """The unique id of the run; a restored run keeps its id."""
        return self._ancestry["run"]

    @property
    def template(self) -> tuple[int, ...] | None:
        """What a prompt begins with, see `prompt_template`; None if it begins as a training text does."""
        return prompt_template(self._ancestry, self.experiment.data.layout, self.tokenizer)

    def checkpoint(self) -> bytes:
        """Return the whole run as the bytes of a file. Blocks until the device has finished."""
        return run_blocking(self.fetch_checkpoint())

    async def fetch_checkpoint(self) -> bytes:
        """Return the same as `checkpoint`, without blocking. Send no step until it is done.

        Raises: DivergedError if a loss or a weight is not finite: the run is of no use then.
        """
        step = self.step
        states = {group: await self.device.fetch(flat.values) for group, flat in self._state().items()}
        metrics = await self.device.fetch(self.metrics_tensor)
        if step != self.step:
            raise CheckpointError(
                f"the run continued from step {step} to {self.step} while it was being saved; save again"
            )
        return self._packed(step, states, metrics)

    def _state(self):
        if average := self.optimizer.average:
            return {"weights": average, "trained": self.weights, **self.optimizer.state}
        return {"weights": self.weights, **self.optimizer.state}

    def _packed(self, step, states, metrics):
        item = ITEM_SIZE[self.weights.values.dtype]
        curve, held = self.metrics.saved(metrics, self.evaluation_due)

        def by_name(group):
            view = memoryview(states[group])
            return {
                name: view[item * placed.offset : item * placed.offset + placed.nbytes]
                for name, placed in self._state()[group].by_name.items()
            }

        weights = by_name("weights")
        dtype = self.weights.values.dtype
        if not self.metrics.last_gradient_is_finite(metrics) and not weights_are_finite(weights, dtype):
            raise DivergedError(step, f"the weights are not finite after step {step}. Try a smaller learning rate")
        origin = {**provenance(self.experiment, self.text, self.device), **self._ancestry}
        if self.bytes_per_token is not None:
            origin["data"]["bytes_per_token"] = self.bytes_per_token
        return write_checkpoint(
            Checkpoint(
                self.experiment,
                self.tokenizer,
                step,
                origin,
                weights,
                {group: by_name(group) for group in states if group != "weights"},
                self.text if isinstance(self.text, Text) and not self.text.built_in else None,
                curve,
                held,
            )
        )

    def go_back(self, data: bytes | None) -> None:
        """After the loss of its device, be at the step of a checkpoint again; without one, at the first.

        The weights are gone: to train on, restore the checkpoint on another device.
        """
        if data is None:
            self.step = 0
            self.metrics.go_back(0, LossCurve())
        else:
            checkpoint = read_checkpoint(data)
            self.step = checkpoint.step
            self.metrics.go_back(checkpoint.step, checkpoint.curve, checkpoint.held)

    def again(self, device) -> Run:
        """The same run before its first step, on another device."""
        run = Run(self.experiment, self.text, device, self.tokenizer)
        run._ancestry = dict(self._ancestry)
        return run

    @staticmethod
    def restore(
        data: bytes,
        device,
        text: Text | Shards | None = None,
        steps: int | None = None,
        source: str | None = None,
    ) -> Run:
        """Restore the run that a checkpoint holds. It continues with the losses of an uninterrupted run.

        `text` is needed only if the text cannot be loaded by its name (in a tab: the texts that the site serves).
        `source` is the place of the text, if it has moved since the run was saved.
        `steps` changes the length of the run: from the next step on it follows the schedule of a run of that length.
        Raises: CheckpointError for a file that is damaged or has no training text; DataError for another text;
        ExperimentError if a total of `steps` leaves no work.
        """
        checkpoint = read_checkpoint(data)
        if checkpoint.weights_alone:
            raise CheckpointError(
                f"this file has the weights of step {checkpoint.step:,} alone, so the run cannot be continued from it; "
                "start a new run with them: `pygpt train --init-from`"
            )
        experiment = checkpoint.experiment
        if steps is not None:
            experiment = experiment.with_fields(**{"train.steps": steps})
            if not checkpoint.leaves_work(steps):
                raise ExperimentError(
                    "train.steps",
                    f"the run has done {checkpoint.step:,} steps already; continue it with a total above that",
                )
        if source is not None:
            experiment, text = experiment.with_fields(**{"data.source": source}), load_text(source)
        data_record = checkpoint.provenance.get("data")
        if data_record is None:
            raise CheckpointError(
                "this file does not say what text the model was trained on, so it cannot be resumed; start a new run "
                "with its weights: `pygpt train --init-from`"
            )
        text = text or checkpoint.text or load_text(checkpoint.source)
        expected = data_record.get("sha256") if isinstance(data_record, dict) else None
        if text.sha256 != expected:
            digits = 12 if text.sha256[:12] != str(expected)[:12] else 64
            raise DataError(
                f"the text {text.name!r} is not the one this run was trained on (its SHA-256 is "
                f"{text.sha256[:digits]}..., the run's is {str(expected)[:digits]}...), so the run cannot be "
                f"continued. Use the same version of the text"
            )
        prepared = data_record.get("prepared")
        if prepared and prepared != ([len(text.train), len(text.val)] if text.text is None else None):
            raise DataError(
                f"{text.name!r} is not divided into training and validation as the shards that this run was trained "
                "on, so the run cannot be continued: prepare the text in the same way"
            )
        run = Run(experiment, text, device, checkpoint.tokenizer)
        run._ancestry |= {name: value for name, value in checkpoint.provenance.items() if name in _INHERITED}
        if "run" not in checkpoint.provenance:
            # An earlier version wrote this file. Restored from it again, after the loss of a GPU, the run keeps its id.
            run._ancestry["run"] = hashlib.sha256(data).hexdigest()[:12]
        for group, flat in run._state().items():
            arrays = checkpoint.weights if group == "weights" else checkpoint.optimizer_state[group]
            for name, placed in flat.by_name.items():
                device.write(placed, bytes(arrays[name]))
        run.metrics.resume_at(checkpoint.step, checkpoint.curve, checkpoint.held)
        if experiment.train.accumulation > 1:
            device.write(run._passes, struct.pack("<I", checkpoint.step * experiment.train.accumulation % 2**32))
        run.step = checkpoint.step
        run._last_evaluated = None if checkpoint.held else checkpoint.step
        return run
