"""Models of nanoGPT, as runs."""

from pygpt.nanogpt.importing import import_checkpoint

__all__ = ["import_checkpoint"]
