"""Tokenizer files: `tokenizer.json`, GPT-2's `vocab.json` and `merges.txt`, or tiktoken's ranks."""

import json
import os
from pathlib import Path

from pygpt.errors import TokenizerError
from pygpt.tokenizers.bpe import BPETokenizer
from pygpt.tokenizers.bpe_vocabulary import END_OF_TEXT, Vocabulary
from pygpt.tokenizers.tokenizer_json import assemble, parse_json, read_tokenizer_json
from pygpt.utils.encoding import decode_utf8
from pygpt.utils.files import open_regular

TOKENIZER_FILE, VOCAB_FILE, MERGES_FILE = "tokenizer.json", "vocab.json", "merges.txt"
CONFIG_FILE = "tokenizer_config.json"


def read_tokenizer(path: Path) -> BPETokenizer:
    """Read a tokenizer.json or a .tiktoken file, or a folder that has a tokenizer.json, or vocab.json and merges.txt.

    Raises:
        TokenizerError: the files are missing, cannot be read, or are of a kind that pygpt does not read.
    """
    path = Path(os.path.expanduser(path))
    if not os.path.isdir(path):
        if path.suffix == ".tiktoken":
            from pygpt.tokenizers.tiktoken_file import read_tiktoken  # never needed in a tab

            return BPETokenizer(read_tiktoken(_read(path), path.name))
        return BPETokenizer(read_tokenizer_json(_read(path)))
    if (path / TOKENIZER_FILE).is_file():
        return BPETokenizer(read_tokenizer_json(_read(path / TOKENIZER_FILE)))
    if (path / VOCAB_FILE).is_file() and (path / MERGES_FILE).is_file():
        vocabulary = read_gpt2(_read(path / VOCAB_FILE), _read(path / MERGES_FILE))
        _check_beside(path, vocabulary)
        return BPETokenizer(vocabulary)
    raise TokenizerError(
        f"the folder {path} has no tokenizer: expected {TOKENIZER_FILE}, or {VOCAB_FILE} and {MERGES_FILE}"
    )


def read_gpt2(vocab: bytes, merges: bytes) -> Vocabulary:
    """Parse the contents of vocab.json and merges.txt.

    Raises:
        TokenizerError: they are malformed or do not match.
    """
    lines = decode_utf8(MERGES_FILE, merges, TokenizerError).split("\n")
    if lines[0].startswith("#version"):
        del lines[0]
    pairs = []
    for line in filter(None, (line.rstrip("\r") for line in lines)):
        left, space, right = line.partition(" ")
        if not space or " " in right:
            raise TokenizerError(
                f"a line of {MERGES_FILE} should be two tokens separated by a space; this one is {line!r:.60}"
            )
        pairs.append((left, right))
    tokens = parse_json(vocab, VOCAB_FILE)
    has_delimiter = isinstance(tokens, dict) and END_OF_TEXT in tokens
    return assemble(tokens, pairs, {END_OF_TEXT: tokens[END_OF_TEXT]} if has_delimiter else {})


def tokenizer_json_bytes(tokenizer: BPETokenizer) -> bytes:
    """Return the contents of a tokenizer.json, which Hugging Face's `tokenizers` can read too."""
    return json.dumps(tokenizer.to_dict()["tokenizer"], ensure_ascii=False, indent=1).encode()


def _check_beside(folder: Path, vocabulary: Vocabulary) -> None:
    """Check that nothing beside vocab.json and merges.txt says that they are not used as GPT-2's are.

    Raises:
        TokenizerError: another model has them, or tokens are added, or a space.
    """
    model, config, added = (_table(folder / name) for name in ("config.json", CONFIG_FILE, "added_tokens.json"))
    listed = config.get("added_tokens_decoder")
    for index, token in (listed if isinstance(listed, dict) else {}).items():
        name = token.get("content") if isinstance(token, dict) else None
        added |= {str(name): int(index) if index.isdecimal() else index}
    new = next((name for name, index in added.items() if vocabulary.special.get(name) != index), None)
    values = (
        ("config.json", "model_type", model.get("model_type", "gpt2"), ("gpt2",)),
        (CONFIG_FILE, "tokenizer_class", config.get("tokenizer_class"), (None, "GPT2Tokenizer", "GPT2TokenizerFast")),
        (CONFIG_FILE, "add_prefix_space", config.get("add_prefix_space"), (None, False)),
        ("a file beside them", "the added token", new, (None,)),
    )
    for file, name, value, known in values:
        if value not in known:
            raise TokenizerError(
                f"the folder {folder} has {VOCAB_FILE} and {MERGES_FILE}, which pygpt reads as GPT-2's, but {file} has "
                f"{name} {value!r:.60}; pygpt needs the folder's {TOKENIZER_FILE}, which "
                f"transformers.AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER) writes"
            )


def _table(path: Path) -> dict:
    """The object in a JSON file; it is empty if there is no such file."""
    contents = parse_json(_read(path), path.name) if path.exists() else {}
    if not isinstance(contents, dict):
        raise TokenizerError(f"{path} should be a JSON object, but is not")
    return contents


def _read(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise TokenizerError(
            f"the tokenizer {path} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None
