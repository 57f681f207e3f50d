"""`pygpt lab`: serve the lab page on this machine."""

import dataclasses

from pygpt.cli.serve import check_port


@dataclasses.dataclass
class LabCommand:
    """Build the lab page, serve it on this machine, and open a browser."""

    port: int = 8000
    """port on 127.0.0.1"""
    open: bool = True
    """open a browser"""

    def run(self) -> int:
        """Serve until Ctrl+C. Raises: PygptError if the page cannot be built or the port is taken."""
        from pygpt.server.local_site import serve_lab

        check_port(self.port)
        serve_lab(self.port, self.open)
        return 0
