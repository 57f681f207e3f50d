"""nanoGPT's data sets: a folder with train.bin and val.bin, and a meta.pkl if the tokens are characters.

The files hold 16-bit tokens, little-endian. Without a meta.pkl, they are GPT-2's. Source: data/*/prepare.py of
github.com/karpathy/nanoGPT. Never imported in a tab.
"""

import hashlib
import mmap
import sys
from pathlib import Path

from pygpt.data.shards import ShardedTokens, Shards
from pygpt.errors import DataError, TokenizerError
from pygpt.tensor.kernel import np
from pygpt.tokenizers import CharTokenizer, Tokenizer, train_tokenizer
from pygpt.utils.files import open_regular
from pygpt.utils.plain_pickle import read_pickle

TRAIN, VAL, META = "train.bin", "val.bin", "meta.pkl"
MOST_META = 1 << 26  # bytes; Unicode has 1.1 million characters


def is_nanogpt(folder: Path) -> bool:
    """Return whether a path is a folder with both files of tokens."""
    return (folder / TRAIN).is_file() and (folder / VAL).is_file()


def open_nanogpt(folder: Path) -> Shards:
    """Open a folder as a prepared text. Every token is read once, for the checksum.

    Raises:
        DataError: a file cannot be read or is damaged, or a token is outside the vocabulary.
    """
    tokenizer: Tokenizer
    if (folder / META).is_file():
        tokenizer, encoding = read_meta(folder / META), "char"
    else:
        tokenizer, encoding = train_tokenizer("gpt2", "", documents=False), "gpt2"
    digest = hashlib.sha256()
    size = tokenizer.vocab_size
    train, val = (ShardedTokens(folder, [_mapped(folder / name, digest, size)], size) for name in (TRAIN, VAL))
    origin = f"your own text, the nanoGPT data set {folder.name}"
    return Shards(folder, folder.name, digest.hexdigest(), origin, encoding, tokenizer, train, val)


def read_meta(path: Path) -> CharTokenizer:
    """Read a meta.pkl: the characters in the order of their tokens.

    Raises:
        DataError: it cannot be read, has no characters that are sorted, each once, or contradicts itself.
    """
    try:
        with open_regular(path) as file:
            data = file.read(MOST_META)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        meta = read_pickle(str(path), data)
    except DataError as error:
        if "needs numpy." not in str(error):
            raise
        raise DataError(
            f"{path} holds NumPy's numbers, which would need NumPy's code to run; write it again with Python's own: "
            "itos = {int(token): str(character) for token, character in itos.items()}"
        ) from None
    characters = meta.get("itos") if isinstance(meta, dict) else None
    if not isinstance(characters, dict) or set(characters) != set(range(len(characters))):
        raise DataError(f"{path} has no itos, nanoGPT's table of the characters by token")
    listed = [characters[token] for token in range(len(characters))]
    if not all(isinstance(character, str) and len(character) == 1 for character in listed):
        raise DataError(f"{path} has tokens that are not single characters; pygpt reads characters, and GPT-2's tokens")
    # nanoGPT encodes with stoi and decodes with itos: where they differ, nothing says which of them the tokens follow.
    if "stoi" in meta and meta["stoi"] != {character: token for token, character in enumerate(listed)}:
        raise DataError(
            f"{path} contradicts itself: its stoi is not the reverse of its itos, so what its tokens stand for is "
            "unknown; prepare the data set again"
        )
    if meta.get("vocab_size", len(listed)) != len(listed):
        raise DataError(
            f"{path} contradicts itself: its vocab_size is {meta['vocab_size']!r:.40}, and its itos has {len(listed)} "
            "tokens; prepare the data set again"
        )
    try:
        return CharTokenizer("".join(listed))
    except TokenizerError as error:
        raise DataError(f"{path}: {error}") from None


def _mapped(path, digest, vocab_size):
    """Map a file of tokens, add it to a checksum, and check that every token is in the vocabulary."""
    if sys.byteorder != "little":
        raise DataError(f"{path} has little-endian numbers, which this machine does not have")
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            if size == 0 or size % 2:
                raise DataError(
                    f"{path} has {size:,} bytes, which are no 16-bit tokens: it was cut short, or is another file"
                )
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from None
    digest.update(mapped)
    largest = int(np.frombuffer(mapped, "<u2").max())
    if largest >= vocab_size:
        raise DataError(
            f"{path} holds the token {largest}, but its tokenizer has {vocab_size} tokens: "
            f"it does not belong to the {META} beside it, or is not GPT-2's without one"
        )
    return memoryview(mapped).cast("H")
