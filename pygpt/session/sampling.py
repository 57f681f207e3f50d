"""Text that a model generates in a session: short samples during training, and the continuation of a prompt."""

import time
from collections.abc import Callable
from functools import partial

from pygpt.config.sampling import SamplingConfig
from pygpt.errors import ExperimentError
from pygpt.inference.generate import stream
from pygpt.inference.sampler import Sampler
from pygpt.session.background import Background
from pygpt.session.events import Emit
from pygpt.session.messages import Error, Sample, Sampled
from pygpt.training.fixed_sample import SAMPLE_LENGTH, FixedSample
from pygpt.training.real_words import LONGEST_TEXT, real_share, words_of
from pygpt.training.run import Run
from pygpt.utils.blocking import yield_to_event_loop

LONGEST_SLICE = 0.05  # target seconds a slice of tokens takes; the page's messages are handled between slices
SAMPLE_MAX_INTERVAL = 5.0  # seconds between two samples, at most
SAMPLE_MIN_INTERVAL = 1.5  # seconds between two samples, at least
SAMPLE_SHARE = 0.1  # largest share of the time spent on samples: a slow device writes fewer
SAMPLE_LONGEST_INTERVAL = 120.0  # seconds: the clock may say that the last sample took hours, if the machine slept
LONGEST_SAMPLE = 100_000  # tokens; a page shows no longer text smoothly
LAST_SAMPLE_SECONDS = 0.08  # seconds in which the last sample of a halted run must end


class TrainingSamples:
    """Writes samples during training. `halting()` returns whether the run is halting; its last sample is then short."""

    def __init__(self, send: Callable[[Sample], None], halting: Callable[[], bool]):
        self.send, self.halting = send, halting
        self.step = -1  # of the last sample
        self._wrote_at = self._took = 0.0
        self._known: tuple[str, frozenset[str]] | None = None  # the words of the text with that SHA-256

    def begin(self) -> None:
        """Start the interval to the next sample: a run starts or continues."""
        self._wrote_at = time.perf_counter()

    def is_due(self, evaluated: bool) -> bool:
        """Whether the next sample is due; after an evaluation it is due sooner."""
        since = time.perf_counter() - self._wrote_at
        return (since > SAMPLE_MAX_INTERVAL or (evaluated and since > SAMPLE_MIN_INTERVAL)) and since > min(
            self._took / SAMPLE_SHARE, SAMPLE_LONGEST_INTERVAL
        )

    async def write(self, run: Run) -> None:
        """Generate and send a sample of the current model, at most one for each step."""
        if self.step == run.step:
            return
        step = self.step = run.step
        began = time.perf_counter()
        fixed = FixedSample.of(run)
        next_slice_size = GrowingSlices()
        # After Pause is pressed, the sample ends within LAST_SAMPLE_SECONDS.
        should_continue = lambda: not (self.halting() and time.perf_counter() - began > LAST_SAMPLE_SECONDS)
        pieces = []
        sampler = Sampler(run.model, run.tokenizer, fixed.prompt, fixed.config, template=run.template)
        async for piece in stream(sampler, SAMPLE_LENGTH, next_slice_size, should_continue):
            pieces.append(piece)
            await yield_to_event_loop()  # NumPy blocks the event loop while it computes
        # The first sample includes compilation: its time does not predict the next one's.
        self._took = time.perf_counter() - began if step else 0.0
        self._wrote_at = time.perf_counter()
        written = fixed.shown("".join(pieces))
        self.send(Sample(run.id, step, written, None if fixed.expected else self.share_of_words(run, written)))

    def share_of_words(self, run: Run, written: str) -> float | None:
        """The share of real words in a sample; None if the text is too long to know its words."""
        text = run.text.text
        if text is None or len(text) > LONGEST_TEXT:
            return None
        if self._known is None or self._known[0] != run.text.sha256:
            self._known = run.text.sha256, words_of(text)
        return real_share(written, self._known[1])


class GrowingSlices:
    """The number of tokens in the next slice: 4 at first, then doubled while a slice takes less than LONGEST_SLICE.
    Pause takes effect between two slices."""

    def __init__(self):
        self.count, self.sent_at = 4, None

    def __call__(self, done: int) -> int:
        now = time.perf_counter()
        if self.sent_at is not None and now - self.sent_at < LONGEST_SLICE:
            self.count *= 2
        self.sent_at = now
        return self.count


def check_length(max_new_tokens: int) -> None:
    """Raises: ExperimentError unless a text of so many tokens can be asked for."""
    if not 1 <= max_new_tokens <= LONGEST_SAMPLE:
        raise ExperimentError("max_new_tokens", f"expected 1 to {LONGEST_SAMPLE:,}, got {max_new_tokens:,}")


class Continuation(Background):
    """The continuation of a prompt, if one is running."""

    def __init__(self, emit: Emit):
        super().__init__()
        self.emit = emit

    async def begin(self, run: Run, prompt: str, max_new_tokens: int, config: SamplingConfig) -> None:
        """Continue a prompt, piece by piece. Raises: TokenizerError for a character that is not in the vocabulary."""
        await self.stop()
        sampler = Sampler(run.model, run.tokenizer, prompt, config, template=run.template)
        self._begin(self._write(run.id, sampler, max_new_tokens), partial(self._ended, run.id))

    async def _write(self, run_id, sampler, max_new_tokens):
        async for piece in stream(sampler, max_new_tokens, GrowingSlices()):
            self.emit(Sampled(run_id, piece, done=False))
            await yield_to_event_loop()  # NumPy blocks the event loop while it computes

    def _ended(self, run_id, complete: bool, error: str):
        self.emit(Sampled(run_id, "", done=True))
        if error:
            self.emit(Error(error, "prompt", "sample", run_id))
