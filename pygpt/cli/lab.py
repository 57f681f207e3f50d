"""`pygpt lab`: the page, built if need be, on this machine."""

import dataclasses


@dataclasses.dataclass
class LabCommand:
    """Build the page if need be, serve it on this machine, and open a browser."""

    port: int = 8000
    """port on 127.0.0.1"""
    open: bool = True
    """open a browser"""

    def run(self) -> int:
        """Serve until Ctrl+C. Raises: PygptError when it cannot be built, or the port is taken."""
        from pygpt.server.local_site import serve_lab

        serve_lab(self.port, self.open)
        return 0
