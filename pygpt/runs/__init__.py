"""A run on disk: checkpoint files, run folders, provenance."""
