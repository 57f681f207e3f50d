"""Carries out the lab's commands: open, check, train, sample, save. Depends on pygpt only; runs without a browser."""

import asyncio
import traceback
from typing import Any

from pygpt.analysis.memory import check_memory, copy_memory, memory_estimate, parameter_count
from pygpt.config.experiment import Experiment
from pygpt.config.sampling import SamplingConfig
from pygpt.data import Text, make_corpus
from pygpt.errors import CheckpointError, DataError, DeviceError, PygptError, sentence_of
from pygpt.runs.checkpoint import read_checkpoint
from pygpt.session import messages
from pygpt.session.benchmark import Benchmark
from pygpt.session.capabilities import capabilities, is_available, requested_experiment
from pygpt.session.carrying import CarriedRuns
from pygpt.session.commands import COMMANDS, command_name, read_command
from pygpt.session.error_fields import field_of
from pygpt.session.events import Emit
from pygpt.session.measuring import Measuring
from pygpt.session.messages import Paused, Stopped
from pygpt.session.preparing import CalledOff, Preparing, Tokenizers
from pygpt.session.queue_host import QueueHost
from pygpt.session.run_queue import RunQueue
from pygpt.session.sampling import Continuation, check_length
from pygpt.session.sharing import Sharing
from pygpt.session.texts import Texts
from pygpt.session.timing import Timing
from pygpt.session.training import Training
from pygpt.session.writing import Writing
from pygpt.tokenizers import Tokenizer, expected_vocabulary
from pygpt.training.run import Run
from pygpt.utils.blocking import yield_to_event_loop
from pygpt.utils.files import file_name

# A text with fewer characters is tokenized to check a draft, on every keystroke; a longer one has room for every block.
SHORT_TEXT = 20_000

# They open the device again if it was lost.
NEED_DEVICE = frozenset({"start", "resume", "extend", "sample", "benchmark", "find_lr", "branch", "write"})


class Session:
    """The device, text and run of one page.

    `site` loads texts and opens devices; `store` keeps what outlives the page (see pygpt/runs/run_store.py).
    """

    def __init__(self, emit: Emit, site, store):
        self.emit, self.site, self.store = emit, site, store
        self.device: Any | None = None  # a Device
        self.choice = ""  # with which it was opened
        self.numpy_for_size = False  # whether NumPy replaced a real GPU because the model is small
        self.kept_runs = CarriedRuns(emit, store, site)
        self.sharing = Sharing(emit, lambda: self.training)
        self.training = Training(self.sharing.watch, store, self._recover, self.kept_runs.list_runs)
        self.bench = Benchmark(emit)
        self.measuring = Measuring(self)
        self.continuation = Continuation(emit)
        self.writing = Writing(emit, store, self._device_to_write)
        self._begun = asyncio.Event()  # set unless the first device is on its way
        self._begun.set()
        self._replacing = asyncio.Lock()  # held while the run, its device or its safety copy is replaced
        self.checked: dict = {}  # the draft checked last
        self.timing = Timing(self._is_busy, lambda: self.handle({"type": "check", "experiment": self.checked}, None))
        self.preparing = Preparing()
        self.texts = Texts(emit, site, self.preparing, lambda: self.training.run)
        self.tokenizers = Tokenizers(emit)
        self.queue = RunQueue(emit, store, self.training, QueueHost(self))

    async def handle(self, message: object, data: bytes | None) -> None:
        """Carry out the command in a message. An error of any class is sent to the page with its field."""
        try:
            name, arguments = read_command(message, data)
            if name in NEED_DEVICE:
                await self.replace_lost_device()
            part = COMMANDS[name].part
            await getattr(getattr(self, part) if part else self, name)(**arguments)
        except CalledOff:
            self.emit(messages.CalledOff(command_name(message)))
        except Exception as error:
            if not isinstance(error, PygptError | MemoryError):
                traceback.print_exc()  # a bug: the session goes on, and the console or the log has the details
            self.emit(messages.Error(sentence_of(error), field_of(error), command_name(message)))

    async def begin(self, device: str) -> None:
        """The first command: send the capabilities, list the kept runs, load the first text, open a device."""
        self._begun.clear()
        self.emit(capabilities(self.site))
        await yield_to_event_loop()
        await self.kept_runs.begin()
        await self.queue.load()
        if self.texts.chosen is None:
            await self.handle({"type": "choose_text", "name": "tales", "built_in": True}, None)
        await self.handle({"type": "open_device", "choice": device}, None)
        self._begun.set()
        await self.kept_runs.follow_closing_tabs()

    async def open_device(self, choice: str) -> None:
        """Open another device and move the run there. Raises: DeviceError if that fails, and changes nothing."""
        device = await self.preparing.run("device", self.site.open_device(choice))
        self.timing.stop()
        async with self._replacing:
            await self.bench.stop()
            await self.writing.stop()
            if self.training.run is not None:
                await self.queue.hold()
                await self.training.halt(Paused)
                await self.continuation.stop()
                await self.training.move_to(device)
            old, self.device, self.choice, self.numpy_for_size = self.device, device, choice, False
            self._send_device(device)
            if old is not None:
                old.close()

    def _send_device(self, device):
        self.emit(messages.Device(device.kind, device.name, device.why, self.choice))

    async def _recover(self, data: bytes | None, lost: Run) -> Run:
        """Open the device again after it was lost, and restore the run: from a checkpoint, or from its start."""
        await self._reopen()
        return lost.again(self.device) if data is None else Run.restore(data, self.device, text=lost.text)

    async def _reopen(self) -> None:
        self.device = await self.site.open_device(self.choice)
        self._send_device(self.device)

    async def replace_lost_device(self) -> None:
        """If the device was lost while nothing ran, open it again and move the run there. Raises: DeviceError."""
        async with self._replacing:
            if self.device is None or not self.device.lost or self.training.active:
                return
            await self.bench.stop()
            await self.continuation.stop()
            await self.writing.stop()
            try:
                await (self._reopen() if self.training.run is None else self.training.restore())
            except DeviceError as error:
                raise DeviceError(f"the GPU was lost and cannot be opened again: {error}") from None

    async def check(self, experiment: dict) -> None:
        """Send the size of a draft. Raises: ExperimentError, or DataError if the text is too short for it."""
        self.checked = experiment
        draft, text = requested_experiment(experiment), self.texts.chosen
        if text is None:
            return
        size, tokens = expected_vocabulary(draft.data), len(text.text)
        if tokens < SHORT_TEXT or size is None or not is_available(draft.data.tokenizer):
            tokenizer = await self.tokenizers.get(draft.data, text)
            size = tokenizer.vocab_size
            if tokens < SHORT_TEXT:
                make_corpus(text.text, tokenizer, draft.data.layout, draft.model.block_size, draft.data.val_fraction)
        # Only NumPy has float64: where the session chooses the device, `start` moves the run there.
        moves_to_numpy = draft.model.dtype == "float64" and self._may_choose()
        device = None if moves_to_numpy else self.device
        needed = check_memory(draft, size, device, tokens) if device else memory_estimate(draft, size, tokens)
        seconds = self.timing.seconds(draft, size, device) if device else None
        if self.checked is experiment:  # else another draft was checked meanwhile
            self.emit(messages.Checked(parameter_count(draft, size), needed + copy_memory(draft, size), size, seconds))

    def _is_busy(self):
        return self.training.active or self.bench.active or self.continuation.active or self.writing.active

    async def start(self, experiment: dict) -> None:
        """Start a new run on the chosen text. Raises: PygptError, and keeps the last run."""
        draft = requested_experiment(experiment)
        text, tokenizer = await self.preparing.run("", self._prepare(draft))
        await self.start_run(draft, text, tokenizer)

    async def start_run(self, draft: Experiment, text: Text, tokenizer: Tokenizer, about: dict | None = None) -> None:
        """Begin a run, which `about` describes if it comes from the queue; any other pauses the queue.

        Raises: DeviceError without a device, PygptError.
        """
        if self.device is None:
            raise DeviceError("there is no device to train on; choose one")
        async with self._replacing:
            if not self._may_choose():  # what does not fit is refused before it stops the run under way
                check_memory(draft, tokenizer.vocab_size, self.device, len(text.text))
            await self._stop_all(about is not None)
            await self._choose_device(draft)
            run = Run(draft, text, self.device, tokenizer)  # encoding a long text takes seconds
            await self.preparing.pass_on("")
            await self.training.begin(run, about)

    async def _prepare(self, draft: Experiment) -> tuple[Text, Tokenizer]:
        """The text of a run, which may still be on its way, and its tokenizer. Raises: DataError, DeviceError."""
        if self.texts.chosen is None:
            await self.preparing.wait("text")
        if self.texts.chosen is None:
            raise DataError(self.texts.why_none)
        if self.device is None:
            raise DeviceError("there is no device to train on; choose one")
        text = self.texts.chosen
        return text, await self.tokenizers.get(draft.data, text)

    def _may_choose(self) -> bool:
        """Whether the session chooses the device, and has a real GPU beside the CPU."""
        return (
            self.device is not None
            and self.choice in self.site.automatic_choices
            and (self.numpy_for_size or not self.device.software)
        )

    async def _choose_device(self, draft: Experiment) -> None:
        """Switch to the device that suits the size of the model, if `_may_choose()`."""
        if not self._may_choose():
            return
        assert self.device is not None  # as `_may_choose` says
        gpu = await self.site.open_device(self.choice) if self.numpy_for_size else self.device
        fitting = await self.site.device_for(gpu, draft)
        self.numpy_for_size = fitting is not gpu
        old, self.device = self.device, fitting
        for device in {old, gpu} - {fitting}:
            device.close()
        self._send_device(fitting)

    async def call_off(self, field: str) -> None:
        """Stop preparing what a place of the page waits for."""
        self.preparing.call_off(field)

    async def pause(self) -> None:
        """Pause training."""
        await self.training.halt(Paused)

    async def resume(self) -> None:
        """Resume training."""
        async with self._replacing:
            await self.bench.stop()
            await self.training.resume()
            await self.queue.follow()

    async def extend(self, steps: int) -> None:
        """Continue the run up to a larger total of steps, like `pygpt train --resume --steps`.

        Raises: DataError without a run, ExperimentError if it is training or has taken so many steps already.
        """
        async with self._replacing:
            await self.bench.stop()
            if self.training.run is None:
                raise DataError("there is no run to continue yet; train one, or open one")
            await self.continuation.stop()
            await self.training.extend(steps)

    async def stop(self) -> None:
        """Stop training and keep the model."""
        await self.training.halt(Stopped)

    async def sample(self, prompt: str, max_new_tokens: int, **settings) -> None:
        """Continue a prompt, piece by piece; `settings` are those of SamplingConfig.

        Raises: TokenizerError for a character outside the vocabulary, ExperimentError for a setting out of range.
        """
        config = SamplingConfig(**settings)
        check_length(max_new_tokens)
        await self.bench.stop()
        if self.training.run is None:
            raise DataError("there is no model to sample from yet; train one, or open one")
        await self.continuation.begin(self.training.run, prompt, max_new_tokens, config)

    async def stop_sampling(self) -> None:
        """Stop the continuation if one is running."""
        await self.continuation.stop()

    async def save(self) -> None:
        """Send the run as a file."""
        run = self.training.run
        if run is None:
            raise DataError("there is no run to save yet")
        step, data = await self.training.checkpoint()
        name = f"{file_name(run.experiment.name) or run.experiment.model.kind}-step{step}.safetensors"
        self.emit(messages.Saved(run.id, name, step), data)

    async def keep(self) -> None:
        """Keep a safety copy now; answered by `kept`. Raises: CheckpointError without a run, or on a full disk."""
        if self.training.run is None:
            raise CheckpointError("there is no run to keep a copy of yet")
        await self.training.keeping.keep(self.training.run)

    async def open(self, name: str = "", data: bytes = b"") -> None:
        """Open a run from a file. Raises: CheckpointError, naming it, if it cannot be read; the last run is kept."""
        async with self._replacing:
            try:
                await self._open(data)
            except CheckpointError as error:
                raise CheckpointError(f"{name!r:.200} could not be opened: {error}" if name else str(error)) from None

    async def _open(self, data: bytes, copy: str = "", for_queue: bool = False) -> None:
        if self.device is None:
            raise DeviceError("there is no device to open a run on; choose one")
        checkpoint = read_checkpoint(data)
        # The visitor's own text is in the file; a data set is loaded by its name.
        text = checkpoint.text or await self.site.load_text(checkpoint.source)
        await self._stop_all(for_queue)
        await self.training.adopt(Run.restore(data, self.device, text=text), data, copy)
        await self.texts.choose_run_text()  # Train again then repeats the run

    async def open_kept(self, copy: str, for_queue: bool = False) -> None:
        """Open a kept run, and continue in its folder, unless it is open; the queue then trains it.

        Raises: CheckpointError.
        """
        await self._begun.wait()  # the list of runs comes before the device
        async with self._replacing:
            if not self.store.is_current(copy):
                await self._open(await self.store.read_copy(copy), copy, for_queue)
            if for_queue:
                await self.bench.stop()
                await self.training.resume()

    async def branch(self, copy: str, step: int) -> None:
        """Begin a new run with the weights of a kept run at a step, with its settings, its text and a new optimizer. It
        is paused before its first step.

        Raises: CheckpointError if there is no such run or checkpoint; the last run is kept.
        """
        await self._begun.wait()
        async with self._replacing:
            if self.device is None:
                raise DeviceError("there is no device to train on; choose one")
            parent = await self.store.read_checkpoint(copy, step, with_text=True)
            draft = parent.experiment
            text = parent.text or await self.site.load_text(draft.data.source)
            if not self._may_choose():
                check_memory(draft, parent.tokenizer.vocab_size, self.device, len(text.text))
            await self._stop_all()
            await self._choose_device(draft)
            run = Run(draft, text, self.device, init_from=parent)
            await self.training.adopt(run, await run.fetch_checkpoint(), parent=parent)
            self.emit(messages.Branched(run.id, copy, parent.step))
            await self.texts.choose_run_text()

    async def _device_to_write(self) -> Any:
        await self._begun.wait()
        await self.bench.stop()
        if self.device is None:
            raise DeviceError("there is no device to write with; choose one")
        return self.device

    async def _stop_all(self, for_queue: bool = False) -> None:
        if not for_queue:
            await self.queue.hold()
        self.timing.stop()
        await self.bench.stop()
        await self.continuation.stop()
        await self.writing.stop()
        await self.training.halt(Stopped)
