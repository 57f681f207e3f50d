"""The lab's files, with the headers of its host."""

import json
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from starlette.staticfiles import StaticFiles

from pygpt.errors import PygptError
from pygpt.server.local_site import CHECKOUT, MIME_TYPES, build_site, headers_for, read_headers


class LabFiles(StaticFiles):
    """A built site. `headers(path)` returns the response headers of a file, including its type."""

    def __init__(self, folder: Path, headers: Callable[[str], dict[str, str]]):
        super().__init__(directory=folder, html=True)
        self.headers = headers
        self.contents = json.loads((folder / "site.json").read_text(encoding="utf-8"))

    async def get_response(self, path, scope):
        """The file at a path, or a 304 if the browser has it."""
        response = await super().get_response(path, scope)
        file = "index.html" if path in (".", "") else path
        for name, value in self.headers(file).items():
            if response.status_code < 300 or name != "Content-Type":
                response.headers[name] = value
        return response


def find_lab_files(site: Path | None) -> LabFiles | None:
    """The lab's pages: from a folder, or built in this package's checkout.

    Returns None, and prints the reason to standard error, if they cannot be built.
    Raises: PygptError if the folder does not contain a built lab.
    """
    try:
        folder = site or build_site()
    except PygptError as error:
        print(f"Serving without the lab: {error}", file=sys.stderr, flush=True)
        return None
    if not (folder / "site.json").is_file():
        raise PygptError(f"There is no built lab in {folder}: site.json, which build.py writes, is missing.")
    netlify = next(
        (path for path in (folder.parent / "netlify.toml", CHECKOUT / "netlify.toml") if path.is_file()), None
    )
    site_headers = read_headers(netlify) if netlify else []

    def headers(path: str) -> dict[str, str]:
        mime_type = MIME_TYPES.get(PurePosixPath(path).suffix)
        return headers_for(f"/{path}", site_headers) | ({"Content-Type": mime_type} if mime_type else {})

    return LabFiles(folder, headers)
