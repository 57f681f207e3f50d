"""What the lab does with a command: opens, checks, trains, samples, saves. Knows pygpt, but no browser and no page."""

import asyncio
import time

from pygpt.analysis.memory import check_memory, memory_estimate, parameter_count
from pygpt.config.experiment import Experiment
from pygpt.data import Text, expected_vocabulary, make_corpus, making_tokenizer, text_from_bytes
from pygpt.errors import CheckpointError, DataError, DeviceError, ExperimentError, PygptError, TokenizerError
from pygpt.inference.sampler import Sampler
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.session.benchmark import Measuring
from pygpt.session.capabilities import is_to_be_had, offers
from pygpt.session.training import Training
from pygpt.tokenizers import Tokenizer
from pygpt.training.run import Run

# Checking a draft tokenizes a text this short on every keystroke; of a longer one every block fits anyway.
SHORT_TEXT = 20_000
LEARNING_SLICE = 0.05  # seconds of learning a tokenizer between two looks at the page's messages
# What a page may ask for: the methods of a session that are commands.
COMMANDS = frozenset(
    (
        "begin",
        "open_device",
        "choose_text",
        "clear_text",
        "check",
        "start",
        "pause",
        "resume",
        "stop",
        "sample",
        "stop_sampling",
        "benchmark",
        "stop_benchmark",
        "profile",
        "save",
        "open",
        "open_kept",
        "forget_kept",
    )
)
SAMPLING_SLICE = 16  # tokens sent to the device at once: small enough to stream, large enough to keep it busy


class Session:
    """One tab's device, text and run.

    `tell(event, data=None)` sends to the page; `site` loads texts and opens devices; `store` keeps what outlives the tab.
    """

    def __init__(self, tell, site, store):
        self.tell, self.site, self.store = tell, site, store
        self.device = self.choice = self.text = None
        self.awaited = None  # the text asked for last
        self.by_size = False  # whether NumPy was taken beside a real GPU, for a small model
        self.training = Training(tell, store, self._recover)
        self.measuring = Measuring(tell)
        self.sampling: asyncio.Task | None = None
        self._known: tuple = (None, None)  # the tokenizer made last, and what for

    async def obey(self, command: dict, data: bytes | None) -> None:
        """Do what a command says. What goes wrong is told to the page, naming what the mistake was about."""
        kind = command.pop("type")
        try:
            if kind not in COMMANDS:
                raise PygptError(f"there is no command {kind!r}")
            await getattr(self, kind)(**command, **({"data": data} if data is not None else {}))
        except PygptError as error:
            self.tell({"type": "error", "message": str(error), "field": _field(error), "during": kind})

    async def begin(self, site: str, device: str) -> None:
        """The first command: say what there is, open a device, load the first text, look for safety copies."""
        self.tell(offers(self.site))
        await asyncio.sleep(0)
        if self.text is None:
            await self.obey({"type": "choose_text", "name": "tales", "built_in": True}, None)
        await self.obey({"type": "open_device", "choice": device}, None)
        await self._offer_kept()

    async def _offer_kept(self):
        """Tell of the safety copies, and again when the tab that this one takes the place of is gone at last."""
        offered, looked = [], 0
        while True:
            found = await self.store.find()
            if (copies := [about["copy"] for about in found]) != offered:
                offered = copies
                self.tell(
                    {
                        "type": "found",
                        "runs": [
                            {name: about[name] for name in ("copy", "name", "step", "steps", "seconds_ago")}
                            for about in found
                        ],
                    }
                )
            if not await self.store.parting(looked):
                return
            looked += 1

    async def open_device(self, choice: str) -> None:
        """Open another device; a run moves there. Raises DeviceError, and then all stays as it was."""
        device = await self.site.open_device(choice)
        await self.measuring.stop()
        run = self.training.run
        if run is not None:
            await self.training.halt("paused")
            await self.stop_sampling()
            run = Run.restore(await self.training.checkpoint(), device, text=run.text)
        old, self.device, self.choice, self.by_size = self.device, device, choice, False
        self.training.run = run
        self._tell_device()
        if old is not None:
            old.close()

    def _tell_device(self):
        device = self.device
        self.tell(
            {"type": "device", "kind": device.kind, "name": device.name, "why": device.why, "choice": self.choice}
        )

    async def _recover(self, data: bytes, text) -> Run:
        """The device is lost: open another like it, and bring the run back there as it was last kept."""
        self.device = await self.site.open_device(self.choice)
        self._tell_device()
        return Run.restore(data, self.device, text=text)

    async def choose_text(self, name: str, built_in: bool, data: bytes = b"") -> None:
        """Take a text for the next run. Raises DataError, and then there is none."""
        self.text, self.awaited = None, (name, data)
        text = await self.site.load_text(name) if built_in else text_from_bytes(name, data)
        if self.awaited != (name, data):
            return  # it took its time, and another was chosen meanwhile
        self.text, alphabet = text, "".join(sorted(set(text.text)))
        self.tell(
            {
                "type": "text",
                "text": {
                    "name": text.name,
                    "built_in": text.built_in,
                    "characters": len(text.text),
                    "distinct": len(alphabet),
                    "alphabet": alphabet[:200],
                    "excerpt": text.text[:300].strip(),
                },
            }
        )

    async def clear_text(self) -> None:
        """There is no text for the next run: a text of one's own was chosen, and is yet to be written."""
        self.text = self.awaited = None

    async def check(self, experiment: dict) -> None:
        """Say what a draft comes to. Raises ExperimentError, and DataError if a short text is too short for it."""
        draft, text = _draft(experiment), self.text
        if text is None:
            return
        size, tokens = expected_vocabulary(draft.data), len(text.text)
        if tokens < SHORT_TEXT or size is None or not is_to_be_had(draft.data.tokenizer):
            tokenizer = await self._tokenizer(draft, text)
            size = tokenizer.vocab_size
            if tokens < SHORT_TEXT:
                make_corpus(text.text, tokenizer, draft.data.layout, draft.model.block_size, draft.data.val_fraction)
        # What only NumPy has goes there by itself, where the choice is left to us.
        moves = draft.model.dtype == "float64" and self._may_choose()
        device = None if moves else self.device
        needed = check_memory(draft, size, device, tokens) if device else memory_estimate(draft, size, tokens)
        self.tell({"type": "checked", "parameters": parameter_count(draft, size), "bytes": needed, "vocabulary": size})

    async def start(self, experiment: dict) -> None:
        """Begin a new run on the chosen text. Raises PygptError, and then the last run is still there."""
        draft, text = _draft(experiment), self.text
        if text is None:
            raise DataError("there is no text to read yet; choose one, or paste your own")
        if self.device is None:
            raise DeviceError("there is no device to train on; choose one")
        tokenizer = await self._tokenizer(draft, text)
        await self._quiet()
        await self._fit(draft)
        await self.training.begin(Run(draft, text, self.device, tokenizer), text.name)

    async def _tokenizer(self, draft: Experiment, text: Text) -> Tokenizer:
        """The tokenizer of a draft. Learning one takes seconds: the page is told how far it is, and its messages come in."""
        data = draft.data
        wanted = text.sha256, data.layout, data.tokenizer, data.vocab_size
        if self._known[0] == wanted:
            return self._known[1]
        making, looked = making_tokenizer(data, text.text), time.perf_counter()
        while True:
            try:
                share = next(making)
            except StopIteration as done:
                self._known = wanted, done.value
                return done.value
            if time.perf_counter() - looked > LEARNING_SLICE:
                self.tell(
                    {
                        "type": "loading",
                        "stage": f"Learning {data.vocab_size:,} tokens from {text.name}",
                        "fraction": share,
                    }
                )
                await asyncio.sleep(0)
                looked = time.perf_counter()

    def _may_choose(self) -> bool:
        """Whether the device is left to us, and there is a real GPU to choose beside the processor."""
        return (
            self.device is not None
            and self.choice in self.site.automatic
            and (self.by_size or not self.device.software)
        )

    async def _fit(self, draft: Experiment) -> None:
        """Where the choice was left to us and there is a real GPU: take the device that suits the size of the model."""
        if not self._may_choose():
            return
        gpu = await self.site.open_device(self.choice) if self.by_size else self.device
        fitting = await self.site.fitting_device(gpu, draft)
        self.by_size = fitting is not gpu
        old, self.device = self.device, fitting
        for device in {old, gpu} - {fitting}:
            device.close()
        self._tell_device()

    async def pause(self) -> None:
        """Stop stepping, for now."""
        await self.training.halt("paused")

    async def resume(self) -> None:
        """Go on stepping."""
        await self.measuring.stop()
        self.training.resume()

    async def stop(self) -> None:
        """Stop stepping; the model stays."""
        await self.training.halt("stopped")

    async def sample(self, prompt: str, max_new_tokens: int, **settings) -> None:
        """Continue a prompt, piece by piece; `settings` are Sampler's. Raises TokenizerError for a character the model has
        never seen, ExperimentError for a setting outside its limits."""
        await self.stop_sampling()
        await self.measuring.stop()
        run = self.training.run
        if run is None:
            raise DataError("there is no model to ask yet; train one, or open one")
        sampler = Sampler(run.model, run.tokenizer, prompt=prompt, **settings)
        self.sampling = asyncio.ensure_future(self._sample(sampler, max_new_tokens))

    async def _sample(self, sampler, remaining: int) -> None:
        device, message = self.device, None
        try:
            while remaining > 0 and not sampler.done:
                sampler.enqueue(min(SAMPLING_SLICE, remaining))
                remaining -= SAMPLING_SLICE
                self.tell({"type": "sampled", "text": sampler.take(await device.fetch(sampler.output)), "done": False})
                # NumPy computes without ever waiting: let the page's messages in.
                await asyncio.sleep(0)
            self.tell({"type": "sampled", "text": sampler.finish(), "done": False})
        except PygptError as error:
            message = str(error)
        finally:
            self.tell({"type": "sampled", "text": "", "done": True})
        if message:
            self.tell({"type": "error", "message": message, "field": "prompt", "during": "sample"})

    async def stop_sampling(self) -> None:
        """End a continuation where it is."""
        if self.sampling is not None and not self.sampling.done():
            self.sampling.cancel()
            await asyncio.wait([self.sampling])

    async def benchmark(self, seconds: float) -> None:
        """Measure the device, figure by figure. Raises DeviceError while something trains on it, or there is none."""
        if self.device is None:
            raise DeviceError("there is no device to measure; choose one")
        if self.training.active:
            raise DeviceError("a benchmark wants the device to itself: pause the training first")
        await self.stop_sampling()
        await self.measuring.begin(self.device, seconds)

    async def stop_benchmark(self) -> None:
        """End a benchmark where it is."""
        await self.measuring.stop()

    async def profile(self) -> None:
        """Time each launch of the next steps; the answer is `profiled`. Raises DeviceError while nothing is training."""
        if not self.training.active:
            self.tell({"type": "profiled", "profile": None})
            raise DeviceError("a profile is of a run that is training; press Train, or Resume")
        self.training.profiling = True

    async def save(self) -> None:
        """Send the run as a file."""
        if self.training.run is None:
            raise DataError("there is no run to save yet")
        step, data = await self.training.snapshot()
        experiment = self.training.run.experiment
        name = "-".join(word for word in (experiment.name or experiment.model.kind, f"step{step}") if word)
        self.tell({"type": "saved", "name": f"{name}.safetensors", "step": step}, data)

    async def open(self, name: str, data: bytes) -> None:
        """Take up a run from a file. Raises CheckpointError, and then the last run is still there."""
        await self._open(data)

    async def _open(self, data: bytes, copy: str = "") -> None:
        if self.device is None:
            raise DeviceError("there is no device to open a run on; choose one")
        checkpoint = read_checkpoint(data)
        # A text of one's own is in the file; one that has a name is had by it.
        text = checkpoint.text or await self.site.load_text(checkpoint.experiment.data.source)
        await self._quiet()
        await self.training.adopt(Run.restore(data, self.device, text=text), data, copy)

    async def open_kept(self, copy: str) -> None:
        """Take up a safety copy of an earlier visit, and go on with it. Raises CheckpointError."""
        await self._open(await self.store.take(copy), copy)

    async def forget_kept(self, copy: str) -> None:
        """Remove a safety copy of an earlier visit."""
        await self.store.forget(copy)

    async def _quiet(self) -> None:
        await self.measuring.stop()
        await self.stop_sampling()
        await self.training.halt("stopped")


def _draft(values: dict) -> Experiment:
    """The experiment a page asks for. Raises ExperimentError; a page may not name files of the machine that trains."""
    draft = Experiment.from_dict(values)
    if draft.data.tokenizer_file:
        raise ExperimentError(
            "data.tokenizer_file", "a page names no files; train with `pygpt train`, and open the run here"
        )
    return draft


def _field(error: PygptError) -> str:
    """Which part of the page a mistake belongs to."""
    if isinstance(error, ExperimentError):
        return error.field
    places = {DataError: "text", DeviceError: "device", CheckpointError: "file", TokenizerError: "prompt"}
    return next((place for kind, place in places.items() if isinstance(error, kind)), "")
