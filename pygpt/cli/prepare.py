"""`pygpt prepare`: a text as shards of tokens."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from pygpt.cli.flags import help_of, optional
from pygpt.config.experiment import DataConfig, Experiment
from pygpt.data import DATASETS
from pygpt.tokenizers import TOKENIZERS

FIELDS = {field.name: field for field in dataclasses.fields(DataConfig)}


@dataclasses.dataclass
class PrepareCommand:
    """Turn a text into shards of tokens, which `pygpt train --data DIR` maps into memory: it may be larger than memory."""

    source: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(metavar="NAME|FILE", help=f"{', '.join(DATASETS)}, or the path of a text file"),
    ]
    out: Annotated[Path | None, optional("DIR")] = None
    """an empty folder, or one that does not exist yet (default: shards/NAME)"""
    encoding: Annotated[Literal[*TOKENIZERS], tyro.conf.arg(help=help_of(FIELDS["tokenizer"]))] = "bpe"
    vocab_size: Annotated[int, tyro.conf.arg(help=help_of(FIELDS["vocab_size"]))] = FIELDS["vocab_size"].default
    tokenizer_file: Annotated[str, tyro.conf.arg(help=help_of(FIELDS["tokenizer_file"]))] = ""
    shard_size: int = 10_000_000
    """tokens per shard; the last may have fewer"""
    shards_val: int = 1
    """number of shards, from the end, held out for validation"""

    def run(self) -> int:
        """Write the shards, a line for each, and say how to train on them."""
        from pygpt.data.prepare import prepare

        data = {
            "source": self.source,
            "tokenizer": self.encoding,
            "vocab_size": self.vocab_size,
            "tokenizer_file": self.tokenizer_file,
        }
        experiment = Experiment.from_dict({"data": data})
        out = self.out or Path("shards") / Path(self.source).stem.replace(":", "-")
        found = prepare(experiment.data, out, self.shard_size, self.shards_val, print)
        print(
            f"{found['characters']:,} characters are {found['tokens']:,} tokens in {len(found['train'])} shards for "
            f"training and {len(found['val'])} for validation.\nTrain on them:\n  pygpt train --data {out}"
        )
        return 0
