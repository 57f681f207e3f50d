"""Reads pickles of plain values without running anything in them. Never imported in a tab.

A pickle is a program: it can name any function of Python and call it. Here a name means what `allowed` says, and any
other name is refused. Numbers, strings, lists and dicts need no names.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from pygpt.errors import DataError

ORDERED_DICT = {("collections", "OrderedDict"): OrderedDict}


def read_pickle(
    what: str,
    data: bytes,
    allowed: Mapping[tuple[str, str], Any] = ORDERED_DICT,
    stored: Callable[[Any], Any] | None = None,
) -> Any:
    """Read a pickle; `allowed` maps (module, name) to a value, and `stored` what is kept outside the pickle.

    Raises: DataError, which begins with `what`, if it is damaged, or names anything else.
    """

    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if (module, name) not in allowed:
                raise DataError(
                    f"{what} needs {module}.{name} to be read, which pygpt does not run: it reads data only"
                )
            return allowed[module, name]

        def persistent_load(self, reference: Any) -> Any:
            if stored is None:
                raise DataError(f"{what} refers to data that is not in it")
            return stored(reference)

    try:
        return Reader(io.BytesIO(data)).load()
    except DataError:
        raise
    # The opcodes of a damaged pickle meet values of any kind.
    except Exception as error:
        raise DataError(f"{what} is damaged: {str(error) or type(error).__name__}") from None
