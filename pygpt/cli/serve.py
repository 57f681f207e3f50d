"""`pygpt serve`: models over HTTP, and the lab with this machine behind it."""

import contextlib
import ipaddress
import socket
import sys
from pathlib import PurePosixPath

from pygpt.cli.commands import Serve
from pygpt.errors import PygptError
from pygpt.server.local_site import CHECKOUT, MIME_TYPES, build_site, headers_for, read_headers

BEFORE_FORCE = 5  # seconds that open streams have once the server was told to end


def serve_models(command: Serve) -> int:
    """Serve until Ctrl+C. Raises PygptError without the extra, or where the port or the folder cannot be had."""
    try:
        import uvicorn

        from pygpt.server.app import Service, create_app
    except ImportError as error:
        raise PygptError(
            f"`pygpt serve` needs a few more packages ({error.name} is missing). Install them with: "
            f"pip install 'pygpt[serve]'"
        ) from None

    service = Service(command.folder, command.device)
    largest = 1_000_000 * command.max_upload
    app = create_app(
        service,
        find_pages(command) if command.lab else None,
        loopback=is_loopback(command.host),
        names=tuple(command.name),
        largest_upload=largest,
    )

    class Server(uvicorn.Server):
        """uvicorn, which lets go of the streams when it is told to end: it waits for what is open."""

        def handle_exit(self, sig, frame):
            service.hang_up()
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        app, log_level="warning", ws_max_size=largest, timeout_graceful_shutdown=BEFORE_FORCE, server_header=False
    )
    with open_port(command.host, command.port) as listening:
        where = f"http://{address(command.host, listening.getsockname()[1])}"
        print(
            f"Serving {service.folder} at {where}/ (the lab on this machine: {where}/?on=machine, the interface: "
            f"{where}/docs; Ctrl+C ends it)",
            flush=True,
        )
        if not is_loopback(command.host):
            print(
                f"Whoever reaches {command.host} can train, read and delete here: nobody is asked who they are.",
                file=sys.stderr,
                flush=True,
            )
        with contextlib.suppress(KeyboardInterrupt):  # passed on by uvicorn, once all is put away
            Server(config).run(sockets=[listening])
    return 0


def find_pages(command: Serve):
    """The lab's pages, brought up to date where this package runs from a checkout; None, told, where they cannot be had."""
    from pygpt.server.static import Pages

    try:
        folder = command.site or build_site()
    except PygptError as error:
        print(f"Without the lab: {error}", file=sys.stderr, flush=True)
        return None
    if not (folder / "site.json").is_file():
        raise PygptError(f"There is no built lab in {folder}: wanted site.json, which build.py writes.")
    netlify = next(
        (path for path in (folder.parent / "netlify.toml", CHECKOUT / "netlify.toml") if path.is_file()), None
    )
    site_headers = read_headers(netlify) if netlify else []

    def headers(path: str) -> dict[str, str]:
        known = MIME_TYPES.get(PurePosixPath(path).suffix)
        return headers_for(f"/{path}", site_headers) | ({"Content-Type": known} if known else {})

    return Pages(folder, headers)


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
    """A listening socket. Raises PygptError if it cannot be had."""
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
