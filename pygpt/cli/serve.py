"""`pygpt serve`: serve models over HTTP, and the lab connected to this machine."""

import contextlib
import dataclasses
import errno
import ipaddress
import os
import re
import secrets
import socket
import sys
from pathlib import Path
from typing import Annotated

import tyro

from pygpt.cli.flags import DeviceChoice, optional
from pygpt.errors import ExperimentError, PygptError

SHORTEST_TOKEN = 16  # characters
TOKEN = re.compile(rf"[A-Za-z0-9._-]{{{SHORTEST_TOKEN},}}")  # it needs no quoting in addresses, headers and cookies
BEFORE_FORCE = 5  # seconds that open streams have to finish after a shutdown signal


@dataclasses.dataclass
class ServeCommand:
    """Serve data sets and models over HTTP, and the lab connected to this machine (needs the extra `serve`)."""

    # Not a Path: the path of an empty text is that of the current folder.
    folder: Annotated[str, tyro.conf.arg(metavar="PATH")] = "runs/server"
    """folder for data sets and models"""
    host: str = "127.0.0.1"
    """address to listen on; on an address other than loopback, requests need the token that is printed, or the one in
    the environment variable PYGPT_TOKEN"""
    port: int = 8000
    """port to listen on, 0 for any free port"""
    name: list[str] = dataclasses.field(default_factory=list)
    """host names to accept in requests, besides localhost and IP addresses"""
    insecure: bool = False
    """ask for no token, though anyone who can reach the address can then train, read and delete"""
    device: DeviceChoice = "auto"
    """device to compute on"""
    max_upload: int = 200
    """largest upload, in MB"""
    site: Annotated[Path | None, optional("DIR")] = None
    """folder of the built lab (default: dist/ of this checkout, rebuilt first)"""
    lab: bool = True
    """serve the lab as well as the HTTP interface"""

    def run(self) -> int:
        """Serve until Ctrl+C. Raises: PygptError if the extra is missing, or the port or the folder cannot be used."""
        self._check()
        try:
            import uvicorn

            from pygpt.server.app import Service, create_app
            from pygpt.server.connections import TimedProtocol
            from pygpt.server.static import find_lab_files
        except ImportError as error:
            raise PygptError(
                f"`pygpt serve` needs more packages ({error.name} is missing). Install them with: "
                f"pip install 'pygpt-lab[serve]'"
            ) from None

        token = self._token()
        service = Service(Path(self.folder), self.device)
        largest = 1_000_000 * self.max_upload
        lab = find_lab_files(self.site) if self.lab else None
        app = create_app(
            service,
            lab,
            loopback=is_loopback(self.host),
            names=tuple(self.name),
            largest_upload=largest,
            token=token,
        )

        class StreamClosingServer(uvicorn.Server):
            """A server that closes the open streams on a shutdown signal; uvicorn itself waits for them."""

            def handle_exit(self, sig, frame):
                service.close_streams()
                super().handle_exit(sig, frame)

        config = uvicorn.Config(
            app,
            http=TimedProtocol,
            log_level="warning",
            ws_max_size=largest,
            timeout_graceful_shutdown=BEFORE_FORCE,
            server_header=False,
        )
        with open_port(self.host, self.port) as listening:
            url = f"http://{address(self.host, listening.getsockname()[1])}"
            asks = f"?token={token}" if token else ""
            pages = f"the HTTP interface: {url}/docs{asks}"
            if lab is not None:
                on_machine = f"{url}/{asks}&on=machine" if token else f"{url}/?on=machine"
                pages = f"the lab on this machine: {on_machine}, {pages}"
            print(f"Serving {service.folder} at {url}/{asks} ({pages}; Ctrl+C stops it)", flush=True)
            if not token and not is_loopback(self.host):
                print(
                    f"There is no login: anyone who can reach {self.host} can train, read and delete on this server.",
                    file=sys.stderr,
                    flush=True,
                )
            with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again once everything is closed
                StreamClosingServer(config).run(sockets=[listening])
        return 0

    def _check(self):
        check_port(self.port)
        if self.max_upload < 1:
            raise ExperimentError("max_upload", f"expected at least 1, in MB, got {self.max_upload}")
        if not self.folder:
            raise ExperimentError("folder", "expected the path of a folder, got an empty text; for this one, write .")

    def _token(self) -> str:
        """The token that requests need, or "" if they need none. Raises: PygptError if PYGPT_TOKEN cannot be one."""
        token = os.environ.get("PYGPT_TOKEN", "")
        if self.insecure:
            return ""
        if token and not TOKEN.fullmatch(token):
            raise PygptError(
                f"PYGPT_TOKEN must be at least {SHORTEST_TOKEN} ASCII letters, digits, '-', '_' and '.', and has "
                f"{len(token)} characters; leave it out to have one made"
            )
        return token or ("" if is_loopback(self.host) else secrets.token_urlsafe(24))


def is_loopback(host: str) -> bool:
    """Whether a host to bind to is a loopback address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_port(port: int) -> None:
    """Raises: ExperimentError if no port has this number. It comes before the page is built, which takes a while."""
    if not 0 <= port <= 65535:
        raise ExperimentError("port", f"{port} is outside 0 to 65535; 0 takes any free port")


def address(host: str, port: int) -> str:
    """The HOST:PORT at which a browser on this machine reaches the server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def _no_host(host, error):
    return PygptError(
        f"--host {host[:80]} is not an address of this machine ({getattr(error, 'strerror', None) or error}): "
        f"use 127.0.0.1 for this machine alone, or 0.0.0.0 for all that reach it"
    )


def open_port(host: str, port: int) -> socket.socket:
    """Open a listening socket. Raises: PygptError if the port cannot be opened."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # The protocol is explicit because asyncio sets TCP_NODELAY only on sockets that name it.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if sys.platform != "win32":  # on Windows the option lets two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except (socket.gaierror, UnicodeError) as error:
        raise _no_host(host, error) from None
    except (OSError, OverflowError) as error:
        if getattr(error, "errno", None) == errno.EADDRNOTAVAIL:
            raise _no_host(host, error) from None
        raise PygptError(
            f"Port {port} of {host} cannot be opened ({getattr(error, 'strerror', None) or error}). Another "
            f"program may be using it: choose another port with --port, or any free one with --port 0."
        ) from None
    return listening
