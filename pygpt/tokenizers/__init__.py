"""Tokenizers, from text to token ids and back: characters, bytes, or frequent byte sequences (BPE)."""

from pygpt.tokenizers.base import Decoder, Tokenizer, split_documents
from pygpt.tokenizers.bpe import BPETokenizer
from pygpt.tokenizers.byte import ByteTokenizer
from pygpt.tokenizers.char import CharTokenizer
from pygpt.tokenizers.files import read_tokenizer, tokenizer_json_bytes
from pygpt.tokenizers.registry import (
    TOKENIZERS,
    expected_vocabulary,
    make_tokenizer,
    make_tokenizer_stepwise,
    tokenizer_from_dict,
    train_tokenizer,
)

__all__ = [
    "TOKENIZERS",
    "BPETokenizer",
    "ByteTokenizer",
    "CharTokenizer",
    "Decoder",
    "Tokenizer",
    "expected_vocabulary",
    "make_tokenizer",
    "make_tokenizer_stepwise",
    "read_tokenizer",
    "split_documents",
    "tokenizer_from_dict",
    "tokenizer_json_bytes",
    "train_tokenizer",
]
