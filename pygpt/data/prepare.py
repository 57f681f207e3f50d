"""Converts a text to shards piece by piece: the text can be larger than memory. Never imported in a tab."""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

from pygpt.data.loading import load_text
from pygpt.data.registry import DATASETS
from pygpt.data.shards import CODES, DESCRIPTION, FORMAT, VERSION
from pygpt.data.sources.tasks import is_task
from pygpt.data.text import decode_pieces
from pygpt.errors import DataError, TokenizerError
from pygpt.tokenizers import BPETokenizer, tokenizer_json_bytes
from pygpt.tokenizers.pretokens import regroup_at_word_boundaries
from pygpt.tokenizers.registry import TOKENIZERS, tokenizer_from_pieces
from pygpt.utils.files import write_atomically

PIECE = 1 << 22  # bytes read at a time
_SHARD = "tokens-{:05}.bin"
_OWN_FILES = re.compile(r"tokens-\d{5,}\.bin|tokenizer\.json")


class Source:
    """A text that can be read in pieces, any number of times."""

    def __init__(self, source: str):
        self.path, self.text = Path(source), None
        if source in DATASETS or is_task(source):
            loaded = load_text(source)
            self.name, self.origin, self.text = loaded.name, loaded.origin, loaded.text
        else:
            self.name, self.origin = self.path.name, f"your own text, {self.path.name}"

    def pieces(self) -> Iterator[str]:
        """Yield the text in pieces.

        Raises:
            DataError: it cannot be read, or is not UTF-8 text.
        """
        if self.text is not None:
            text = self.text
            yield from (text[start : start + PIECE] for start in range(0, len(text), PIECE))
        else:
            yield from decode_pieces(self.name, self._bytes())

    def _bytes(self):
        try:
            with self.path.open("rb") as file:
                while data := file.read(PIECE):
                    yield data
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
            raise DataError(
                f"cannot read {self.path}: {getattr(error, 'strerror', None) or error}. Give the name of a data "
                f"set ({', '.join(DATASETS)}) or the path of a readable text file"
            ) from None


def prepare(
    data, folder: Path, shard_size: int, shards_val: int, report: Callable[[str], None] = lambda line: None
) -> dict:
    """Write the text that a DataConfig selects as shards, and return their description.

    A tokenizer that is learned takes a first pass over the text. The description is written last: a folder without one
    is unfinished and can be prepared again.

    Raises:
        DataError: the text cannot be read, is too short for this number of shards, or the folder holds other files.
        ExperimentError: the tokenizer's files are missing or wrong.
    """
    if shard_size < 1 or shards_val < 1:
        raise DataError(
            f"shards need at least 1 token each, and at least 1 shard for validation; got {shard_size} tokens "
            f"and {shards_val} shards"
        )
    source = Source(data.source)
    _make_folder(folder)
    tokenizer = tokenizer_from_pieces(data, source.pieces())
    report(f"{source.name}: {tokenizer.vocab_size:,} tokens in the vocabulary")
    writer = _Writer(folder, "uint16" if tokenizer.vocab_size <= 1 << 16 else "uint32", shard_size, report)
    sha256, characters = hashlib.sha256(), 0
    for piece in (
        regroup_at_word_boundaries(source.pieces()) if isinstance(tokenizer, BPETokenizer) else source.pieces()
    ):
        sha256.update(piece.encode("utf-8"))
        characters += len(piece)
        writer.add(_encode(tokenizer, piece))
    writer.finish()
    if len(writer.shards) <= shards_val:
        raise DataError(
            f"the text has {writer.tokens:,} tokens, which make {len(writer.shards)} shards of {shard_size:,}; with "
            f"{shards_val} for validation, none is left for training: choose shards of at most "
            f"{max(1, writer.tokens // (shards_val + 1)):,}"
        )
    description = {
        "format": FORMAT,
        "version": VERSION,
        "name": source.name,
        "source": data.source,
        "origin": source.origin,
        "sha256": sha256.hexdigest(),
        "characters": characters,
        "encoding": data.tokenizer,
        "dtype": writer.dtype,
        "vocab_size": tokenizer.vocab_size,
        "learned": data.vocab_size if TOKENIZERS[data.tokenizer].sized and not data.tokenizer_file else 0,
        "shard_size": shard_size,
        "tokens": writer.tokens,
        "train": writer.shards[:-shards_val],
        "val": writer.shards[-shards_val:],
        "tokenizer": tokenizer.describe(),
    }
    if isinstance(tokenizer, BPETokenizer):
        write_atomically(folder / "tokenizer.json", tokenizer_json_bytes(tokenizer))
    write_atomically(folder / DESCRIPTION, json.dumps(description, ensure_ascii=False, indent=1).encode())
    return description


def _make_folder(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = [path.name for path in folder.iterdir()]
    except OSError as error:
        raise DataError(f"cannot create the folder {folder} ({error.strerror}): choose another with --out") from None
    foreign = [name for name in names if not _OWN_FILES.fullmatch(name)]
    if foreign:
        raise DataError(
            f"the folder {folder} is not empty (it has {foreign[0]}): choose another with --out, or remove it"
        )
    for name in names:  # left by an unfinished preparation
        (folder / name).unlink()


def _encode(tokenizer, text):
    try:
        return tokenizer.encode(text)
    except TokenizerError as error:
        raise DataError(f"the text changed while it was being read: {error}") from None


class _Writer:
    """Collects tokens and writes full shards."""

    def __init__(self, folder, dtype, shard_size, report):
        self.folder, self.dtype, self.shard_size, self.report = folder, dtype, shard_size, report
        self.shards, self.tokens, self.pending = [], 0, array(CODES[dtype])

    def add(self, ids):
        self.pending.extend(array(CODES[self.dtype], ids))
        while len(self.pending) >= self.shard_size:
            self._write(self.pending[: self.shard_size])
            del self.pending[: self.shard_size]

    def finish(self):
        if self.pending:
            self._write(self.pending)

    def _write(self, tokens):
        if array("I", [1]).tobytes()[0] != 1:  # shards are little-endian on every machine
            tokens.byteswap()
        data, name = tokens.tobytes(), _SHARD.format(len(self.shards))
        try:
            (self.folder / name).write_bytes(data)
        except OSError as error:
            raise DataError(f"{self.folder / name} cannot be written ({error.strerror})") from None
        self.shards.append({"file": name, "tokens": len(tokens), "sha256": hashlib.sha256(data).hexdigest()})
        self.tokens += len(tokens)
        self.report(f"{name}: {len(tokens):,} tokens, {self.tokens:,} in total")
