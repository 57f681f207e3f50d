"""What runs in a process of its own: a trained model that is asked, to write or to be measured."""

import os
import signal
from pathlib import Path

from pygpt.data import load_text, make_corpus, text_from_bytes
from pygpt.data.batches import DeviceSplit
from pygpt.devices import open_device
from pygpt.errors import CheckpointError, DataError, PygptError
from pygpt.inference.trained_model import TrainedModel, load
from pygpt.models.python_random_init import python_random
from pygpt.server.session_worker import is_built_in
from pygpt.server.worker_process import read, write
from pygpt.session.messages import encode
from pygpt.training.evaluate import evaluate

TOKENS_AT_ONCE = 16


def run_answers(connection, choice: str) -> None:
    """Answer until the line is closed; the last model asked for stays loaded."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = Answers(connection, choice)
    try:
        while True:
            command, data = read(connection)
            answers.answer(command, data)
    except (EOFError, OSError):
        return  # the line is closed: nobody asks any more


class Answers:
    """One device, the model that was asked last, and the line to whoever asks."""

    def __init__(self, connection, choice: str):
        self.connection, self.choice = connection, choice
        self.device = None
        self.known: tuple = ()
        self.model: TrainedModel | None = None

    def answer(self, command: dict, data: bytes | None) -> None:
        """Answer one command; what goes wrong is an `error`."""
        kind, path = command.pop("type"), command.pop("path", "")
        try:
            if kind == "generate":
                self._generate(self._load(path), **command)
            elif kind == "evaluate":
                self._evaluate(self._load(path), data, **command)
        except PygptError as error:
            self._tell({"type": "error", "message": str(error), "field": getattr(error, "field", "")})

    def _tell(self, event):
        write(self.connection, encode(event))

    def _load(self, path):
        """The model in a file, which a training may be replacing."""
        try:
            state = os.stat(path)
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
        if self.device is None:
            self.device = open_device(self.choice)
        known = (path, state.st_mtime_ns, state.st_size)
        if known != self.known or self.model is None:
            self.model = None  # its memory is wanted
            self.model, self.known = load(Path(path), self.device), known
        return self.model

    def _generate(self, model, max_new_tokens, **settings):
        sampler, left = model.sampler(**settings), max_new_tokens
        while left > 0 and not sampler.done and not self._told_to_stop():
            sampler.enqueue(min(TOKENS_AT_ONCE, left))
            left -= TOKENS_AT_ONCE
            self._tell({"type": "sampled", "text": sampler.take(self.device.read(sampler.output)), "done": False})
        self._tell({"type": "sampled", "text": sampler.finish(), "done": True})

    def _told_to_stop(self):
        return self.connection.poll() and read(self.connection)[0]["type"] == "stop"

    def _evaluate(self, model, data, dataset):
        experiment, checkpoint = model.experiment, model.checkpoint
        if data is not None:
            text = text_from_bytes(dataset, data)
        else:
            name = dataset or experiment.data.source
            text = (None if dataset else checkpoint.text) or (load_text(name) if is_built_in(name) else None)
        if text is None:
            raise DataError(
                f"the text {name!r} that this model was trained on is not here; name another with ?dataset="
            )
        corpus = make_corpus(
            text.text,
            model.tokenizer,
            experiment.data.layout,
            experiment.model.block_size,
            experiment.data.val_fraction,
            python_random(experiment),
        )
        split = DeviceSplit(model.device, corpus.val, corpus.layout, corpus.separator)
        found = evaluate(model.model, model.tokenizer, corpus.train, corpus.val, split, experiment, model.device)
        self._tell(
            {
                "type": "evaluated",
                "dataset": text.name,
                "split": "validation",
                **found.to_dict(),
                "step": model.step,
                "device": model.device.name,
            }
        )
