"""The data set `python`: the source of the standard library, present wherever Python runs."""

from __future__ import annotations

import platform
import sysconfig
from pathlib import Path

from pygpt.errors import DataError

# Modules worth reading that every CPython since 3.11 has. Tables (html.entities) and tests are left out.
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
    """Join about a megabyte of the running Python's standard library into one text; its first line says which Python.

    Raises:
        DataError: this Python came without its sources.
    """
    library = Path(sysconfig.get_path("stdlib"))
    files = []
    for module in MODULES:
        source = _ascii_source(library, module)
        if source is not None:
            files.append(f"# {module}\n\n{source.strip()}\n")
    if not files:
        raise DataError(
            f"the data set python is the standard library's source, but {library} has no .py files "
            "(this Python came precompiled): choose the data set tales, or a file of your own"
        )
    header = _HEADER.format(version=platform.python_version())
    return "\n\n".join([f"{header}{len(files)} of its modules.\n", *files])


def python_sources_origin(text: str) -> str:
    """Say which Python a text of `python_sources_text` is made from."""
    start, _, _ = _HEADER.partition("{")
    version = text.removeprefix(start).partition(":")[0] if text.startswith(start) else "an unknown version"
    return f"the standard library's source, Python {version}"


def _ascii_source(library: Path, module: str) -> str | None:
    place = library.joinpath(*module.split("."))
    for path in place.with_suffix(".py"), place / "__init__.py":
        try:
            return path.read_bytes().decode("ascii").replace("\r\n", "\n")
        except FileNotFoundError:
            continue  # a module of one Python is a package of the next (pathlib, string)
        except (OSError, UnicodeDecodeError):
            # One letter of an author's name would put a character into the vocabulary that the model sees once.
            return None
    return None
