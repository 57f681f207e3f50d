"""Texts to train on, and how a text becomes tokens for a device."""

from .corpus import Corpus, Split, make_corpus
from .datasets import DATASETS, Dataset, load_text, open_dataset_bytes
from .python_sources import python_sources_text
from .tales import tales
from .text import Text, text_from_bytes

__all__ = [
    "Corpus", "DATASETS", "Dataset", "Split", "Text", "load_text", "make_corpus", "open_dataset_bytes",
    "python_sources_text", "tales", "text_from_bytes",
]
