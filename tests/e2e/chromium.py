"""Find Chromium on this machine. As a script, print its path, or exit with 1 (the Makefile then installs it)."""

import os
import shutil
import sys
from pathlib import Path


def find_chromium() -> str | None:
    """Return the browser named by PYGPT_CHROMIUM, else Playwright's, else one on PATH."""
    named = os.environ.get("PYGPT_CHROMIUM")
    if named:
        return named if Path(named).is_file() else None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        if Path(playwright.chromium.executable_path).is_file():
            return playwright.chromium.executable_path
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


if __name__ == "__main__":
    executable = find_chromium()
    print(f"Chromium: {executable}" if executable else "Chromium: not found")
    sys.exit(not executable)
