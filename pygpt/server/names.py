"""The names of data sets and models, which are also names of files, and errors of the server's folder."""

import contextlib
import errno
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pygpt.errors import RequestError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
MAX_NAME_LENGTH = 64
# Names that Windows reserves for devices, with any extension; names of the files that this server keeps beside the
# models and texts, and endings of its temporary files; and the path of uploads.
RESERVED = re.compile(
    r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|(job|about|tokenizer|profile|site)\.json|metrics\.jsonl|experiment\.toml"
    r"|model\.safetensors|.*\.(new|lock)|upload",
    re.IGNORECASE,
)
MOST_CHOICES = 20  # names that an error lists


def check_name(name: str, what: str, taken: Iterable[str], instead: Callable[[str], str]) -> str:
    """Return the name if a new data set or model can have it on every system. The one rule for names.

    `instead` says what can be done about the one that has it, besides choosing another name; "" is nothing.
    Raises: RequestError (422) for a name that is not one, (409) for one that is taken; "Poem" and "poem" are one name.
    """
    if len(name) > MAX_NAME_LENGTH or not NAME.fullmatch(name) or RESERVED.fullmatch(name):
        shown = f"{name[:MAX_NAME_LENGTH]!r}{'...' if len(name) > MAX_NAME_LENGTH else ''}"
        reserved = "this name is reserved: " if RESERVED.fullmatch(name[:MAX_NAME_LENGTH]) else ""
        raise RequestError(
            422,
            f"{shown} cannot be the name of a {what}: {reserved}use ASCII letters, digits, '-', '_' and "
            f"single dots inside, at most {MAX_NAME_LENGTH} characters, beginning with a letter or a digit",
            "name",
        )
    if other := next((other for other in taken if other.lower() == name.lower()), None):
        advice = f", {way}" if (way := instead(other)) else ""
        raise RequestError(409, f"there is already a {what} {other!r}; choose another name{advice}", "name")
    return name


def make_folder(folder: Path) -> Path:
    """Create the folder if it does not exist. Raises: RequestError if that fails."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError into a RequestError: 507 if the disk is full or the file too large, 500 for any other reason."""
    try:
        yield
    except OSError as error:
        status, advice = 500, "choose another folder with --folder"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            status, advice = 507, "make room on the disk and try again"
        elif error.errno == errno.EFBIG:
            status, advice = 507, "it is larger than a file of this server can be; raise that limit (ulimit -f)"
        raise RequestError(status, f"{path} cannot be written ({error.strerror or error}): {advice}") from None


def choices(names: Iterable[str]) -> str:
    """The names, as an error lists them."""
    names = list(names)
    return ", ".join(names[:MOST_CHOICES]) + (f" and {len(names) - MOST_CHOICES} more" * (len(names) > MOST_CHOICES))
