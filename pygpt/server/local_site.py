"""The static server of `pygpt lab`: serves the built site on this machine, with the headers of its host."""

import http.server
import re
import subprocess
import sys
import threading
import tomllib
import webbrowser
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from pygpt.errors import PygptError

CHECKOUT = Path(__file__).resolve().parents[2]
MIME_TYPES = {
    # The system's table can lack these types, or (on Windows) list them as text/plain.
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".py": "text/x-python; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".wgsl": "text/plain; charset=utf-8",
    ".whl": "application/octet-stream",
    ".zip": "application/zip",
}
# Netlify's default: the browser revalidates a file each time, and gets a 304.
REVALIDATE = "public, max-age=0, must-revalidate"


def read_headers(netlify: Path) -> list[tuple[str, dict[str, str]]]:
    """The `[[headers]]` of a netlify.toml, as (path pattern, headers), in order."""
    return [(entry["for"], entry["values"]) for entry in tomllib.loads(netlify.read_text()).get("headers", [])]


def headers_for(path: str, site_headers: list[tuple[str, dict[str, str]]]) -> dict[str, str]:
    """The headers of every pattern that matches a path ("/index.html"). A later pattern wins, as at Netlify."""
    chosen = {"Cache-Control": REVALIDATE}
    for pattern, headers in site_headers:
        if re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), path):
            chosen.update(headers)
    return chosen


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the files of a folder under a URL prefix, with ETags and the site's headers, and logs nothing."""

    protocol_version = "HTTP/1.1"
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, **MIME_TYPES}

    def __init__(self, *args, prefix: str, headers: list[tuple[str, dict[str, str]]], **options):
        self.prefix = prefix
        self.site_headers = headers
        self.etag = ""
        super().__init__(*args, **options)

    def send_head(self):
        """Answer 404 outside the prefix, 304 if the browser has the file, and the file otherwise."""
        self.etag = ""
        if not urlsplit(self.path).path.startswith(self.prefix):
            self.send_error(404, f"This site is served under {self.prefix}")
            return None
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            path = path / "index.html"
        if path.is_file():
            state = path.stat()
            self.etag = f'"{state.st_mtime_ns:x}-{state.st_size:x}"'
            if self.headers.get("If-None-Match") == self.etag:
                self.send_response(304)
                self.end_headers()
                return None
            del self.headers["If-Modified-Since"]  # in whole seconds: it cannot tell two builds in one second apart
        elif path.parent.is_dir() and path.name == "index.html":
            self.send_error(404, "No index.html here")  # instead of a directory listing
            return None
        return super().send_head()

    def translate_path(self, path: str) -> str:
        """The file for a URL path, without the prefix."""
        return super().translate_path("/" + path.removeprefix(self.prefix))

    def end_headers(self):
        """Add the site's headers."""
        path = "/" + urlsplit(self.path).path.removeprefix(self.prefix) if hasattr(self, "path") else "/"
        chosen = headers_for(path, self.site_headers)
        if self.etag:
            chosen["ETag"] = self.etag
        for name, value in chosen.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args) -> None:
        """Log nothing: the browser's developer tools show the requests."""


class StaticServer:
    """A server of the folder `directory` on 127.0.0.1, at `url`."""

    def __init__(self, directory: Path, port: int, prefix: str, headers: list[tuple[str, dict[str, str]]]):
        self.directory = directory
        handler = partial(Handler, directory=str(directory), prefix=prefix, headers=headers)
        try:
            self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        except (OSError, OverflowError) as error:
            raise PygptError(
                f"Port {port} cannot be opened ({getattr(error, 'strerror', error)}). Another program may be using it: "
                f"choose another with --port, or --port 0 for any free port."
            ) from None
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}{prefix}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    def start(self) -> "StaticServer":
        """Serve in a background thread."""
        self.thread.start()
        return self

    def stop(self) -> None:
        """Stop the server and free the port."""
        if self.thread.is_alive():
            self.server.shutdown()
            self.thread.join()
        self.server.server_close()


def serve(directory: Path, port: int = 0, prefix: str = "/", netlify: Path | None = None) -> StaticServer:
    """Create a server of a folder, without starting it; port 0 takes any free port.

    The headers are those of `netlify`, or of the netlify.toml beside the folder.
    Raises: PygptError if the folder does not exist, or the port is taken.
    """
    directory = Path(directory).resolve()
    if not directory.is_dir():
        raise PygptError(f"There is no folder {directory} to serve.")
    prefix = f"/{prefix.strip('/')}/".replace("//", "/")
    netlify = netlify or directory.parent / "netlify.toml"
    return StaticServer(directory, port, prefix, read_headers(netlify) if netlify.is_file() else [])


def find_site() -> Path:
    """The output folder of build.py, in the checkout this package runs from.

    Raises: PygptError if the package was installed without the checkout.
    """
    if not (CHECKOUT / "build.py").is_file() or not (CHECKOUT / "lab").is_dir():
        raise PygptError(
            "The lab is built from a checkout, but this pygpt was installed without one. Clone the repository and run "
            "`make lab` in it, or visit the hosted page."
        )
    return CHECKOUT / "dist"


def build_site() -> Path:
    """Build the site (about a second when little changed) and return its folder.

    Raises: PygptError if the build fails, and there is no earlier build to serve.
    """
    site = find_site()
    done = subprocess.run([sys.executable, str(CHECKOUT / "build.py")], cwd=CHECKOUT)
    if done.returncode and not (site / "index.html").is_file():
        raise PygptError("The lab could not be built; see the output of build.py above.")
    if done.returncode:
        print("Serving the earlier build.", file=sys.stderr)
    return site


def serve_lab(port: int = 8000, open_browser: bool = True) -> None:
    """Build the lab, open it in a browser, and serve it until Ctrl+C.

    Raises: PygptError if it cannot be built, or the port is taken.
    """
    server = serve(build_site(), port).start()
    print(f"The lab is at {server.url} (Ctrl+C stops it)", flush=True)
    if open_browser:
        webbrowser.open(server.url)
    try:
        while server.thread.is_alive():
            server.thread.join(1)  # with a timeout: on Windows, Ctrl+C does not interrupt an endless join
    except KeyboardInterrupt:
        print()
    finally:
        server.stop()
