"""The lab's files, with the headers they are hosted with."""

import json
from collections.abc import Callable
from pathlib import Path

from starlette.staticfiles import StaticFiles


class Pages(StaticFiles):
    """A built site. `headers(path)` says what a file is sent with, its type among it."""

    def __init__(self, folder: Path, headers: Callable[[str], dict[str, str]]):
        super().__init__(directory=folder, html=True)
        self.headers = headers
        self.contents = json.loads((folder / "site.json").read_text(encoding="utf-8"))

    async def get_response(self, path, scope):
        """The file behind a path, or the answer that the browser has it."""
        response = await super().get_response(path, scope)
        found = "index.html" if path in (".", "") else path
        for name, value in self.headers(found).items():
            if response.status_code < 300 or name != "Content-Type":
                response.headers[name] = value
        return response
