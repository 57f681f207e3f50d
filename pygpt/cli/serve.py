"""`pygpt serve`: models over HTTP, and the lab with this machine behind it."""

import contextlib
import dataclasses
import ipaddress
import socket
import sys
from pathlib import Path
from typing import Annotated

from pygpt.cli.flags import DeviceChoice, optional
from pygpt.errors import PygptError

BEFORE_FORCE = 5  # seconds that open streams have once the server was told to end


@dataclasses.dataclass
class ServeCommand:
    """Serve data sets and models over HTTP, and the lab with this machine behind it (needs the extra `serve`)."""

    folder: Path = Path("runs/server")
    """where data sets and models are kept"""
    host: str = "127.0.0.1"
    """address to listen on; any address but this machine's own lets in everybody who can reach it"""
    port: int = 8000
    """port to listen on, 0 for any that is free"""
    name: list[str] = dataclasses.field(default_factory=list)
    """host names to answer to, besides localhost and addresses"""
    device: DeviceChoice = "auto"
    """where to compute"""
    max_upload: int = 200
    """largest upload, in MB"""
    site: Annotated[Path | None, optional("DIR")] = None
    """the built lab (default: dist/ of the checkout this runs from, brought up to date)"""
    lab: bool = True
    """serve the lab too, not the interface alone"""

    def run(self) -> int:
        """Serve until Ctrl+C. Raises: PygptError without the extra, or where the port or the folder cannot be used."""
        try:
            import uvicorn

            from pygpt.server.app import Service, create_app
            from pygpt.server.static import find_pages
        except ImportError as error:
            raise PygptError(
                f"`pygpt serve` needs a few more packages ({error.name} is missing). Install them with: "
                f"pip install 'pygpt-lab[serve]'"
            ) from None

        service = Service(self.folder, self.device)
        largest = 1_000_000 * self.max_upload
        app = create_app(
            service,
            find_pages(self.site) if self.lab else None,
            loopback=is_loopback(self.host),
            names=tuple(self.name),
            largest_upload=largest,
        )

        class HangingUp(uvicorn.Server):
            """uvicorn, which ends the open streams when it is told to end: otherwise it waits for them."""

            def handle_exit(self, sig, frame):
                service.hang_up()
                super().handle_exit(sig, frame)

        config = uvicorn.Config(
            app,
            log_level="warning",
            ws_max_size=largest,
            timeout_graceful_shutdown=BEFORE_FORCE,
            server_header=False,
        )
        with open_port(self.host, self.port) as listening:
            where = f"http://{address(self.host, listening.getsockname()[1])}"
            print(
                f"Serving {service.folder} at {where}/ (the lab on this machine: {where}/?on=machine, the interface: "
                f"{where}/docs; Ctrl+C ends it)",
                flush=True,
            )
            if not is_loopback(self.host):
                print(
                    f"Anybody who can reach {self.host} can train, read and delete here: there is no login.",
                    file=sys.stderr,
                    flush=True,
                )
            with contextlib.suppress(KeyboardInterrupt):  # passed on by uvicorn, once everything is closed
                HangingUp(config).run(sockets=[listening])
        return 0


def is_loopback(host: str) -> bool:
    """Whether a host to bind to is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def open_port(host: str, port: int) -> socket.socket:
    """A listening socket. Raises: PygptError if it cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # By its full name: asyncio sends small answers at once (TCP_NODELAY) only where the protocol is named.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if sys.platform != "win32":  # where it would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        raise PygptError(
            f"Port {port} of {host} cannot be opened ({getattr(error, 'strerror', None) or error}). Another "
            f"program may be using it: choose another with --port, or --port 0 for any that is free."
        ) from None
    return listening
