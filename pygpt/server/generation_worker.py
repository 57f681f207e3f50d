"""The worker process of generation.py: a trained model that generates text or is evaluated."""

import os
import signal
from pathlib import Path

from pygpt.data import Text, is_built_in, load_text, text_from_bytes
from pygpt.data.shards import Shards
from pygpt.devices import open_device
from pygpt.devices.base import Device
from pygpt.errors import CheckpointError, DataError, PygptError
from pygpt.inference.generate import stream
from pygpt.inference.trained_model import TrainedModel, load
from pygpt.server.worker_process import read, write
from pygpt.session.events import encode
from pygpt.training.evaluate import evaluate_text
from pygpt.utils.blocking import iterate_blocking


def run_generation(connection, choice: str) -> None:
    """Run commands until the connection closes; the last model used stays loaded."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = GenerationWorker(connection, choice)
    try:
        while True:
            command, data = read(connection)
            worker.answer(command, data)
    except (EOFError, OSError):
        return  # the server closed the connection


class GenerationWorker:
    """One device, the last model used, and the connection to the server."""

    def __init__(self, connection, choice: str):
        self.connection, self.choice = connection, choice
        self.device: Device | None = None
        self.loaded_version: tuple = ()
        self.model: TrainedModel | None = None

    def answer(self, command: dict, data: bytes | None) -> None:
        """Run one command, and send its results; a PygptError is sent as an `error`."""
        kind, path = command.pop("type"), command.pop("path", "")
        try:
            if kind == "generate":
                self._generate(self._load(path), **command)
            elif kind == "evaluate":
                self._evaluate(self._load(path), data, **command)
        except PygptError as error:
            self._send({"type": "error", "message": str(error), "field": getattr(error, "field", "")})

    def _send(self, event):
        write(self.connection, encode(event))

    def _load(self, path):
        """Load the model in a file; load it again if training has replaced the file."""
        try:
            state = os.stat(path)
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
        if self.device is None:
            self.device = open_device(self.choice)
        version = (path, state.st_mtime_ns, state.st_size)
        if version != self.loaded_version or self.model is None:
            self.model = None  # to free its memory before loading
            self.model, self.loaded_version = load(Path(path), self.device), version
        return self.model

    def _generate(self, model, prompt, max_new_tokens, **settings):
        sampler = model.sampler(prompt, **settings)
        should_continue = lambda: not self._stop_requested()
        for piece in iterate_blocking(stream(sampler, max_new_tokens, should_continue=should_continue)):
            self._send({"type": "sampled", "text": piece, "done": False})
        self._send({"type": "sampled", "text": "", "done": True})

    def _stop_requested(self):
        return self.connection.poll() and read(self.connection)[0]["type"] == "stop"

    def _evaluate(self, model, data, dataset):
        name = dataset or model.checkpoint.source
        text: Text | Shards
        if data is not None:
            text = text_from_bytes(name, data)
        elif not dataset and model.checkpoint.text:
            text = model.checkpoint.text
        elif is_built_in(name):
            text = load_text(name)
        else:
            raise DataError(
                f"the text {name!r} that this model was trained on is not on this server; choose another with ?dataset="
            )
        result = evaluate_text(model, text)
        split = {"dataset": text.name, "split": "validation"}
        self._send({"type": "evaluated", **split, **result.to_dict(), "step": model.step, "device": model.device.name})
