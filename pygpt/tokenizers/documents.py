"""The definition of a document, shared by the character vocabulary and the corpus."""


def split_documents(text: str) -> list[str]:
    """Split a text into its documents: the lines that are not blank, without surrounding white space."""
    # str.splitlines would also split at form feeds and U+2028, which belong to a document.
    return [line for line in map(str.strip, text.split("\n")) if line]
