"""What a document is; the character vocabulary and the corpus must agree on it."""


def split_documents(text: str) -> list[str]:
    """Split a text into its documents: every line that is not blank, without the space around it."""
    # Not str.splitlines: that would also split at form feeds and U+2028, which belong to a document.
    return [line for line in map(str.strip, text.split("\n")) if line]
