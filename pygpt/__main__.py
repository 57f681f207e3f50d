"""Runs the command `pygpt` as `python -m pygpt`."""

import sys

from pygpt.cli import main

if __name__ == "__main__":
    sys.exit(main())
