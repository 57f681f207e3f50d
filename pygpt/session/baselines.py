"""What the text of a run costs those who only count, worked out between other things and told to the page."""

import asyncio
from array import array

from pygpt.data import Split
from pygpt.errors import DeviceError
from pygpt.training.ngram_baselines import baseline_steps
from pygpt.training.run import Run

MOST_TOKENS = 4_000_000  # of the training part: more would take a tab too long, and too much memory


async def tell_baselines(tell, run: Run) -> None:
    """Send the event `baselines`; the corpus comes back from the device, where alone it still is.

    What is in shards, or is too long, is not counted. A device that goes away meanwhile takes the text with it.
    """
    splits = run.splits
    if any(getattr(split, "tokens", None) is None for split in splits) or splits[0].tokens.size > MOST_TOKENS:
        return
    try:
        train, val = [await _fetched(run.device, split) for split in splits]
    except DeviceError:
        return
    separator = splits[1].separator if run.experiment.train.answers_only else None
    for found in baseline_steps(train, val, run.tokenizer.vocab_size, separator):
        await asyncio.sleep(0)
    tell({"type": "baselines", "nats": found})


async def _fetched(device, split) -> Split:
    arrays = [array("I"), array("I") if split.offsets is not None else None]
    for values, tensor in zip(arrays, (split.tokens, split.offsets)):
        if values is not None:
            values.frombytes(await device.fetch(tensor))
    return Split(*arrays)
