"""The tokens that begin and end a text: config.json and generation_config.json say which, and nothing is guessed. And
the sampling settings of the latter: pygpt does not sample with them, and an export writes them back."""

from pathlib import Path

from pygpt.errors import CheckpointError
from pygpt.huggingface.config_file import read_table
from pygpt.runs.checkpoint import Checkpoint
from pygpt.runs.provenance import prompt_template
from pygpt.tokenizers import Tokenizer

BOS, EOS = "bos_token_id", "eos_token_id"
NAMES = (BOS, EOS, "pad_token_id")
FILES = ("config.json", "generation_config.json")
SAMPLING = ("do_sample", "temperature", "top_k", "top_p", "min_p", "repetition_penalty")


def read_token_ids(folder: Path, config: dict) -> dict[str, dict]:
    """The ids that each of the two files gives, as it gives them: a number, a list of numbers, or None.

    Raises: CheckpointError for anything else.
    """
    second = folder / FILES[1]
    tables = {FILES[0]: config, **({FILES[1]: read_table(second)} if second.exists() else {})}
    ids = {file: {name: table[name] for name in NAMES if name in table} for file, table in tables.items()}
    for file, given in ids.items():
        for name, value in given.items():
            if not (_is_id(value) or (name == EOS and isinstance(value, list) and value and all(map(_is_id, value)))):
                kinds = "a number, a list of numbers or null" if name == EOS else "a number or null"
                raise CheckpointError(f"{file}: {name} is {value!r:.60}, expected {kinds}")
    return ids


def read_sampling(folder: Path) -> dict[str, bool | float | None]:
    """The sampling settings of generation_config.json, as it gives them, without what is no number or boolean.

    Raises: CheckpointError if the file cannot be read.
    """
    file = folder / FILES[1]
    return _sampling(read_table(file)) if file.exists() else {}


def _sampling(table: dict) -> dict[str, bool | float | None]:
    plain = lambda value: value is None or (isinstance(value, bool | int | float) and abs(value) < 1e18)
    return {name: table[name] for name in SAMPLING if name in table and plain(table[name])}


def delimited(tokenizer: Tokenizer, ids: dict[str, dict], defaults: dict[str, int | None]) -> Tokenizer:
    """The tokenizer of a model with these ids. generation_config.json comes first: `transformers` generates with it.
    `defaults` are those of the architecture. An id that no token has does nothing, as in `transformers`."""
    given = {**defaults, **ids[FILES[0]], **ids.get(FILES[1], {})}
    bos, eos = given[BOS], given[EOS]
    ends = [token for token in (eos if isinstance(eos, list) else [eos]) if _names(token, tokenizer)]
    bos = bos if _names(bos, tokenizer) else None
    if (bos, tuple(ends)) == (tokenizer.bos, tokenizer.ends):
        return tokenizer
    return tokenizer.with_delimiters(bos, ends)


def token_ids_of(checkpoint: Checkpoint) -> dict[str, dict]:
    """The ids to write to the two files: what was there if the model or its ancestor was imported, with the sampling
    settings that were there too, else the tokenizer's. A model that was trained on documents also ends a text with the
    token between them."""
    origin, tokenizer = checkpoint.provenance, checkpoint.tokenizer
    ends, more = list(tokenizer.ends), {}
    saw_documents = prompt_template(origin, checkpoint.experiment.data.layout, tokenizer) is None
    if saw_documents and tokenizer.delimiter not in (*ends, None):
        more = {EOS: [*ends, tokenizer.delimiter] if ends else tokenizer.delimiter}
    while origin:
        imported = _table(origin, "imported")
        if given := _table(imported, "token_ids"):
            tables = {FILES[0]: {}} | {file: _table(given, file) for file in FILES if file in given}
            contents = {
                file: {name: table[name] for name in NAMES if name in table} | more for file, table in tables.items()
            }
            if FILES[1] in contents:
                contents[FILES[1]] |= _sampling(_table(imported, "sampling"))
            return contents
        origin = _table(origin, "init_from")
    ids = {BOS: tokenizer.bos, EOS: ends if len(ends) > 1 else next(iter(ends), None)} | more
    return dict.fromkeys(FILES, ids)


def _is_id(value) -> bool:
    return value is None or (type(value) is int and abs(value) < 2**31)


def _table(contents: dict, name: str) -> dict:
    value = contents.get(name)
    return value if isinstance(value, dict) else {}


def _names(token, tokenizer: Tokenizer) -> bool:
    return token is not None and 0 <= token < tokenizer.vocab_size
