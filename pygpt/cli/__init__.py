"""The command line: `pygpt train`, `sample`, `eval`, `devices`, `lab`. The only place that prints."""

import os
import sys

from pygpt.errors import PygptError


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 1 after a mistake, told in one sentence on standard error."""
    from pygpt.cli.commands import run

    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        return run(arguments) or 0
    except PygptError as error:
        print(f"pygpt: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader went away (`pygpt sample ... | head`). Python would complain once more while closing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
