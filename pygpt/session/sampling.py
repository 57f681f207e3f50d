"""What a model writes in a session: a few lines now and then while it trains, and the continuation of a prompt."""

import asyncio
import time

from pygpt.config.sampling import SamplingConfig
from pygpt.data.sources.tasks import SEPARATOR
from pygpt.errors import PygptError
from pygpt.inference.generate import stream
from pygpt.inference.sampler import Sampler
from pygpt.session.messages import Error, Sample, Sampled
from pygpt.tokenizers import split_documents
from pygpt.training.run import Run
from pygpt.utils.blocking import let_others_run

LONGEST_SLICE = 0.05  # seconds after which the page's messages get their turn
SAMPLE_EVERY = 5.0  # seconds between two samples, at most
SAMPLE_APART = 1.5  # and at least
SAMPLE_SHARE = 0.1  # of the time samples may take: on a slow device they come less often
SAMPLE_LENGTH = 160
PARTING = 0.5  # seconds the last sample of a run that was halted may take


class TrainingSamples:
    """The samples of a run under way: when the next one is due, and writing it. `halting()` says whether to be brief."""

    def __init__(self, emit, halting):
        self.emit, self.halting = emit, halting
        self.step = -1  # of the last sample
        self._wrote_at = self._took = 0.0

    def begin(self) -> None:
        """A run begins, or continues: the next sample is counted from now."""
        self._wrote_at = time.perf_counter()

    def is_due(self, evaluated: bool) -> bool:
        """Whether it is time for a sample; an evaluation is a good moment for one."""
        since = time.perf_counter() - self._wrote_at
        return (since > SAMPLE_EVERY or (evaluated and since > SAMPLE_APART)) and since > self._took / SAMPLE_SHARE

    async def write(self, run: Run) -> None:
        """A few lines from the model as it is now, once a step at most."""
        if self.step == run.step:
            return
        step = self.step = run.step
        began = time.perf_counter()
        # A model that learns answers is asked a held-out question, another each time, and gives its most likely answer.
        prompt, wanted = _question(run) if run.val_batches.separator is not None else ("", "")
        config = SamplingConfig(temperature=0.0 if wanted else 0.8, seed=step)
        slices = _GrowingSlices()
        # Whoever presses Pause gets what can be written in a moment.
        hurry = lambda: not (self.halting() and time.perf_counter() - began > PARTING)
        pieces = [prompt]
        async for piece in stream(Sampler(run.model, run.tokenizer, prompt, config), SAMPLE_LENGTH, slices, hurry):
            pieces.append(piece)
            await let_others_run()  # NumPy computes without ever waiting
        text = "".join(pieces)
        # The first one compiles what the others use: it says nothing of them.
        self._took = time.perf_counter() - began if step else 0.0
        self._wrote_at = time.perf_counter()
        if wanted:
            text += "  right" if text == wanted else f"  wrong: {wanted}"
        self.emit(Sample(run.id, step, text))


class _GrowingSlices:
    """How many tokens to send next: few at first, and twice as many as long as a slice takes but a moment, so that a
    press of Pause is seen soon."""

    def __init__(self):
        self.count, self.sent = 4, None

    def __call__(self, done: int) -> int:
        now = time.perf_counter()
        if self.sent is not None and now - self.sent < LONGEST_SLICE:
            self.count *= 2
        self.sent = now
        return self.count


def _question(run: Run) -> tuple[str, str]:
    """A question up to its separator, and the same with its answer."""
    every = round(1 / run.experiment.data.val_fraction)
    documents = split_documents(run.text.text)
    held_out = documents[every - 1 :: every] or documents[-1:]
    wanted = held_out[run.step % len(held_out)]
    return wanted.partition(SEPARATOR)[0] + SEPARATOR, wanted


class Continuation:
    """The continuation of a prompt, under way or not."""

    def __init__(self, emit):
        self.emit = emit
        self.task: asyncio.Task | None = None

    async def begin(self, run: Run, prompt: str, max_new_tokens: int, config: SamplingConfig) -> None:
        """Continue a prompt, piece by piece. Raises: TokenizerError for a character that the model has never seen."""
        await self.stop()
        sampler = Sampler(run.model, run.tokenizer, prompt, config)
        self.task = asyncio.ensure_future(self._write(run.id, sampler, max_new_tokens))

    async def _write(self, run_id, sampler, max_new_tokens):
        message = None
        try:
            async for piece in stream(sampler, max_new_tokens):
                self.emit(Sampled(run_id, piece, done=False))
                await let_others_run()  # NumPy computes without ever waiting
        except PygptError as error:
            message = str(error)
        finally:
            self.emit(Sampled(run_id, "", done=True))
        if message:
            self.emit(Error(message, "prompt", "sample", run_id))

    async def stop(self) -> None:
        """End it where it is."""
        if self.task is not None and not self.task.done():
            self.task.cancel()
            await asyncio.wait([self.task])
