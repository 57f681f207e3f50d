"""A text as tokens in files: prepared once, mapped into memory, so that a text larger than memory can be trained on.

    dataset.json       what this is: see `describe` in pygpt/data/prepare.py
    tokens-00000.bin   the tokens, 16 or 32 bits each, little-endian, one shard after the other
    tokenizer.json     the tokenizer for other programs, where it is BPE

The last shards are for validation. Never imported in a tab.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import json
import mmap
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path

from pygpt.data.corpus import Corpus, Split
from pygpt.errors import DataError, TokenizerError
from pygpt.tokenizers import Tokenizer, tokenizer_from_dict

DESCRIPTION = "dataset.json"
FORMAT, VERSION = "pygpt shards", 1
CODES = {"uint16": "H", "uint32": "I"}
FIELDS = {
    "format": str,
    "version": int,
    "name": str,
    "source": str,
    "origin": str,
    "sha256": str,
    "characters": int,
    "encoding": str,
    "dtype": str,
    "vocab_size": int,
    "learned": int,
    "shard_size": int,
    "tokens": int,
    "train": list,
    "val": list,
    "tokenizer": dict,
}


class ShardedTokens:
    """The tokens of some shards, one behind the other; `len` counts them, `window` reads some."""

    def __init__(self, folder: Path, views: list[memoryview], vocab_size: int):
        self._folder, self._views, self._vocab_size = folder, views, vocab_size
        self._starts = [0, *itertools.accumulate(map(len, views))]

    def __len__(self) -> int:
        return self._starts[-1]

    def window(self, start: int, length: int) -> array:
        """The `length` tokens from token `start`, as an `array('I')`.

        Raises:
            DataError: one of them is no token of the tokenizer.
        """
        found = array("I")
        while length > 0:
            shard = bisect.bisect_right(self._starts, start) - 1
            place = start - self._starts[shard]
            some = self._views[shard][place : place + length]
            found.extend(array("I", some))
            start, length = start + len(some), length - len(some)
        if max(found, default=0) >= self._vocab_size:
            raise DataError(
                f"the shards in {self._folder} hold the token {max(found)}, but their tokenizer has "
                f"{self._vocab_size} tokens: prepare the text again"
            )
        return found

    def all(self) -> Split:
        """All of them in memory."""
        return Split(self.window(0, len(self)))


@dataclass(frozen=True)
class Shards:
    """A prepared text: to a run what a `Text` is, but that `text` is None, since it is not in memory.

    Its path is enough to have it again, so it counts as built in. `encoding` is the `tokenizer` of its DataConfig.
    """

    folder: Path
    name: str
    sha256: str
    origin: str
    encoding: str
    tokenizer: Tokenizer
    train: ShardedTokens
    val: ShardedTokens
    learned: int = 0  # tokens that bpe was to learn, or 0 if it learned none
    built_in: bool = True
    text: None = None

    def fields(self) -> dict:
        """What these shards are, as fields of an experiment by dotted name."""
        learned = {"data.vocab_size": self.learned} if self.learned else {}
        return {
            "data.source": str(self.folder.resolve()),
            "data.tokenizer": self.encoding,
            "data.tokenizer_file": "",
            **learned,
        }

    def corpus(self, layout: str, block_size: int, tokenizer: Tokenizer) -> Corpus:
        """The two parts, for a run with this tokenizer.

        Raises:
            DataError: the layout is another, or the tokenizer, or a part is shorter than a block.
        """
        if layout != "stream":
            raise DataError(f"shards are one stream of tokens, and data.layout is {layout}: set it to stream")
        if tokenizer != self.tokenizer:
            raise DataError(
                f"the shards in {self.folder} hold the tokens of another tokenizer ({self.encoding}, "
                f"{self.tokenizer.vocab_size:,} tokens) than this run's: prepare the text with the run's"
            )
        for part, tokens in ("training", self.train), ("validation", self.val):
            if len(tokens) < block_size + 1:
                raise DataError(
                    f"a block of {block_size} needs {block_size + 1} tokens for {part}; the shards in "
                    f"{self.folder} have {len(tokens)}: choose a shorter block, or prepare larger shards"
                )
        return Corpus(layout, self.train, self.val)


def is_prepared(path: Path) -> bool:
    """Whether a path is a folder that says it holds shards."""
    return (path / DESCRIPTION).is_file()


def open_shards(folder: Path) -> Shards:
    """Open what `pygpt prepare` wrote. Every shard is read once, to compare it with its checksum.

    Raises:
        DataError: the description is missing or malformed, or a shard is missing, of another size, or was changed.
    """
    about = _description(folder)
    try:
        tokenizer = tokenizer_from_dict(about["tokenizer"])
    except TokenizerError as error:
        raise DataError(f"{folder / DESCRIPTION} has a damaged tokenizer: {error}") from None
    if tokenizer.vocab_size != about["vocab_size"]:
        raise DataError(
            f"{folder / DESCRIPTION} says that the tokenizer has {about['vocab_size']} tokens, and it has "
            f"{tokenizer.vocab_size}: prepare the text again"
        )
    parts = [
        ShardedTokens(
            folder, [_shard(folder, shard, CODES[about["dtype"]]) for shard in about[part]], tokenizer.vocab_size
        )
        for part in ("train", "val")
    ]
    if about["tokens"] != sum(map(len, parts)):
        raise DataError(
            f"{folder / DESCRIPTION} speaks of {about['tokens']} tokens in all, and its shards have "
            f"{sum(map(len, parts))}: prepare the text again"
        )
    return Shards(
        folder, about["name"], about["sha256"], about["origin"], about["encoding"], tokenizer, *parts, about["learned"]
    )


def _description(folder):
    path = folder / DESCRIPTION
    try:
        about = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(
            f"{folder} holds no prepared text: {path.name} cannot be read ({error.strerror}). `pygpt prepare` "
            "makes such a folder"
        ) from None
    except (ValueError, RecursionError):
        raise DataError(f"{path} is not JSON: prepare the text again") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise DataError(f"{path} does not describe shards of pygpt: its format is not {FORMAT!r}")
    if about.get("version") != VERSION:
        raise DataError(f"{path} is of version {about.get('version')!r:.20}; this pygpt reads version {VERSION}")
    wrong = [name for name, type_ in FIELDS.items() if type(about.get(name)) is not type_]
    if wrong or about["dtype"] not in CODES or sys.byteorder != "little":
        raise DataError(f"{path} is damaged: {wrong[0] if wrong else 'dtype'!r} is missing or malformed")
    return about


def _shard(folder, shard, code):
    """A shard's tokens, mapped into memory."""
    name, count, wanted = (
        shard.get(field) if isinstance(shard, dict) else None for field in ("file", "tokens", "sha256")
    )
    if (
        not isinstance(name, str)
        or Path(name).name != name
        or "\0" in name
        or type(count) is not int
        or count < 1
        or not isinstance(wanted, str)
    ):
        raise DataError(f"{folder / DESCRIPTION} is damaged: {shard!r:.80} does not describe a shard in this folder")
    path = folder / name
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size != count * array(code).itemsize:
                raise DataError(
                    f"the shard {path} has {size} bytes, and {count} tokens take {count * array(code).itemsize}: it "
                    "was cut short or changed; prepare the text again"
                )
            file.seek(0)
            # Read, and not through the map: of that, only what is trained on is to come into memory.
            found = hashlib.file_digest(file, "sha256").hexdigest()
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise DataError(f"the shard {path} cannot be read ({error.strerror}): prepare the text again") from None
    if found != wanted:
        raise DataError(
            f"the shard {path} is not what was prepared: its sha256 should be {wanted[:16]}...; prepare the text again"
        )
    return memoryview(mapped).cast(code)
