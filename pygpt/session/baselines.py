"""Computes the n-gram baselines of a run's text in the background, and sends them to the page."""

from array import array

from pygpt.data import Split
from pygpt.errors import DeviceError
from pygpt.session.events import Emit
from pygpt.session.messages import Baselines
from pygpt.training.ngram_baselines import baseline_steps
from pygpt.training.run import Run
from pygpt.utils.blocking import yield_to_event_loop

MAX_TOKENS = 4_000_000  # in the training part: more would take a tab too long and too much memory


async def send_baselines(emit: Emit, run: Run) -> dict[str, float] | None:
    """Send the event `baselines`, and return them. The corpus is read back from the device, which alone has it.

    Texts in shards and long texts are skipped. Nothing is sent, and None returned, if the device is lost meanwhile.
    """
    parts = run.train_batches, run.val_batches
    if run.text.text is None or parts[0].tokens.size > MAX_TOKENS:
        return None
    try:
        train, val = [await _fetch_split(run.device, part) for part in parts]
    except DeviceError:
        return None
    experiment = run.experiment
    block, answers_only = experiment.model.block_size, experiment.train.answers_only
    for nats in baseline_steps(train, val, run.tokenizer.vocab_size, block, answers_only):
        await yield_to_event_loop()
    emit(Baselines(run.id, nats))
    return nats


async def _fetch_split(device, part) -> Split:
    tokens = array("I", await device.fetch(part.tokens))
    offsets, answers = [
        None if each is None else array("I", await device.fetch(each)) for each in (part.offsets, part.answers)
    ]
    return Split(tokens, offsets, answers)
