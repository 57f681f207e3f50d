"""Layers and parameters."""
