"""The tokenizer of a folder: read, and written for every kind that a run can have."""

from pathlib import Path

from pygpt.errors import TokenizerError
from pygpt.tokenizers import ByteTokenizer, Tokenizer, read_tokenizer, train_tokenizer


def tokenizer_for(folder: Path, choice: str | None, vocab_size: int) -> Tokenizer:
    """The tokenizer of a model of `vocab_size` tokens: "byte", "gpt2", that of a file or folder, or the folder's own.

    Raises: TokenizerError if it is missing or cannot be used.
    """
    if choice == "byte":
        return ByteTokenizer(documents=vocab_size > 256)
    if choice == "gpt2":
        return train_tokenizer("gpt2", "", documents=False)
    try:
        return read_tokenizer(Path(choice or folder))
    except TokenizerError as error:
        other = "" if choice else "; `--tokenizer` takes the folder of another one, gpt2, or byte"
        raise TokenizerError(f"{error}{other}") from None
