"""The weights of a `transformers` folder: which files hold them, and the arrays in them.

The files are memory-mapped; an array is read when it is needed.
"""

import dataclasses
import hashlib
import mmap
import re
from pathlib import Path

from pygpt.errors import CheckpointError
from pygpt.huggingface.config_file import read_table
from pygpt.runs.safetensors import Entry, read_safetensors
from pygpt.tensor.kernel import np

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD = re.compile(r"model-(\d{1,9})-of-(\d{1,9})\.safetensors")
# Buffers that old versions saved with the weights.
NO_WEIGHTS = (".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq")
TYPES = {"F64": "float64", "F32": "float32", "F16": "float16"}


@dataclasses.dataclass(frozen=True)
class FolderWeights:
    """The arrays of a folder by name, without the prefix, and the SHA-256 of the files that hold them.

    `unlisted` are the names that a file has although the index does not say so. `transformers` reads them all the same.
    """

    arrays: dict[str, Entry]
    sha256: str
    unlisted: frozenset[str] = frozenset()


def read_weights(folder: Path, prefix: str) -> FolderWeights:
    """Map the files of a folder; an array's name can have the prefix or not.

    Raises: CheckpointError for a missing or damaged file, and for arrays that contradict each other.
    """
    arrays: dict[str, Entry] = {}
    names: dict[str, str] = {}
    unlisted = set()
    digest = hashlib.sha256()
    for path, listed in _files(folder).items():
        data = _mapped(path)
        digest.update(data)
        try:
            entries = read_safetensors(data)[0]
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from None
        if missing := sorted((listed or set()) - entries.keys()):
            raise CheckpointError(f"{path.name} has no array {missing[0]}, which {INDEX} says it has")
        for name, entry in entries.items():
            if name.endswith(NO_WEIGHTS):
                continue
            short = name.removeprefix(prefix)
            if listed is not None and name not in listed:
                unlisted.add(short)
            if short in arrays and not _equal(arrays[short], entry):
                raise CheckpointError(
                    f"the folder has two arrays for {short} with different values: {names[short]} and {name} of "
                    f"{path.name}; remove the one that does not belong to the model"
                )
            arrays[short], names[short] = entry, f"{name} of {path.name}"
    _refuse_another_whole(folder, arrays, prefix)
    return FolderWeights(arrays, digest.hexdigest(), frozenset(unlisted))


def values_of(entry):
    """The values of an array; a bfloat16 is the upper half of a float32."""
    if entry.dtype == "BF16":
        return (np.frombuffer(entry.data, "uint16").astype("uint32") << 16).view("float32").reshape(entry.shape)
    return np.frombuffer(entry.data, TYPES[entry.dtype]).reshape(entry.shape)


def beyond_float32(values) -> bool:
    """Whether finite numbers would be infinite as float32, in which they are imported."""
    return values.dtype == np.float64 and bool((np.abs(values) > np.finfo("float32").max).any())


def _equal(a, b):
    alike = a.dtype == b.dtype and a.shape == b.shape
    return alike and np.array_equal(np.frombuffer(a.data, "uint8"), np.frombuffer(b.data, "uint8"))


def _refuse_another_whole(folder, arrays, prefix):
    """Raise CheckpointError if an index leads to these arrays and model.safetensors, which `transformers` puts first,
    has others."""
    path = folder / WHOLE
    if not ((folder / INDEX).exists() and path.exists()):
        return
    try:
        entries = read_safetensors(_mapped(path))[0]
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    whole = {name.removeprefix(prefix): entry for name, entry in entries.items() if not name.endswith(NO_WEIGHTS)}
    different = arrays.keys() ^ whole.keys()
    different |= {name for name in arrays.keys() & whole.keys() if not _equal(arrays[name], whole[name])}
    if different:
        raise CheckpointError(
            f"the folder has two models: {WHOLE}, and the files of {INDEX}, which differ in {min(different)}; remove "
            f"what does not belong to the model"
        )


def _files(folder: Path) -> dict[Path, set[str] | None]:
    """The files that hold the weights, each with the names of its arrays, or None for all of them.

    An index decides, whatever else is in the folder; without one, model.safetensors, or the shards of one model.
    """
    if (folder / INDEX).exists():
        return _indexed(folder)
    if (folder / WHOLE).exists():
        return {folder / WHOLE: None}
    matches = {path: SHARD.fullmatch(path.name) for path in sorted(folder.glob("model-*-of-*.safetensors"))}
    shards = {path: (int(match[1]), int(match[2])) for path, match in matches.items() if match}
    if not shards:
        raise CheckpointError(f"{folder} has no {WHOLE}; pygpt reads no other format of weights")
    counts = {count for _, count in shards.values()}
    if len(counts) > 1:
        raise CheckpointError(
            f"{folder} has shards of different models (of {' and of '.join(map(str, sorted(counts)))}) and no "
            f"{INDEX} that says which belong together; keep those of one model"
        )
    (count,), numbers = counts, {number for number, _ in shards.values()}
    missing = next((number for number in range(1, count + 1) if number not in numbers), None)
    if missing is not None:
        raise CheckpointError(
            f"the file model-{missing:05}-of-{count:05}.safetensors is missing from {folder}: {len(shards)} of the "
            f"{count} shards are there"
        )
    return dict.fromkeys(shards, None)


def _indexed(folder: Path) -> dict[Path, set[str] | None]:
    places = read_table(folder / INDEX).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise CheckpointError(f"{INDEX} has no weight_map, a table of the arrays and the files that hold them")
    files: dict[str, set[str]] = {}
    for array, name in places.items():
        files.setdefault(name, set()).add(array)
    for name in files:
        if Path(name).name != name or "\\" in name or "\0" in name:
            raise CheckpointError(f"{INDEX} places arrays in {name!r:.60}, which is not a file of the folder")
        if not (folder / name).exists():
            raise CheckpointError(f"the file {name} is missing from {folder}; {INDEX} places arrays in it")
    return {folder / name: files[name] for name in sorted(files)}


def _mapped(path: Path) -> memoryview:
    try:
        if not path.is_file():  # a pipe or a device could be read without end
            raise CheckpointError(f"{path} cannot be read: it is not a file")
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:  # ValueError: an empty file
        raise CheckpointError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
