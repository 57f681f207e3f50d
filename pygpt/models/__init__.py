"""The models, and how to build the one that a configuration describes."""

from pygpt.models.registry import MODELS, build_model

__all__ = ["MODELS", "build_model"]
