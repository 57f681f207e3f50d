"""Reads and writes `tokenizer.json`, the file of Hugging Face's `tokenizers`. Only byte-level BPE is supported.

Source: the serialization format of github.com/huggingface/tokenizers 0.23, whose library gives the same ids.
"""

import json
from typing import Any

from pygpt.errors import TokenizerError
from pygpt.tokenizers.bpe_vocabulary import Vocabulary, token_bytes, token_text
from pygpt.utils.encoding import decode_utf8

_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
_SUPPORTED = "pygpt reads only byte-level BPE, as in GPT-2"


def vocabulary_to_json(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the contents of a tokenizer.json."""
    names = {index: name for name, index in vocabulary.special.items()}
    vocab = {
        names[index] if index in names else token_text(token): index for index, token in enumerate(vocabulary.tokens)
    }
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
            for index, name in sorted(names.items())
        ],
        "normalizer": None,
        "pre_tokenizer": _BYTE_LEVEL,
        "post_processor": _BYTE_LEVEL,
        "decoder": _BYTE_LEVEL,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": [[token_text(left), token_text(right)] for left, right in vocabulary.merges],
        },
    }


def read_tokenizer_json(data: bytes) -> Vocabulary:
    """Parse a tokenizer.json.

    Raises:
        TokenizerError: it is not JSON, not a tokenizer.json, or not a byte-level BPE.
    """
    return vocabulary_from_json(parse_json(data, "a tokenizer.json"))


def parse_json(data: bytes, what: str) -> Any:
    """Parse a JSON file.

    Raises:
        TokenizerError: it is not JSON in UTF-8.
    """
    try:
        return json.loads(decode_utf8(what, data, TokenizerError))
    except (ValueError, RecursionError) as error:
        raise TokenizerError(
            f"{what} should be JSON, but this is not: {str(error) or 'it is nested too deeply'}"
        ) from None


def vocabulary_from_json(contents: Any) -> Vocabulary:
    """Make the vocabulary from the contents of a tokenizer.json.

    Raises:
        TokenizerError: something is missing or malformed, or the tokenizer is of another kind; the message says which.
    """
    model = _object(_object({"": contents}, ""), "model")
    kind = model.get("type", "BPE" if "merges" in model else None)
    if kind != "BPE":
        raise TokenizerError(f"this tokenizer.json is a {kind} model; {_SUPPORTED}")
    for part in ("normalizer", "truncation", "padding"):
        _require(contents.get(part) is None, f"it has a {part} ({_type(contents.get(part))})")
    _check_byte_level(contents.get("pre_tokenizer"), "pre-tokenizer", {"add_prefix_space": False, "use_regex": True})
    _check_byte_level(contents.get("decoder"), "decoder", {})
    if contents.get("post_processor") is not None:
        _check_byte_level(contents["post_processor"], "post-processor", {})
    for option in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"):
        _require(not model.get(option), f"its model has {option} {model.get(option)!r:.60}")
    vocab, merges = model.get("vocab"), model.get("merges")
    if not isinstance(merges, list):
        raise TokenizerError("the model of this tokenizer.json has no list of merges")
    return assemble(vocab, [_merge(merge) for merge in merges], _special(contents.get("added_tokens")))


def assemble(vocab: Any, merges: list[tuple[str, str]], special: dict[str, int]) -> Vocabulary:
    """Make a vocabulary from the tokens as files write them, with their ids, the merges, and the special tokens.

    Raises:
        TokenizerError: the ids do not count up from 0, each once, or the parts do not match.
    """
    if not isinstance(vocab, dict):
        raise TokenizerError("the vocabulary should be an object of tokens and their ids, but is not")
    ids = dict(vocab)
    for name, index in special.items():
        if ids.setdefault(name, index) != index:
            raise TokenizerError(
                f"the special token {name!r:.60} has the id {index!r:.20} in one place and {ids[name]!r:.20} in another"
            )
    by_id = {index: token for token, index in ids.items() if type(index) is int}
    if by_id.keys() != set(range(len(ids))):
        raise TokenizerError(
            f"the {len(ids)} tokens of the vocabulary should have the ids from 0 to {len(ids) - 1}, each "
            "once, but do not"
        )
    tokens = tuple(b"" if by_id[index] in special else token_bytes(by_id[index]) for index in range(len(ids)))
    return Vocabulary(tokens, tuple((token_bytes(left), token_bytes(right)) for left, right in merges), special)


def _merge(merge: Any) -> tuple[str, str]:
    """Return the two tokens of a merge: a list or, from older versions, a string with a space between them."""
    parts = merge.split(" ") if isinstance(merge, str) else merge
    if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, str) for part in parts):
        raise TokenizerError(f"a merge should be two tokens; one of these is {merge!r:.60}")
    return parts[0], parts[1]


def _special(added: Any) -> dict[str, int]:
    special = {}
    if not isinstance(added, list | None):
        raise TokenizerError("added_tokens should be a list, but is not")
    for token in added or []:
        if not (isinstance(token, dict) and isinstance(token.get("content"), str) and type(token.get("id")) is int):
            raise TokenizerError(f"an added token should have an id and a content; one of these is {token!r:.60}")
        # Other added tokens are matched in a text before everything else, which pygpt does not do.
        _require(token.get("special") is True, f"it has the added token {token['content']!r:.60}, which is not special")
        special[token["content"]] = token["id"]
    return special


def _object(contents: dict, name: str) -> dict:
    if not isinstance(contents.get(name), dict):
        raise TokenizerError(
            f"a tokenizer.json should be a JSON object{f' with an object {name!r}' if name else ''}; this one is not"
        )
    return contents[name]


def _check_byte_level(part: Any, what: str, expected: dict[str, bool]) -> None:
    _require(_type(part) == "ByteLevel", f"its {what} is {_type(part)}")
    for option, value in expected.items():
        actual = part.get(option, True)  # the library's default for a missing option
        _require(actual is value, f"its {what} has {option} {str(actual).lower():.60}")


def _type(part: Any) -> str:
    """Return the type of a part; for a sequence, with the types of its members."""
    if isinstance(part, dict) and part.get("type") == "Sequence":
        members = next((value for value in part.values() if isinstance(value, list)), [])
        return f"a sequence of {', '.join(map(_type, members))}"[:200]
    return (
        f"{part.get('type'):.60}" if isinstance(part, dict) and isinstance(part.get("type"), str) else f"{part!r:.60}"
    )


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise TokenizerError(f"this tokenizer.json cannot be used here: {problem}; {_SUPPORTED}")
