"""`pygpt prepare`: write a text as token shards."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from pygpt.cli.flags import check_source, help_of, optional
from pygpt.cli.output import as_argument, unbreakable_output
from pygpt.config.experiment import Experiment
from pygpt.config.sections import DataConfig
from pygpt.data import DATASETS
from pygpt.tokenizers import TOKENIZERS

FIELDS = {field.name: field for field in dataclasses.fields(DataConfig)}
Encoding: Any = Literal[*TOKENIZERS]  # Any, because mypy cannot see these names


@dataclasses.dataclass
class PrepareCommand:
    """Write a text as token shards, which `pygpt train --data DIR` memory-maps. They can be larger than memory."""

    source: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(metavar="NAME|FILE", help=f"{', '.join(DATASETS)}, or the path of a text file"),
    ]
    out: Annotated[Path | None, optional("DIR")] = None
    """an empty or new folder (default: shards/NAME)"""
    encoding: Annotated[Encoding, tyro.conf.arg(help=help_of(FIELDS["tokenizer"]))] = "bpe"
    vocab_size: Annotated[int, tyro.conf.arg(help=help_of(FIELDS["vocab_size"]))] = DataConfig.vocab_size
    tokenizer_file: Annotated[str, tyro.conf.arg(help=help_of(FIELDS["tokenizer_file"]))] = ""
    shard_size: Annotated[int | None, optional("INT")] = None
    """tokens per shard; the last can have fewer (default: 10,000,000, or a tenth of a short text)"""
    shards_val: int = 1
    """number of shards at the end held out for validation"""

    def run(self) -> int:
        """Write the shards, print a line for each, and print how to train on them."""
        from pygpt.data.prepare import prepare

        check_source(self.source)
        data = {
            "source": self.source,
            "tokenizer": self.encoding,
            "vocab_size": self.vocab_size,
            "tokenizer_file": self.tokenizer_file,
        }
        experiment = Experiment.from_dict({"data": data})
        out = self.out or Path("shards") / Path(self.source).stem.replace(":", "-")
        with unbreakable_output():
            summary = prepare(experiment.data, out, self.shard_size, self.shards_val, print)
            print(
                f"{summary['characters']:,} characters became {summary['tokens']:,} tokens in {len(summary['train'])} "
                f"training shards and {len(summary['val'])} validation shards.\n"
                f"Train on them:\n  pygpt train --data {as_argument(out)}",
                flush=True,
            )
        return 0
