"""Standard output, which may be a closed pipe, a full disk, or in an encoding that lacks some characters."""

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from shlex import quote

from rich.console import Console

ERRORS = "pygpt-output"


def _encode(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode what the output's encoding lacks: a byte of a file name as itself, any other character as an escape."""
    assert isinstance(error, UnicodeEncodeError)
    character = error.object[error.start]
    is_byte = "\udc80" <= character <= "\udcff"  # Python has such characters for bytes that are not UTF-8
    return character.encode("ascii", "surrogateescape" if is_byte else "backslashreplace"), error.start + 1


codecs.register_error(ERRORS, _encode)


class PlainConsole(Console):
    """A rich console that prints text as it is: brackets and colons in a file's name are no markup.

    A closed pipe is a BrokenPipeError, as for `print`; rich itself would exit.
    """

    def __init__(self, **options):
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def on_broken_pipe(self) -> None:
        """Raise the exception that is being handled."""
        raise


class _Unbreakable:
    """A stream whose errors are ignored: after the first, its output is discarded."""

    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            discard(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            discard(self._stream)


def as_argument(path) -> str:
    """A path as an argument of a command that is printed, to be run as it is printed."""
    text = str(path)
    return quote(f"./{text}" if text.startswith("-") else text)


def printable(name: str) -> str:
    """A name from a file on one line of a terminal: what would steer the terminal is shown as "?"."""
    return "".join(character if character.isprintable() else "?" for character in name)


def prepare_streams() -> None:
    """Let standard output and standard error take every string, whatever their encoding, even if they are closed."""
    sys.stdout = sys.stdout or open(os.devnull, "w")
    sys.stderr = sys.stderr or open(os.devnull, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)


def discard(stream) -> None:
    """Send what is written to a stream nowhere, also what it still holds; Python's exit would report an error."""
    with contextlib.suppress(OSError, ValueError):  # no file, as in a notebook
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


@contextlib.contextmanager
def unbreakable_output() -> Iterator[None]:
    """Ignore errors of standard output and standard error: what runs meanwhile is worth more than its messages."""
    with contextlib.redirect_stdout(_Unbreakable(sys.stdout)), contextlib.redirect_stderr(_Unbreakable(sys.stderr)):
        yield
