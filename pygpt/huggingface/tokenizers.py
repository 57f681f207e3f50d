"""The tokenizer.json of a folder: one for every kind of tokenizer that a run can have, and back.

Characters are a WordLevel model whose words are single characters; bytes are a byte-level BPE without merges.
"""

import json
import os
from pathlib import Path
from typing import Any

from pygpt.errors import TokenizerError
from pygpt.tokenizers import (
    BPETokenizer,
    ByteTokenizer,
    CharTokenizer,
    Tokenizer,
    read_tokenizer,
    train_tokenizer,
)
from pygpt.tokenizers.bpe_vocabulary import END_OF_TEXT, Vocabulary
from pygpt.tokenizers.files import CONFIG_FILE, TOKENIZER_FILE
from pygpt.tokenizers.pipeline import template_of, with_template
from pygpt.utils.encoding import decode_utf8

EVERY_CHARACTER = {"type": "Split", "pattern": {"Regex": r"[\s\S]"}, "behavior": "Isolated", "invert": False}


def tokenizer_files(tokenizer: Tokenizer, block_size: int, template: tuple[int, ...] | None = None) -> dict[str, bytes]:
    """tokenizer.json and tokenizer_config.json, with which `transformers` gives the same ids, after those of `template`
    (None: the tokenizer's own).

    Raises: TokenizerError for a vocabulary that JSON cannot hold.
    """
    names = {index: name for name, index in _special(tokenizer).items()}
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": block_size,
        "bos_token": None if tokenizer.bos is None else names.get(tokenizer.bos),
        "eos_token": next((names[end] for end in tokenizer.ends if end in names), None),
        "clean_up_tokenization_spaces": False,
    }
    template = tokenizer.template if template is None else template
    return {TOKENIZER_FILE: _tokenizer_json(tokenizer, template), CONFIG_FILE: json.dumps(config, indent=2).encode()}


def normalizer_of(tokenizer: Tokenizer) -> str:
    """The type of the normalizer of the tokenizer.json, such as "NFC"; "" if it has none."""
    normalizer = tokenizer.to_dict()["tokenizer"].get("normalizer") if isinstance(tokenizer, BPETokenizer) else None
    return normalizer["type"] if normalizer else ""


def tokenizer_for(folder: Path, choice: str | None, vocab_size: int) -> Tokenizer:
    """The tokenizer of a model of `vocab_size` tokens: "byte", "gpt2", that of a file or folder, or the folder's own.

    Raises: TokenizerError if it is missing or cannot be used.
    """
    if choice == "byte":
        return ByteTokenizer(documents=vocab_size > 256)
    if choice == "gpt2":
        return train_tokenizer("gpt2", "", documents=False)
    path = Path(os.path.expanduser(choice or folder))
    try:
        return _characters(path) or _as_bytes(read_tokenizer(path))
    except TokenizerError as error:
        other = "" if choice else "; `--tokenizer` takes the folder of another one, gpt2, or byte"
        raise TokenizerError(f"{error}{other}") from None


def _special(tokenizer: Tokenizer) -> dict[str, int]:
    """The special tokens by name."""
    if isinstance(tokenizer, BPETokenizer):
        return tokenizer.vocabulary.special
    has_delimiter = isinstance(tokenizer, CharTokenizer | ByteTokenizer) and tokenizer.documents
    return {END_OF_TEXT: tokenizer.vocab_size - 1} if has_delimiter else {}


def _tokenizer_json(tokenizer: Tokenizer, template: tuple[int, ...]) -> bytes:
    try:
        return json.dumps(with_template(_contents(tokenizer), template), ensure_ascii=False, indent=1).encode()
    except UnicodeEncodeError:
        raise TokenizerError(
            "the vocabulary has half of a surrogate pair, which a tokenizer.json cannot hold; train without it"
        ) from None


def _contents(tokenizer: Tokenizer) -> dict[str, Any]:
    """The contents of the tokenizer.json, in which bytes and characters put nothing before a text."""
    special = _special(tokenizer)
    if isinstance(tokenizer, BPETokenizer):
        return tokenizer.to_dict()["tokenizer"]
    if isinstance(tokenizer, ByteTokenizer):
        tokens = (*(bytes([byte]) for byte in range(256)), *(b"" for _ in special))
        return _contents(BPETokenizer(Vocabulary(tokens, (), special)))
    assert isinstance(tokenizer, CharTokenizer)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": index,
                "content": name,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for name, index in special.items()
        ],
        "normalizer": None,
        "pre_tokenizer": EVERY_CHARACTER,
        "post_processor": None,
        "decoder": {"type": "Fuse"},
        # The token for unknown characters is not in the vocabulary: they are errors there, as they are here.
        "model": {
            "type": "WordLevel",
            "vocab": {character: index for index, character in enumerate(tokenizer.characters)} | special,
            "unk_token": "",
        },
    }


def _characters(path: Path) -> CharTokenizer | None:
    """The character tokenizer in a tokenizer.json as `tokenizer_files` writes it; None for any other file."""
    path = path / TOKENIZER_FILE if path.is_dir() else path
    if not path.is_file():
        return None
    try:
        contents = json.loads(decode_utf8(path.name, path.read_bytes(), TokenizerError))
        model = contents["model"]
        if model["type"] != "WordLevel" or contents["pre_tokenizer"] != EVERY_CHARACTER:
            return None
        ids = model["vocab"]
        special = {token["content"]: token["id"] for token in contents["added_tokens"]}
        characters = "".join(sorted((name for name in ids if name not in special), key=ids.__getitem__))
        tokenizer = CharTokenizer(characters, documents=bool(special))
        same = ids == {character: index for index, character in enumerate(characters)} | _special(tokenizer)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None  # read_tokenizer says what is wrong with it
    if not same:
        raise TokenizerError(f"{path} numbers characters in another order than pygpt, which sorts them")
    return tokenizer.with_template(template_of(contents))


def _as_bytes(tokenizer: BPETokenizer) -> Tokenizer:
    """The byte tokenizer, if it has the same tokens."""
    for documents in (False, True):
        plain = ByteTokenizer(documents)
        if plain.vocab_size == tokenizer.vocab_size:
            plain = plain.with_template(tokenizer.template)
            if with_template(_contents(plain), plain.template) == _contents(tokenizer):
                return plain
    return tokenizer
