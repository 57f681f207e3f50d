"""Texts that are made here rather than downloaded."""
