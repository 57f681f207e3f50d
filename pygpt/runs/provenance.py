"""Where a run comes from: what anyone who finds its file would ask."""

import functools
import platform
import sys
import time


from pygpt.version import __version__
IN_TAB = sys.platform == "emscripten"


def provenance(experiment, text, device) -> dict:
    """What is to be known of a run on a text and a device: versions, device, seed, text, state of git, time."""
    found = {"pygpt": __version__, "python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}",
             "device": device.name, "seed": experiment.train.seed, "when": now(),
             "data": {"name": text.name, "sha256": text.sha256, "origin": text.origin, "built_in": text.built_in}}
    library = "numpy" if device.kind == "numpy" else "wgpu"
    if library in sys.modules:  # the tab's GPU is the browser's
        found[library] = sys.modules[library].__version__
    if state := git_state():
        found["git"] = state
    return found


def now() -> str:
    """The time, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@functools.cache
def git_state() -> dict | None:
    """The commit of the current folder, and whether anything there differs from it; None in a tab, without git, or outside
    of a repository. It is asked for once: what a run was started from is what counts."""
    if IN_TAB:
        return None
    import subprocess  # a tab has no use for it

    def ask(*arguments):
        done = subprocess.run(["git", *arguments], capture_output=True, check=True, timeout=5)
        return done.stdout.decode().strip()

    try:
        commit = ask("rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(ask("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None

