"""Writes from kept runs, at any of their checkpoints, without opening them: in two places, side by side."""

from collections.abc import Awaitable, Callable
from typing import Any

from pygpt.config.sampling import SamplingConfig
from pygpt.errors import ExperimentError
from pygpt.inference.generate import stream
from pygpt.inference.sampler import Sampler
from pygpt.inference.trained_model import TrainedModel
from pygpt.runs.run_store import RunStore
from pygpt.session.background import Background
from pygpt.session.events import Emit
from pygpt.session.messages import Error, Written
from pygpt.session.sampling import GrowingSlices, check_length
from pygpt.utils.blocking import yield_to_event_loop

SLOTS = 2


class Slot(Background):
    """One place, with one text at a time."""

    def __init__(self, emit: Emit, number: int):
        super().__init__()
        self.emit, self.number = emit, number
        self.asked = 0  # how often something was asked of it: what was asked before is no longer wanted

    async def begin(self, sampler: Sampler, max_new_tokens: int) -> None:
        """Write a sampler's text, piece by piece."""
        await self.stop()
        self._begin(self._write(sampler, max_new_tokens), self._ended)

    async def _write(self, sampler: Sampler, max_new_tokens: int) -> None:
        async for piece in stream(sampler, max_new_tokens, GrowingSlices()):
            self.emit(Written(self.number, piece, done=False))
            await yield_to_event_loop()  # NumPy blocks the event loop while it computes

    def _ended(self, complete: bool, error: str) -> None:
        self.emit(Written(self.number, "", done=True))
        if error:
            self.emit(Error(error, "prompt", "write"))


class Writing:
    """Carries out the commands about writing from kept runs.

    `device()` returns the session's device, free for this. The models of the last texts stay on it, one for each slot.
    """

    def __init__(self, emit: Emit, store: RunStore, device: Callable[[], Awaitable[Any]]):
        self.emit, self.store, self.device = emit, store, device
        self.slots = [Slot(emit, number) for number in range(SLOTS)]
        self._models: dict[tuple[str, int, str], TrainedModel] = {}  # the latest last

    @property
    def active(self) -> bool:
        """Whether anything is being written."""
        return any(slot.active for slot in self.slots)

    async def write(self, slot: int, copy: str, step: int, prompt: str, max_new_tokens: int, **settings) -> None:
        """Continue a prompt with the model of a kept run at a step, or with its newest one for step -1. `settings` are
        those of SamplingConfig. The text is that of `pygpt sample RUN@STEP`.

        Raises: CheckpointError if there is no such run or checkpoint, TokenizerError for a character outside the
        vocabulary, ExperimentError for a setting out of range.
        """
        place, config = self._slot(slot), SamplingConfig(**settings)
        check_length(max_new_tokens)
        place.asked += 1
        asked = place.asked
        await place.stop()
        try:
            model = await self._model(copy, step)
            if asked == place.asked:
                await place.begin(model.sampler(prompt, **vars(config)), max_new_tokens)
        except BaseException:
            self.emit(Written(slot, "", done=True))
            raise

    async def stop_writing(self, slot: int) -> None:
        """Stop the text in a slot, if there is one, or what is being loaded for it."""
        place = self._slot(slot)
        place.asked += 1
        await place.stop()

    async def stop(self) -> None:
        """Stop all texts, and leave the device: it is needed for something else, or closed."""
        for slot in range(SLOTS):
            await self.stop_writing(slot)
        self._models.clear()

    def _slot(self, number: int) -> Slot:
        if number not in range(SLOTS):
            raise ExperimentError("slot", f"{number} is none; expected 0 to {SLOTS - 1}")
        return self.slots[number]

    async def _model(self, copy: str, step: int) -> TrainedModel:
        header, _ = await self.store.read_run(copy)
        key = copy, header.step if step == -1 else step, str(header.provenance.get("run"))
        device = await self.device()
        model = self._models.pop(key, None)
        if model is None or model.device is not device:
            checkpoint = await self.store.read_checkpoint(copy, key[1])
            while len(self._models) >= SLOTS:
                del self._models[next(iter(self._models))]
            model = TrainedModel(checkpoint, device)
        self._models[key] = model
        return model
