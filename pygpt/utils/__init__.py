"""Helpers for all packages: cache folder, atomic writes, clock resolution, blocking calls, units, suggestions."""
