"""`pygpt download`: a data set, or GPT-2's tokenizer, in the cache."""

from pygpt.cli.commands import Download
from pygpt.data.download import fetch


def download(command: Download) -> int:
    """Fetch it, and print where its files are."""
    for path in fetch(command.name):
        print(path)
    return 0
