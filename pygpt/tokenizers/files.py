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
        return BPETokenizer(read_gpt2(_read(path / VOCAB_FILE), _read(path / MERGES_FILE)))
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


def _read(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise TokenizerError(
            f"the tokenizer {path} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None
