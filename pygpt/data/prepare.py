"""Converts a text to shards piece by piece: the text can be larger than memory. Never imported in a tab."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

from pygpt.data.loading import is_built_in, load_text
from pygpt.data.registry import DATASETS
from pygpt.data.shards import CODES, DESCRIPTION, FORMAT, VERSION
from pygpt.data.text import decode_pieces
from pygpt.errors import DataError, TokenizerError
from pygpt.tokenizers import BPETokenizer, tokenizer_json_bytes
from pygpt.tokenizers.registry import TOKENIZERS, tokenizer_from_pieces
from pygpt.utils.files import open_regular, write_atomically
from pygpt.utils.folder_lock import LOCK_FILE, lock_folder

PIECE = 1 << 22  # bytes read at a time
USUAL_SHARD = 10_000_000  # tokens
MOST_SHARDS = 10_000  # each is a file, and a line of the description
MUCH = 1_000_000  # bytes of a text that take a while, so that what cannot work is refused before
_SHARD = "tokens-{:05}.bin"
UNFINISHED = ".unfinished"  # in a folder until its description is written: its files are of a preparation, not a user's
_OWN_FILES = re.compile(r"(tokens-\d{5,}\.bin|tokenizer\.json|\.unfinished)(\..+\.new)?|dataset\.json\..+\.new")


class Source:
    """A text that can be read in pieces, any number of times."""

    def __init__(self, source: str):
        self.path, self.text = Path(os.path.expanduser(source)), None
        if is_built_in(source):
            loaded = load_text(source)
            self.name, self.origin, self.text = loaded.name, loaded.origin, loaded.text
        else:
            self.name, self.origin = self.path.name, f"your own text, {self.path.name}"

    def most_tokens(self) -> int | None:
        """An upper bound of the tokens: no tokenizer has more tokens than bytes. None if it is not known yet."""
        if self.text is not None:
            return len(self.text.encode())
        with contextlib.suppress(OSError, ValueError):  # `pieces` says why
            return self.path.stat().st_size
        return None

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
            with open_regular(self.path) as file:
                while data := file.read(PIECE):
                    yield data
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
            raise DataError(
                f"cannot read {self.path}: {getattr(error, 'strerror', None) or error}. Give the name of a data "
                f"set ({', '.join(DATASETS)}) or the path of a readable text file"
            ) from None


def prepare(
    data, folder: Path, shard_size: int | None, shards_val: int, report: Callable[[str], None] = lambda line: None
) -> dict:
    """Write the text that a DataConfig selects as shards, and return their description.

    Without a `shard_size`, a shard has USUAL_SHARD tokens, or fewer if the text is too short for that: then a tenth of
    it is for validation. A tokenizer that is learned takes a first pass over the text. The description is written last:
    a folder that is marked UNFINISHED is emptied and prepared again. It is locked meanwhile.

    Raises:
        PygptError: another process prepares in the folder.
        DataError: the text cannot be read, is too short for this number of shards, or the folder holds other files or
            cannot be written. Nothing that was written is left.
        ExperimentError: the tokenizer's files are missing or wrong.
    """
    if (shard_size is not None and shard_size < 1) or shards_val < 1:
        size = "" if shard_size is None else f"{shard_size:,} tokens and "
        raise DataError(
            f"shards need at least 1 token each, and at least 1 shard for validation; got {size}{shards_val:,} shards"
        )
    if shards_val >= MOST_SHARDS:
        raise DataError(f"{shards_val:,} shards for validation are too many: choose fewer than {MOST_SHARDS:,}")
    source = Source(data.source)
    most = source.most_tokens()
    if shard_size and most is not None and MUCH < most <= shard_size * shards_val:
        raise _too_short(f"at most {most:,} tokens", shard_size, shards_val, most)
    next(source.pieces(), None)  # what cannot be read is refused before the folder is touched
    for given in (source.path if source.text is None else "", os.path.expanduser(data.tokenizer_file)):
        if given and os.path.exists(given) and Path(os.path.abspath(given)).is_relative_to(os.path.abspath(folder)):
            raise DataError(f"{given} is in the folder {folder}, which must be empty: choose another with --out")
    created = not os.path.exists(folder)
    with _claim(folder):
        try:
            write_atomically(folder / UNFINISHED, b"")
            description = _write(data, source, folder, shard_size, shards_val, report)
            (folder / UNFINISHED).unlink()
            return description
        except BaseException as error:
            with contextlib.suppress(OSError):
                _clear(folder)
                (folder / LOCK_FILE).unlink()
                if created:
                    folder.rmdir()
            if isinstance(error, OSError):
                raise DataError(f"{error.filename or folder} cannot be written ({error.strerror})") from None
            raise


def _write(data, source, folder, shard_size, shards_val, report) -> dict:
    tokenizer = tokenizer_from_pieces(data, source.pieces())
    report(f"{source.name}: {tokenizer.vocab_size:,} tokens in the vocabulary")
    dtype = "uint16" if tokenizer.vocab_size <= 1 << 16 else "uint32"
    writer = _Writer(folder, dtype, shard_size, shards_val, report)
    sha256, characters = hashlib.sha256(), 0

    def read():
        nonlocal characters
        for piece in source.pieces():
            sha256.update(piece.encode("utf-8"))
            characters += len(piece)
            yield piece

    try:
        for ids in tokenizer.encode_parts(read()):
            writer.add(ids)
    except _TooManyShardsError:
        raise _too_many(sum(map(len, tokenizer.encode_parts(source.pieces()))), writer.shard_size) from None
    except TokenizerError as error:
        raise DataError(f"the text changed while it was being read: {error}") from None
    writer.finish()
    if len(writer.shards) <= shards_val:
        raise _too_short(f"{writer.tokens:,} tokens", writer.shard_size, shards_val, writer.tokens)
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
        "shard_size": writer.shard_size,
        "tokens": writer.tokens,
        "train": writer.shards[:-shards_val],
        "val": writer.shards[-shards_val:],
        "tokenizer": tokenizer.describe(),
    }
    if isinstance(tokenizer, BPETokenizer):
        write_atomically(folder / "tokenizer.json", tokenizer_json_bytes(tokenizer))
    write_atomically(folder / DESCRIPTION, json.dumps(description, ensure_ascii=False, indent=1).encode())
    return description


def _too_short(has, shard_size, shards_val, tokens) -> DataError:
    return DataError(
        f"the text has {has}, which make {-(-tokens // shard_size)} shards of {shard_size:,}; with {shards_val} for "
        f"validation, none is left for training: choose shards of at most {max(1, tokens // (shards_val + 1)):,}, or "
        "leave out their size"
    )


class _TooManyShardsError(Exception):
    """The tokens so far make more than MOST_SHARDS shards."""


def _too_many(tokens, shard_size) -> DataError:
    return DataError(
        f"the text has {tokens:,} tokens, which make {-(-tokens // shard_size):,} shards of {shard_size:,}, more than "
        f"{MOST_SHARDS:,}: choose shards of at least {-(-tokens // MOST_SHARDS):,}, or leave out their size"
    )


def _claim(folder) -> contextlib.ExitStack:
    """Create the folder, lock it until the result is closed, and empty it of an unfinished preparation."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_other_files(folder)
        held = lock_folder(folder, "choose another folder with --out")
    except OSError as error:
        raise DataError(f"cannot create the folder {folder} ({error.strerror}): choose another with --out") from None
    try:
        _refuse_other_files(folder)  # again, because another process may have finished in between
        _clear(folder)
    except BaseException:
        held.close()
        raise
    return held


def _refuse_other_files(folder):
    names = {path.name for path in folder.iterdir()} - {LOCK_FILE}
    others = names if UNFINISHED not in names else {name for name in names if not _OWN_FILES.fullmatch(name)}
    if others:
        raise DataError(
            f"the folder {folder} is not empty (it has {min(others)}): choose another with --out, or remove it"
        )


def _clear(folder):
    """Remove the files of an unfinished preparation, the mark last."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == UNFINISHED):
        if _OWN_FILES.fullmatch(path.name):
            path.unlink()


class _Writer:
    """Collects tokens and writes full shards. Without a shard size, a short text becomes ten for each of validation."""

    def __init__(self, folder, dtype, shard_size, shards_val, report):
        self.folder, self.dtype, self.shards_val, self.report = folder, dtype, shards_val, report
        self.shard_size, self.decided = shard_size or USUAL_SHARD, shard_size is not None
        self.shards, self.tokens, self.pending = [], 0, array(CODES[dtype])

    def add(self, ids):
        self.pending.extend(array(CODES[self.dtype], ids))
        self.decided = self.decided or len(self.pending) > self.shard_size * (self.shards_val + 1)
        if self.decided and self.tokens + len(self.pending) > self.shard_size * MOST_SHARDS:
            raise _TooManyShardsError
        while self.decided and len(self.pending) >= self.shard_size:
            self._write_one()

    def finish(self):
        if not self.decided:
            self.shard_size = max(1, -(-len(self.pending) // min(10 * self.shards_val, MOST_SHARDS)))
        while self.pending:
            self._write_one()

    def _write_one(self):
        self._write(self.pending[: self.shard_size])
        del self.pending[: self.shard_size]

    def _write(self, tokens):
        if array("I", [1]).tobytes()[0] != 1:  # shards are little-endian on every machine
            tokens.byteswap()
        data, name = tokens.tobytes(), _SHARD.format(len(self.shards))
        write_atomically(self.folder / name, data)
        self.shards.append({"file": name, "tokens": len(tokens), "sha256": hashlib.sha256(data).hexdigest()})
        self.tokens += len(tokens)
        self.report(f"{name}: {len(tokens):,} tokens, {self.tokens:,} in total")
