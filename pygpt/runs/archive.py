"""Zip archives of files, and the runs in an archive that somebody else made."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import IO

from pygpt.errors import CheckpointError
from pygpt.runs.layout import CHECKPOINTS_FOLDER, MODEL_FILE, RUN_FILES, checkpoint_step
from pygpt.utils.units import format_bytes

RUN_ENDING = ".safetensors"
LONGEST_TOTAL = 4 << 30  # bytes of all files that are unpacked
MOST_ENTRIES = 10_000
MOST_SHRUNK = 200  # times: text of a log shrinks to a twentieth, a bomb to a thousandth
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, LookupError, OSError)


def zip_to(file: IO[bytes], files: Mapping[str, bytes | Iterable[bytes]]) -> None:
    """Write an archive of files: bytes or pieces of them, by name. Weights, which do not shrink, are stored as is."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(RUN_ENDING) else zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=not isinstance(content, bytes)) as written:
                written.writelines([content] if isinstance(content, bytes) else content)


def zip_bytes(files: Mapping[str, bytes | Iterable[bytes]]) -> bytes:
    """As `zip_to`, in memory."""
    buffer = io.BytesIO()
    zip_to(buffer, files)
    return buffer.getvalue()


def runs_in(name: str, data: bytes) -> dict[str, dict[str, bytes]]:
    """The runs in an archive, by the name of their folder or file, each as its files by name.

    A run is a folder with a model.safetensors, or any other .safetensors file. Nothing is written to a disk.
    Raises: CheckpointError if there is none, it is damaged, has a path that leads out of it, or unpacks to too much.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _runs_in(name, archive)
    except _DAMAGED as error:
        raise CheckpointError(f"{name} is not a zip archive, or it is damaged ({error})") from None


def _runs_in(name: str, archive: zipfile.ZipFile) -> dict[str, dict[str, bytes]]:
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise CheckpointError(f"{name} has {len(entries):,} files; at most {MOST_ENTRIES:,} are unpacked")
    places: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or re.match("[A-Za-z]:", entry.filename):
            raise CheckpointError(f"{name} has a file outside of itself, {entry.filename[:80]!r}; nothing was unpacked")
        if not entry.is_dir() and path.parts[0] != "__MACOSX" and not path.name.startswith("._"):
            places[str(path)] = entry
    wanted: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for place, entry in places.items():
        path = PurePosixPath(place)
        if path.name == MODEL_FILE:
            folder = path.parent.name or PurePosixPath(name).stem
            files = {file: places[found] for file in RUN_FILES if (found := str(path.parent / file)) in places}
            files |= {
                str(other.relative_to(path.parent)): places[str(other)]
                for other in map(PurePosixPath, places)
                if other.parent == path.parent / CHECKPOINTS_FOLDER and checkpoint_step(other.name) is not None
            }
            wanted[_free(folder, wanted)] = files
        elif path.suffix == RUN_ENDING and not _belongs(path, places):
            wanted[_free(path.stem, wanted)] = {MODEL_FILE: entry}
    if not wanted:
        raise CheckpointError(f"{name} has no run: neither a folder with a {MODEL_FILE} nor another {RUN_ENDING} file")
    _check_size(name, [entry for files in wanted.values() for entry in files.values()])
    return {folder: {file: archive.read(entry) for file, entry in files.items()} for folder, files in wanted.items()}


def _belongs(path: PurePosixPath, places: dict[str, zipfile.ZipInfo]) -> bool:
    """Whether a file is beside a run's model.safetensors, or among its checkpoints."""
    folder = path.parent.parent if path.parent.name == CHECKPOINTS_FOLDER else path.parent
    return str(folder / MODEL_FILE) in places


def _free(folder: str, taken: dict) -> str:
    number, free = 1, folder
    while free in taken:
        number += 1
        free = f"{folder}-{number}"
    return free


def _check_size(name: str, entries: list[zipfile.ZipInfo]) -> None:
    """Refuse a bomb. `ZipFile.read` returns no more than the size that an entry declares."""
    total = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if total > LONGEST_TOTAL or total > MOST_SHRUNK * packed + (1 << 20):
        raise CheckpointError(
            f"{name} would unpack from {format_bytes(packed)} to {format_bytes(total)}, which no archive of runs does; "
            "nothing was unpacked"
        )
