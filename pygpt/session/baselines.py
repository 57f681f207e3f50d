"""The n-gram baselines of a run's text, worked out between other things and sent to the page."""

from array import array

from pygpt.data import Split
from pygpt.errors import DeviceError
from pygpt.session.messages import Baselines
from pygpt.training.ngram_baselines import baseline_steps
from pygpt.training.run import Run
from pygpt.utils.blocking import let_others_run

MOST_TOKENS = 4_000_000  # of the training part: more would take a tab too long, and too much memory


async def send_baselines(emit, run: Run) -> None:
    """Send the event `baselines`; the corpus is read back from the device, the only place that still has it.

    What is in shards, or is too long, is not counted. A device that goes away meanwhile takes the text with it.
    """
    parts = run.train_batches, run.val_batches
    if run.text.text is None or parts[0].tokens.size > MOST_TOKENS:
        return
    try:
        train, val = [await _fetched(run.device, part) for part in parts]
    except DeviceError:
        return
    separator = parts[1].separator if run.experiment.train.answers_only else None
    for found in baseline_steps(train, val, run.tokenizer.vocab_size, separator):
        await let_others_run()
    emit(Baselines(run.id, found))


async def _fetched(device, part) -> Split:
    arrays = [array("I"), array("I") if part.offsets is not None else None]
    for values, tensor in zip(arrays, (part.tokens, part.offsets)):
        if values is not None:
            values.frombytes(await device.fetch(tensor))
    return Split(*arrays)
