"""Generated texts, which need no download."""
