"""A trained model as one HTML file with a sampler of its own, which opens from a disk without a network."""

from pygpt.webpage.exporting import web_page

__all__ = ["web_page"]
