"""`pygpt prepare`: a text as shards of tokens."""

from pathlib import Path

from pygpt.cli.commands import Prepare
from pygpt.config.experiment import Experiment
from pygpt.data.prepare import prepare as write_shards


def prepare(command: Prepare) -> int:
    """Write the shards, a line for each, and say how to train on them."""
    data = {
        "source": command.source,
        "tokenizer": command.encoding,
        "vocab_size": command.vocab_size,
        "tokenizer_file": command.tokenizer_file,
    }
    experiment = Experiment.from_dict({"data": data})
    out = command.out or Path("shards") / Path(command.source).stem.replace(":", "-")
    found = write_shards(experiment.data, out, command.shard_size, command.shards_val, print)
    print(
        f"{found['characters']:,} characters are {found['tokens']:,} tokens in {len(found['train'])} shards for training and "
        f"{len(found['val'])} for validation.\nTrain on them:\n  pygpt train --data {out}"
    )
    return 0
