"""Where Chromium is on this machine. As a script: print it, or exit with 1 (the Makefile then installs one)."""

import os
import shutil
import sys
from pathlib import Path


def find_chromium() -> str | None:
    """The browser named by PYGPT_CHROMIUM, else the one Playwright installed, else one on PATH."""
    named = os.environ.get("PYGPT_CHROMIUM")
    if named:
        return named if Path(named).is_file() else None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        if Path(playwright.chromium.executable_path).is_file():
            return playwright.chromium.executable_path
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


if __name__ == "__main__":
    found = find_chromium()
    print(f"Chromium: {found}" if found else "Chromium: none yet")
    sys.exit(not found)
