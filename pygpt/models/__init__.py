"""The models, and which one a configuration asks for."""

from pygpt.models.registry import MODELS, build_model

__all__ = ["MODELS", "build_model"]
