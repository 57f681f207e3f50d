"""Carries out the commands that measure: the benchmark, the range test of a draft, the profile of a run."""

from typing import Any

from pygpt.errors import DataError, DeviceError, ExperimentError
from pygpt.session import messages
from pygpt.session.capabilities import requested_experiment
from pygpt.training.lr_range import range_experiment
from pygpt.training.run import Run

LONGEST_BENCHMARK = 3600  # seconds


class Measuring:
    """Measures the device or a draft with the parts of `session`, a Session, each of which has the device to itself."""

    def __init__(self, session: Any):
        self.session = session

    async def benchmark(self, seconds: float) -> None:
        """Measure the device and send each result. Raises: DeviceError while a run is training, or without a device."""
        session = self.session
        if session.device is None:
            raise DeviceError("there is no device to measure; choose one")
        if not 0 < seconds <= LONGEST_BENCHMARK:
            raise ExperimentError("seconds", f"expected at most {LONGEST_BENCHMARK:,} and more than 0, got {seconds:g}")
        if session.training.active:
            raise DeviceError("a benchmark needs the device to itself: pause the training first")
        await session.continuation.stop()
        await session.writing.stop()
        await session.bench.begin(session.device, seconds)

    async def find_lr(self, experiment: dict) -> None:
        """Run a learning-rate range test of a draft. Raises: DeviceError while a run is training, PygptError."""
        session, draft = self.session, requested_experiment(experiment)
        if session.training.active:
            raise DeviceError("a range test needs the device to itself: pause the training first")
        if (text := session.texts.chosen) is None:
            raise DataError(session.texts.why_none)
        if session.device is None:
            raise DeviceError("there is no device to train on; choose one")
        tokenizer = await session.tokenizers.get(draft.data, text)
        await session.continuation.stop()
        await session.writing.stop()
        session.timing.stop()
        await session.bench.stop()
        await session.bench.begin_range_test(Run(range_experiment(draft), text, session.device, tokenizer))

    async def stop_benchmark(self) -> None:
        """Stop the benchmark if one is running."""
        session = self.session
        await session.bench.stop()

    async def profile(self) -> None:
        """Time each launch of the next steps; answered by `profiled`. Raises: DeviceError unless a run is training."""
        session = self.session
        if not session.training.active:
            run = session.training.run
            session.emit(messages.Profiled(run.id if run else "", None))
            raise DeviceError("only a run that is training can be profiled; press Train, or Resume")
        session.training.profiling = True
