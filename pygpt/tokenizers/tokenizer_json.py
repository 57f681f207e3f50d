"""Reads and writes `tokenizer.json`, the file of Hugging Face's `tokenizers`. Only BPE is supported.

Source: the serialization format of github.com/huggingface/tokenizers 0.23, whose library gives the same ids.
"""

import json
from collections.abc import Iterable
from typing import Any

from pygpt.errors import TokenizerError
from pygpt.tokenizers.bpe_vocabulary import GPT2_PIPELINE, Pipeline, Vocabulary, token_bytes, token_text
from pygpt.utils.encoding import decode_utf8

_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
_OPTIONS = {
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": False,
    "byte_fallback": False,
    "ignore_merges": False,
}


def vocabulary_to_json(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the contents of a tokenizer.json."""
    parts = vocabulary.pipeline.parts or _gpt2_parts(vocabulary)
    write = bytes.decode if vocabulary.pipeline.byte_fallback else token_text
    texts = {token: write(token) for token in vocabulary.tokens if token}
    listed = set(parts["listed"])
    names = {index: name for name, index in (vocabulary.special | vocabulary.added).items() if name in listed}
    vocab = {
        texts[token] if token else names[index]: index
        for index, token in enumerate(vocabulary.tokens)
        if token or index in names
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": parts["added_tokens"],
        "normalizer": parts["normalizer"],
        "pre_tokenizer": parts["pre_tokenizer"],
        "post_processor": parts["post_processor"],
        "decoder": parts["decoder"],
        "model": {
            "type": "BPE",
            **parts["model"],
            "vocab": vocab,
            "merges": [[texts[left], texts[right]] for left, right in vocabulary.merges],
        },
    }


def _gpt2_parts(vocabulary):
    """What a file says about GPT-2's pipeline."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    names = sorted((index, name) for name, index in vocabulary.special.items())
    return {
        "added_tokens": [{"id": index, "content": name, **flags} for index, name in names],
        "listed": list(vocabulary.special),
        "normalizer": None,
        "pre_tokenizer": _BYTE_LEVEL,
        "post_processor": _BYTE_LEVEL,
        "decoder": _BYTE_LEVEL,
        "model": _OPTIONS,
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
    from pygpt.tokenizers.pipeline import SUPPORTED, read_added_tokens, read_pipeline  # rarely needed in a tab

    model = _object(_object({"": contents}, ""), "model")
    kind = model.get("type", "BPE" if "merges" in model else None)
    if kind != "BPE":
        raise TokenizerError(f"this tokenizer.json is a {kind} model; {SUPPORTED}")
    special, added = read_added_tokens(contents)
    vocab, merges = model.get("vocab"), model.get("merges")
    if not isinstance(vocab, dict):
        raise TokenizerError("the vocabulary should be an object of tokens and their ids, but is not")
    if not isinstance(merges, list):
        raise TokenizerError("the model of this tokenizer.json has no list of merges")
    return assemble(vocab, map(_merge, merges), special, added, read_pipeline(contents, model, vocab))


def assemble(
    vocab: Any,
    merges: Iterable[tuple[str, str]],
    special: dict[str, int],
    added: dict[str, int] | None = None,
    pipeline: Pipeline = GPT2_PIPELINE,
) -> Vocabulary:
    """Make a vocabulary from the tokens as files write them, with their ids, the merges, and the added tokens.

    Raises:
        TokenizerError: two tokens have the same id, an id is far beyond the others, or the parts do not match.
    """
    if not isinstance(vocab, dict):
        raise TokenizerError("the vocabulary should be an object of tokens and their ids, but is not")
    added = added or {}
    ids = dict(vocab)
    for name, index in (special | added).items():
        if ids.setdefault(name, index) != index:
            raise TokenizerError(
                f"the added token {name!r:.60} has the id {index!r:.20} in one place and {ids[name]!r:.20} in another"
            )
    by_id = {index: token for token, index in ids.items() if type(index) is int and 0 <= index < 2 * len(ids)}
    if len(by_id) != len(ids):
        raise TokenizerError(
            f"the {len(ids)} tokens of the vocabulary should have ids from 0, with few gaps, each once, but do not"
        )
    read = _utf8 if pipeline.byte_fallback else token_bytes
    # Only the vocabulary's own tokens are written as bytes; an added token can be any text.
    texts = {token: read(token) for token in vocab if token not in special}
    tokens = tuple(texts.get(by_id.get(index, ""), b"") for index in range(max(by_id, default=-1) + 1))
    pairs = tuple((texts.get(left) or read(left), texts.get(right) or read(right)) for left, right in merges)
    if beyond := [token for token in pipeline.template if token >= len(tokens)]:
        raise TokenizerError(f"the template of this tokenizer.json adds the id {beyond[0]}, which no token has")
    return Vocabulary(tokens, pairs, special, added, pipeline)


def _utf8(text):
    try:
        token = text.encode()
    except UnicodeEncodeError:
        raise TokenizerError(f"the token {text!r:.60} has an unpaired surrogate, which no text has") from None
    if not token:
        raise TokenizerError("a token must have at least one byte; this vocabulary has an empty one")
    return token


def _merge(merge: Any) -> tuple[str, str]:
    """Return the two tokens of a merge: a list or, from older versions, a string with a space between them."""
    parts = merge.split(" ") if isinstance(merge, str) else merge
    if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, str) for part in parts):
        raise TokenizerError(f"a merge should be two tokens; one of these is {merge!r:.60}")
    return parts[0], parts[1]


def _object(contents: dict, name: str) -> dict:
    if not isinstance(contents.get(name), dict):
        raise TokenizerError(
            f"a tokenizer.json should be a JSON object{f' with an object {name!r}' if name else ''}; this one is not"
        )
    return contents[name]
