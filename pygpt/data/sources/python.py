"""The data set `python`: the source of the standard library, which needs no download."""

from __future__ import annotations

import platform
import sysconfig
from pathlib import Path

from pygpt.errors import DataError

# Readable modules of every CPython since 3.11. Tables (html.entities) and tests are left out.
MODULES = """
    __future__ abc argparse asyncio.locks asyncio.queues asyncio.runners asyncio.timeouts base64 bisect calendar cmd
    codeop collections colorsys concurrent.futures.thread contextlib copy csv dataclasses difflib
    filecmp fnmatch fractions functools getpass glob graphlib gzip hashlib heapq hmac html
    html.parser http.cookies io json json.decoder json.encoder json.scanner json.tool keyword linecache numbers
    operator pathlib pprint queue random reprlib sched secrets selectors shelve shlex socketserver stat string
    tempfile textwrap this timeit token tokenize tomllib._parser types unittest.signals unittest.loader
    unittest.runner unittest.suite unittest.util urllib.robotparser wave weakref wsgiref.headers wsgiref.util
    xml.etree.ElementPath zipapp
""".split()

_HEADER = "# The standard library of Python {version}: "


def python_sources_text() -> str:
    """Join about a megabyte of the running Python's standard library into one text; its first line gives the version.

    Raises:
        DataError: this Python has no source files.
    """
    library = Path(sysconfig.get_path("stdlib"))
    files = []
    for module in MODULES:
        source = _ascii_source(library, module)
        if source is not None:
            files.append(f"# {module}\n\n{source.strip()}\n")
    if not files:
        raise DataError(
            f"the data set python needs the standard library's source, but {library} has no .py files "
            "(this Python is precompiled): choose the data set tales, or a text file"
        )
    header = _HEADER.format(version=platform.python_version())
    return "\n\n".join([f"{header}{len(files)} of its modules.\n", *files])


def python_sources_origin(text: str) -> str:
    """Return the origin of a text from `python_sources_text`, with its Python version."""
    start, _, _ = _HEADER.partition("{")
    version = text.removeprefix(start).partition(":")[0] if text.startswith(start) else "an unknown version"
    return f"the standard library's source, Python {version}"


def _ascii_source(library: Path, module: str) -> str | None:
    base = library.joinpath(*module.split("."))
    for path in base.with_suffix(".py"), base / "__init__.py":
        try:
            return path.read_bytes().decode("ascii").replace("\r\n", "\n")
        except FileNotFoundError:
            continue  # pathlib and string are modules in some Python versions, packages in others
        except (OSError, UnicodeDecodeError):
            # A non-ASCII letter in an author's name would add a character to the vocabulary that occurs only once.
            return None
    return None
