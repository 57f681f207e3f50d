"""Reads tiktoken's files of ranks, such as cl100k_base.tiktoken (GPT-4): a token in Base64 and its rank on each line.

The file names the encoding, which has a pattern and special tokens that the file does not hold.
Source: tiktoken_ext/openai_public.py of github.com/openai/tiktoken.
"""

import base64
import binascii
from pathlib import PurePath

from pygpt.errors import TokenizerError
from pygpt.tokenizers.bpe_vocabulary import END_OF_TEXT, Vocabulary
from pygpt.tokenizers.pipeline import read_pipeline
from pygpt.tokenizers.pretokens import GPT2_PATTERN

SUFFIX = ".tiktoken"

_SUFFIXES = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_CL100K = _SUFFIXES + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_O200K = "|".join(
    [
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_SUFFIXES}?",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_SUFFIXES}?",
        r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ]
)
_FILL = {"<|fim_prefix|>": 100258, "<|fim_middle|>": 100259, "<|fim_suffix|>": 100260}
ENCODINGS: dict[str, tuple[str, dict[str, int]]] = {
    "gpt2": (GPT2_PATTERN, {END_OF_TEXT: 50256}),
    "r50k_base": (GPT2_PATTERN, {END_OF_TEXT: 50256}),
    "p50k_base": (GPT2_PATTERN, {END_OF_TEXT: 50256}),
    "cl100k_base": (_CL100K, {END_OF_TEXT: 100257, **_FILL, "<|endofprompt|>": 100276}),
    "o200k_base": (_O200K, {END_OF_TEXT: 199999, "<|endofprompt|>": 200018}),
}


def read_tiktoken(data: bytes, name: str) -> Vocabulary:
    """Parse a file of ranks; `name` is the file's.

    Raises:
        TokenizerError: there is no such encoding, or a line is malformed.
    """
    encoding = PurePath(name).stem
    if encoding not in ENCODINGS:
        raise TokenizerError(
            f"{name} has the tokens of no encoding that pygpt knows: name it {f'{SUFFIX}, '.join(ENCODINGS)}{SUFFIX}"
        )
    pattern, special = ENCODINGS[encoding]
    ranks: dict[bytes, int] = {}
    for line in data.splitlines():
        token, _, rank = line.partition(b" ")
        try:
            text = base64.b64decode(token, validate=True)
        except binascii.Error:
            text = b""
        if not (text and rank.isdigit() and len(rank) < 8):
            raise TokenizerError(f"a line of {name} should be a token in Base64 and its rank; one is {line!r:.60}")
        ranks[text] = int(rank)
    tokens = {rank: token for token, rank in ranks.items()}
    size = max([*tokens, *special.values()]) + 1
    if len(tokens) != len(ranks) or size > 2 * len(ranks) or not tokens.keys().isdisjoint(special.values()):
        raise TokenizerError(f"the {len(ranks)} tokens of {name} should have the ranks from 0, each once, but do not")
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    model = {"unk_token": None, "byte_fallback": False, "fuse_unk": False, "ignore_merges": True}
    contents = {
        "added_tokens": [{"id": index, "content": name, **flags} for name, index in special.items()],
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "decoder": byte_level,
    }
    return Vocabulary(
        tuple(tokens.get(rank, b"") for rank in range(size)),
        _merges(ranks),
        special,
        pipeline=read_pipeline(contents, model, ()),
    )


def _merges(ranks):
    """All pairs of tokens that make a token, in the order of its rank: the lowest rank is merged first."""
    merges = []
    for token in sorted(ranks, key=ranks.__getitem__):
        splits = ((token[:place], token[place:]) for place in range(1, len(token)))
        pairs = [(left, right) for left, right in splits if left in ranks and right in ranks]
        merges += sorted(pairs, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
    return tuple(merges)
