"""A text as token files: prepared once and mapped into memory, so that a text larger than memory can be trained on.

    dataset.json       the description: see `prepare` in pygpt/data/prepare.py
    tokens-00000.bin   the tokens, 16 or 32 bits each, little-endian, in consecutive shards
    tokenizer.json     the tokenizer for other programs, if it is BPE

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
from pygpt.utils.files import open_regular

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
    """The tokens of consecutive shards. `len` is their number; `window` reads a range of them."""

    def __init__(self, folder: Path, views: list[memoryview], vocab_size: int):
        self._folder, self._views, self._vocab_size = folder, views, vocab_size
        self._starts = [0, *itertools.accumulate(map(len, views))]

    def __len__(self) -> int:
        return self._starts[-1]

    def window(self, start: int, length: int) -> array[int]:
        """Return `length` tokens from position `start`, as an `array('I')`.

        Raises:
            DataError: one of them is outside the tokenizer's vocabulary.
        """
        tokens = array("I")
        while length > 0:
            shard = bisect.bisect_right(self._starts, start) - 1
            offset = start - self._starts[shard]
            part = self._views[shard][offset : offset + length]
            tokens.extend(array("I", part))
            start, length = start + len(part), length - len(part)
        if max(tokens, default=0) >= self._vocab_size:
            raise DataError(
                f"the shards in {self._folder} hold the token {max(tokens)}, but their tokenizer has "
                f"{self._vocab_size} tokens: prepare the text again"
            )
        return tokens

    def all(self) -> Split:
        """Read all tokens into memory."""
        return Split(self.window(0, len(self)))


@dataclass(frozen=True)
class Shards:
    """A prepared text. It replaces a `Text` in a run, but `text` is None because the text is not in memory.

    It counts as built in, because its path is enough to load it again. `encoding` is the `tokenizer` of its DataConfig.
    """

    folder: Path
    name: str
    sha256: str
    origin: str
    encoding: str
    tokenizer: Tokenizer
    train: ShardedTokens
    val: ShardedTokens
    learned: int = 0  # vocabulary size requested from BPE training, or 0 without training
    built_in: bool = True
    text: None = None

    def fields(self) -> dict:
        """Return the settings that these shards determine, by the dotted names of an experiment's fields."""
        learned = {"data.vocab_size": self.learned} if self.learned else {}
        return {
            "data.source": str(self.folder.resolve()),
            "data.tokenizer": self.encoding,
            "data.tokenizer_file": "",
            **learned,
        }

    def corpus(self, layout: str, block_size: int, tokenizer: Tokenizer) -> Corpus[ShardedTokens]:
        """Return both parts as a corpus, for a run with this tokenizer.

        Raises:
            DataError: the layout or the tokenizer differs, or a part is shorter than a block.
        """
        if layout != "stream":
            raise DataError(f"shards are one stream of tokens, but data.layout is {layout}: set it to stream")
        if tokenizer != self.tokenizer:
            raise DataError(
                f"the shards in {self.folder} hold the tokens of another tokenizer ({self.encoding}, "
                f"{self.tokenizer.vocab_size:,} tokens) than this run's: prepare the text with the run's tokenizer"
            )
        for part, tokens in ("training", self.train), ("validation", self.val):
            if len(tokens) < block_size + 1:
                raise DataError(
                    f"a block of {block_size} needs {block_size + 1} tokens for {part}; the shards in "
                    f"{self.folder} have {len(tokens)}: choose a shorter block, or prepare larger shards"
                )
        return Corpus(layout, self.train, self.val)


def is_prepared(path: Path) -> bool:
    """Return whether a path is a folder with a description of shards."""
    return (path / DESCRIPTION).is_file()


def open_shards(folder: Path) -> Shards:
    """Open a folder that `pygpt prepare` wrote. Every shard is read once to verify its checksum.

    Raises:
        DataError: the description is missing or malformed, or a shard is missing, has another size, or was changed.
    """
    meta = _read_description(folder)
    try:
        tokenizer = tokenizer_from_dict(meta["tokenizer"])
    except TokenizerError as error:
        raise DataError(f"{folder / DESCRIPTION} has a damaged tokenizer: {error}") from None
    if tokenizer.vocab_size != meta["vocab_size"]:
        raise DataError(
            f"{folder / DESCRIPTION} gives the tokenizer {meta['vocab_size']} tokens, but it has "
            f"{tokenizer.vocab_size}: prepare the text again"
        )
    train, val = (
        ShardedTokens(
            folder, [_shard(folder, shard, CODES[meta["dtype"]]) for shard in meta[part]], tokenizer.vocab_size
        )
        for part in ("train", "val")
    )
    if meta["tokens"] != len(train) + len(val):
        raise DataError(
            f"{folder / DESCRIPTION} lists {meta['tokens']} tokens in total, but its shards have "
            f"{len(train) + len(val)}: prepare the text again"
        )
    return Shards(
        folder, meta["name"], meta["sha256"], meta["origin"], meta["encoding"], tokenizer, train, val, meta["learned"]
    )


def _read_description(folder):
    path = folder / DESCRIPTION
    try:
        meta = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(
            f"{folder} holds no prepared text: {path.name} cannot be read ({error.strerror}). `pygpt prepare` "
            "creates it"
        ) from None
    except (ValueError, RecursionError):
        raise DataError(f"{path} is not JSON: prepare the text again") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise DataError(f"{path} does not describe shards of pygpt: its format is not {FORMAT!r}")
    if meta.get("version") != VERSION:
        raise DataError(f"{path} has version {meta.get('version')!r:.20}; this pygpt reads version {VERSION}")
    wrong = [name for name, type_ in FIELDS.items() if type(meta.get(name)) is not type_]
    if wrong or meta["dtype"] not in CODES or sys.byteorder != "little":
        raise DataError(f"{path} is damaged: {wrong[0] if wrong else 'dtype'!r} is missing or malformed")
    return meta


def _shard(folder, shard, code):
    """Map the tokens of a shard into memory."""
    name, count, expected = (
        shard.get(field) if isinstance(shard, dict) else None for field in ("file", "tokens", "sha256")
    )
    if (
        not isinstance(name, str)
        or Path(name).name != name
        or "\0" in name
        or type(count) is not int
        or count < 1
        or not isinstance(expected, str)
    ):
        raise DataError(f"{folder / DESCRIPTION} is damaged: {shard!r:.80} does not describe a shard in this folder")
    path = folder / name
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            if size != count * array(code).itemsize:
                raise DataError(
                    f"the shard {path} has {size} bytes, but {count} tokens take {count * array(code).itemsize}: it "
                    "was cut short or changed; prepare the text again"
                )
            file.seek(0)
            # Hash the file and not the map, so that only the parts used for training are loaded through the map.
            actual = hashlib.file_digest(file, "sha256").hexdigest()
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise DataError(f"the shard {path} cannot be read ({error.strerror}): prepare the text again") from None
    if actual != expected:
        raise DataError(
            f"the shard {path} was changed: its sha256 should be {expected[:16]}...; prepare the text again"
        )
    return memoryview(mapped).cast(code)
