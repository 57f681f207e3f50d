"""The data sets: every text that can be had by name, one entry each."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from pygpt.data.sources.python import python_sources_origin, python_sources_text
from pygpt.data.sources.tales import tales
from pygpt.data.sources.words import words
from pygpt.errors import DataError
from pygpt.tokenizers.registry import GPT2_FOLDER


@dataclass(frozen=True)
class RemoteFile:
    """A file to download once: what to call it, where it is, how to recognise it, and its path below PYGPT_DATA."""

    title: str
    url: str
    sha256: str
    size: int
    file: str

    def check(self, data: bytes, what: str) -> None:
        """Check that bytes are this file's; `what` says where they come from.

        Raises:
            DataError: their SHA-256 is not the recorded one.
        """
        came = hashlib.sha256(data).hexdigest()
        if came != self.sha256:
            raise DataError(
                f"{what} is not the one pygpt knows: its sha256 should be {self.sha256}, and is {came} "
                f"({len(data)} bytes; {self.size} were expected). Put the right file there, or delete it "
                "to have it fetched again"
            )


@dataclass(frozen=True)
class Dataset:
    """A text that can be had by name.

    `layout` is how it is best read, "stream" or "documents"; `size` is in bytes, about. A text is either made here, by
    `make`, or downloaded, from `remote`; `origin` says where it comes from, or is a function of the text that does.
    With `made_in_tab` False, a tab cannot make it, and the site has to serve it.
    """

    name: str
    title: str
    description: str
    layout: str
    size: int
    origin: str | Callable[[str], str]
    make: Callable[[], str] | None = None
    made_in_tab: bool = True
    remote: RemoteFile | None = None


TALES_SIZE = 1_000_000
_TINY_SHAKESPEARE = RemoteFile(
    "Tiny Shakespeare",
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    1_115_394,
    "tinyshakespeare.txt",
)
_NAMES = RemoteFile(
    "Names",
    "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt",
    "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
    228_145,
    "names.txt",
)

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "tales",
            "Little tales",
            "Short stories of a hedgehog, a duck and their neighbours, written by pygpt itself from a seed.",
            "stream",
            TALES_SIZE,
            "little tales, written by pygpt with seed 0",
            make=lambda: tales(0, TALES_SIZE),
        ),
        Dataset(
            "words",
            "Words",
            "The 1,550 different words of the little tales, one on each line: to invent more of them.",
            "documents",
            9_971,
            "the words of the little tales",
            make=lambda: words(tales(0, TALES_SIZE)),
        ),
        Dataset(
            "python",
            "Python's own source",
            "About a megabyte of the standard library, as it came with this Python.",
            "stream",
            1_150_000,
            python_sources_origin,
            make=python_sources_text,
            made_in_tab=False,  # a tab's own standard library is precompiled
        ),
        Dataset(
            "shakespeare",
            "Tiny Shakespeare",
            "Forty thousand lines of Shakespeare's plays, as gathered by Andrej Karpathy for char-rnn.",
            "stream",
            _TINY_SHAKESPEARE.size,
            f"Tiny Shakespeare, {_TINY_SHAKESPEARE.url}",
            remote=_TINY_SHAKESPEARE,
        ),
        Dataset(
            "names",
            "Names",
            "The 32,033 most common first names of the United States, one on each line, from Karpathy's makemore.",
            "documents",
            _NAMES.size,
            f"Names, {_NAMES.url}",
            remote=_NAMES,
        ),
    )
}

# GPT-2's tokenizer; the bytes are those OpenAI published as encoder.json and vocab.bpe.
_GPT2_TOKENIZER = tuple(
    RemoteFile(
        f"GPT-2's {name}",
        f"https://huggingface.co/openai-community/gpt2/resolve/main/{name}",
        sha256,
        size,
        f"{GPT2_FOLDER}/{name}",
    )
    for name, sha256, size in (
        ("vocab.json", "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783", 1_042_301),
        ("merges.txt", "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5", 456_318),
    )
)

# What `pygpt download` fetches, by name.
DOWNLOADS: dict[str, tuple[RemoteFile, ...]] = {
    **{dataset.name: (dataset.remote,) for dataset in DATASETS.values() if dataset.remote},
    GPT2_FOLDER: _GPT2_TOKENIZER,
}
