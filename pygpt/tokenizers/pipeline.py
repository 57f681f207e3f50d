"""Reads the parts of a `tokenizer.json` around its vocabulary: normalizer, pre-tokenizer, decoder, added tokens.

Two kinds are read: byte-level BPE (GPT-2, GPT-4, Llama 3, Qwen, SmolLM), and BPE over characters with byte fallback, as
SentencePiece makes it (Llama 2). Any other part is refused by its name. Truncation and padding are settings of a call,
and a post-processor adds special tokens to the ids of a text: neither changes how a text is encoded here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pygpt.errors import TokenizerError
from pygpt.tokenizers.bpe_vocabulary import GPT2_PIPELINE, Pipeline
from pygpt.tokenizers.metaspace import SPACE, Metaspace
from pygpt.tokenizers.patterns import compile_pattern
from pygpt.tokenizers.pretokens import GPT2, GPT2_PATTERN, Pretokenizer

SUPPORTED = "pygpt reads byte-level BPE, as in GPT-2, and BPE with byte fallback, as in Llama 2"

_PARTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
_FLAGS = ("single_word", "lstrip", "rstrip", "normalized")
_SPACES = {"String": " "}


def read_pipeline(contents: dict[str, Any], model: dict[str, Any], vocab: Iterable[str]) -> Pipeline:
    """Return the pipeline of a tokenizer.json with a BPE model.

    Raises:
        TokenizerError: a part is of a kind that pygpt does not read.
    """
    for option in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        require(not model.get(option), f"its model has {option} {model.get(option)!r:.60}")
    for option in ("byte_fallback", "ignore_merges"):
        require(model.get(option) in (None, False, True), f"its model has {option} {model.get(option)!r:.60}")
    parts = {name: contents.get(name) for name in (*_PARTS, "added_tokens")}
    parts["model"] = {name: value for name, value in model.items() if name not in ("type", "vocab", "merges")}
    try:
        json.dumps(parts, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        surrogate = error.object[error.start]
        raise TokenizerError(
            f"this tokenizer.json has an unpaired surrogate, {surrogate!r}, which no text has"
        ) from None
    parts["listed"] = sorted({token["content"] for token in contents.get("added_tokens") or []} & set(vocab))
    ignore_merges, template = bool(model.get("ignore_merges")), template_of(contents)
    if model.get("byte_fallback"):
        splitter, strips = _metaspace(contents, vocab)
        return Pipeline(splitter, parts, True, ignore_merges, SPACE, strips, template)
    splitter = _byte_level(contents)
    # What changes no ids here is kept for an export all the same.
    more = any(processor.get("special_tokens") for processor in _processors(contents))
    more |= any(
        token.get("special") is not True or any(map(token.get, _FLAGS[:-1]))
        for token in contents.get("added_tokens") or []
    )
    if splitter is GPT2 and not ignore_merges and not more:
        return GPT2_PIPELINE
    return Pipeline(splitter, parts, ignore_merges=ignore_merges, template=template)


def template_of(contents: dict[str, Any]) -> tuple[int, ...]:
    """Return the ids that the post-processor of a tokenizer.json puts before a text.

    Raises:
        TokenizerError: it is malformed, or of a kind that pygpt does not read.
    """
    ids: list[int] = []
    adds = False
    for processor in _processors(contents):
        if _type(processor) == "TemplateProcessing":
            # The library applies the template for pairs to a text with tokens around it.
            require(not adds, "its post-processor has a template after one that adds tokens")
            ids = _template(processor)
            adds = len(processor["single"]) > 1
    return tuple(ids)


def with_template(contents: dict[str, Any], template: tuple[int, ...]) -> dict[str, Any]:
    """Return the contents of a tokenizer.json whose post-processor puts these ids before a text, and nothing after it;
    as they are if it puts these there already."""
    if template_of(contents) == template:
        return contents
    processors = [processor for processor in _processors(contents) if _type(processor) != "TemplateProcessing"]
    if template:
        names = {index: name for name, index in contents["model"]["vocab"].items()}
        names |= {token["id"]: token["content"] for token in contents["added_tokens"]}
        before = [names.get(token, f"<{token}>") for token in template]
        special = {name: {"id": name, "ids": [token], "tokens": [name]} for name, token in zip(before, template)}
        single, second = (
            [{"SpecialToken": {"id": name, "type_id": number}} for name in before]
            + [{"Sequence": {"id": "AB"[number], "type_id": number}}]
            for number in (0, 1)
        )
        processors.append(
            {"type": "TemplateProcessing", "single": single, "pair": single + second, "special_tokens": special}
        )
    if len(processors) > 1:
        return contents | {"post_processor": {"type": "Sequence", "processors": processors}}
    return contents | {"post_processor": next(iter(processors), None)}


def read_added_tokens(contents: dict[str, Any]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the ids of the special tokens, and those of the other added tokens, which are found in a text.

    Raises:
        TokenizerError: the list is malformed, or a token is found in a way that pygpt does not know.
    """
    special, others = {}, {}
    if not isinstance(contents.get("added_tokens"), list | None):
        raise TokenizerError("added_tokens should be a list, but is not")
    for token in contents.get("added_tokens") or []:
        if not (isinstance(token, dict) and isinstance(token.get("content"), str) and type(token.get("id")) is int):
            raise TokenizerError(f"an added token should have an id and a content; one of these is {token!r:.60}")
        name = token["content"]
        if token.get("special") is True:
            special[name] = token["id"]
            continue
        # A normalized token is looked for in the normalized text, which is the text itself without a normalizer.
        flags = _FLAGS if _flat(contents.get("normalizer"), "normalizers") else _FLAGS[:-1]
        flag = next((flag for flag in flags if token.get(flag)), None)
        require(flag is None, f"its added token {name!r:.60}, which is not special, is {flag}")
        require(name != "", "it has an empty added token")
        others[name] = token["id"]
    return special, others


def require(holds: bool, problem: str) -> None:
    """Check that pygpt can read a part.

    Raises:
        TokenizerError: it cannot; `problem` names the part.
    """
    if not holds:
        raise TokenizerError(f"this tokenizer.json cannot be used here: {problem}; {SUPPORTED}")


def _processors(contents):
    """The post-processors, each of a kind that pygpt reads."""
    processors = _flat(contents.get("post_processor"), "processors")
    for processor in processors:
        known = _type(processor) in ("ByteLevel", "TemplateProcessing")
        require(known, f"its post-processor is {_type(processor)}")
    return processors


def _template(processor):
    """The ids that a template puts before a text."""
    ids: list[int] = []
    before: list[int] = []
    texts = 0
    try:
        for piece in processor["single"]:
            if "Sequence" in piece:
                texts += 1
                before = ids[:]
                continue
            ids += processor["special_tokens"][piece["SpecialToken"]["id"]]["ids"]
            numbers = all(type(token) is int and token >= 0 for token in ids)
            require(numbers, "its template has ids that are not numbers")
    except (TypeError, KeyError):
        require(False, "its template is malformed")
    require(texts == 1, f"its template has the text {texts} times")
    return before


def _byte_level(contents):
    """The pre-tokenizer of a byte-level BPE; GPT2 itself if it is GPT-2's."""
    normalizers = _flat(contents.get("normalizer"), "normalizers")
    for part in normalizers:
        require(_type(part) == "NFC", f"it has a normalizer ({_type(part)})")
    parts = _flat(contents.get("pre_tokenizer"), "pretokenizers")
    require(
        bool(parts) and _type(parts[-1]) == "ByteLevel", f"its pre-tokenizer is {_type(contents.get('pre_tokenizer'))}"
    )
    patterns = [_pattern(part) for part in parts[:-1]]
    prefix, regex = (parts[-1].get(option, True) for option in ("add_prefix_space", "use_regex"))
    require(prefix is False, f"its pre-tokenizer has add_prefix_space {str(prefix).lower():.60}")
    require(regex in (True, False), f"its pre-tokenizer has use_regex {regex!r:.60}")
    if regex:
        patterns.append((GPT2_PATTERN, False))
    decoder = contents.get("decoder")
    require(_type(decoder) == "ByteLevel", f"its decoder is {_type(decoder)}")
    is_gpt2 = set(patterns) == set(GPT2.patterns) and not normalizers
    if is_gpt2:
        return GPT2
    for pattern, _ in patterns:
        compile_pattern(pattern)  # refuses what it cannot read, here and not with the first text
    return Pretokenizer(patterns, bool(normalizers))


def _pattern(part):
    """The pattern of a pre-tokenizer, and whether only its matches are kept."""
    kind = _type(part)
    if kind == "Digits":
        single = part.get("individual_digits", False)
        require(single in (True, False), f"its pre-tokenizer Digits has individual_digits {single!r:.60}")
        return (r"\p{N}" if single else r"\p{N}+"), False
    require(kind == "Split", f"its pre-tokenizer has the part {kind}")
    pattern, behavior, invert = part.get("pattern"), part.get("behavior"), part.get("invert", False)
    readable = isinstance(pattern, dict) and isinstance(pattern.get("Regex"), str)
    require(readable, f"its pre-tokenizer Split has the pattern {pattern!r:.60}")
    only_matches = behavior == "Removed" and invert is True
    readable = only_matches or (behavior == "Isolated" and invert in (True, False))
    require(readable, f"its pre-tokenizer Split has the behavior {behavior!r:.60} and invert {invert!r:.20}")
    return pattern["Regex"], only_matches


def _metaspace(contents, vocab):
    """The splitter of a BPE with byte fallback, and whether decoding strips the first space."""
    normalizers = _flat(contents.get("normalizer"), "normalizers")
    parts = _flat(contents.get("pre_tokenizer"), "pretokenizers")
    words = not any(SPACE in token.lstrip(SPACE) for token in vocab)
    if normalizers:
        *before, replace = normalizers
        known = _type(replace) == "Replace" and replace.get("pattern") == _SPACES and replace.get("content") == SPACE
        known = known and (not before or before == [{"type": "Prepend", "prepend": SPACE}])
        require(known, f"it has a normalizer ({_type(contents['normalizer'])})")
        require(not parts, f"its pre-tokenizer is {_type(contents.get('pre_tokenizer'))}")
        splitter = Metaspace("always" if before else "never", once=False, single=False, words=words)
    else:
        known = len(parts) == 1 and _type(parts[0]) == "Metaspace" and parts[0].get("replacement", SPACE) == SPACE
        require(known, f"its pre-tokenizer is {_type(contents.get('pre_tokenizer'))}")
        scheme, single = parts[0].get("prepend_scheme", "always"), parts[0].get("split", True)
        if parts[0].get("add_prefix_space") is False:  # as written by older versions
            scheme = "never"
        known = scheme in ("always", "first", "never") and single in (True, False)
        require(known, f"its pre-tokenizer Metaspace has prepend_scheme {scheme!r:.20} and split {single!r:.20}")
        splitter = Metaspace(scheme, once=True, single=single, words=words)
    steps = _flat(contents.get("decoder"), "decoders")
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    expected = [
        {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    require(steps in (expected, [*expected, strip]), f"its decoder is {_type(contents.get('decoder'))}")
    return splitter, len(steps) > len(expected)


def _flat(part, members):
    """The parts that a part consists of: the members of sequences, or itself."""
    if part is None:
        return []
    if _kind(part) == "Sequence":
        require(isinstance(part.get(members), list), f"a Sequence in it has no list of {members}")
        return [inner for member in part[members] for inner in _flat(member, members)]
    return [part]


def _kind(part):
    return part.get("type") if isinstance(part, dict) else None


def _type(part) -> str:
    """Return the type of a part; for a sequence, with the types of its members."""
    if _kind(part) == "Sequence":
        members = next((value for value in part.values() if isinstance(value, list)), [])
        return f"a sequence of {', '.join(map(_type, members))}"[:200]
    return f"{part['type']:.60}" if isinstance(_kind(part), str) else f"{part!r:.60}"
