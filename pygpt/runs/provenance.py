"""The provenance of a run: versions, device, seed, text, git commit, time."""

import functools
import math
import platform
import sys
import time
from typing import Any

from pygpt.errors import TokenizerError
from pygpt.tokenizers import Tokenizer
from pygpt.version import __version__

IN_TAB = sys.platform == "emscripten"


def provenance(experiment, text, device) -> dict:
    """The provenance of a run on a text and a device."""
    record: dict[str, Any] = {
        "pygpt": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": device.name,
        "seed": experiment.train.seed,
        "when": now(),
        "data": {"name": text.name, "sha256": text.sha256, "origin": text.origin, "built_in": text.built_in},
    }
    if text.text is None:  # shards: the same text can be divided in another way
        record["data"]["prepared"] = [len(text.train), len(text.val)]
    library = "numpy" if device.kind == "numpy" else "wgpu"
    if library in sys.modules:  # not in a tab, where the browser provides the GPU
        record[library] = sys.modules[library].__version__
    if state := git_state():
        record["git"] = state
    return record


def now() -> str:
    """The current time in UTC, as ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@functools.cache
def git_state() -> dict | None:
    """The commit of the working directory and whether tracked files differ from it, or None in a tab, without git, or
    outside a repository. It is cached, because the state at the start of a run is the one that matters."""
    if IN_TAB:
        return None
    import subprocess  # not used in a tab

    def git(*arguments):
        done = subprocess.run(["git", *arguments], capture_output=True, check=True, timeout=5)
        return done.stdout.decode().strip()

    try:
        commit = git("rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None


def prompt_ids(typed: list[int], template: tuple[int, ...] | None, tokenizer: Tokenizer) -> list[int]:
    """The ids of a prompt, and before them those that it begins with, given its `prompt_template`.

    Without a template it begins with the token between documents, if there is one. A prompt has at least one id: an
    empty one is what ends a text, else a newline, or token 0 if the vocabulary has none.
    """
    if template or (template is not None and typed):
        return [*template, *typed]
    begins = tokenizer.delimiter if template is None else tokenizer.bos
    if begins is not None:
        return [begins, *typed]
    if typed or tokenizer.delimiter is not None:
        return typed or [tokenizer.delimiter]  # type: ignore[list-item]  # as the condition says
    try:
        return [tokenizer.encode("\n")[0]]
    except TokenizerError:
        return [0]


def text_ends(template: tuple[int, ...] | None, tokenizer: Tokenizer) -> set[int]:
    """The ids that end a text. In the training of documents, the token between two of them also ends one."""
    own = set(tokenizer.ends)
    return own if template is not None or tokenizer.delimiter is None else own | {tokenizer.delimiter}


def prompt_template(origin: dict, layout: str, tokenizer: Tokenizer) -> tuple[int, ...] | None:
    """The ids before the prompts of a model with this provenance; None: as before the documents that it was trained on.

    Those of an imported model are its tokenizer's template, also after training on a text without documents. Training
    on documents taught it how they begin and end. Nothing comes before the prompts of a run that saw no documents; what
    a run of pygpt saw that came before is not in the provenance, but its tokenizer has a delimiter if it was documents.
    """
    if "imported" in origin:
        return tokenizer.template
    if layout == "documents":
        return None
    parent = origin.get("init_from")
    if isinstance(parent, dict):
        return prompt_template(parent, "unknown", tokenizer)
    return () if layout == "stream" else None


def bytes_per_token(origin: dict, tokenizer: dict) -> float | None:
    """The bytes of text that a token of a run stands for, on average, given its provenance and the description of its
    tokenizer; None if an earlier version wrote it, unless each token is a byte."""
    data = origin.get("data")
    found = data.get("bytes_per_token") if isinstance(data, dict) else None
    if isinstance(found, float) and 0 < found < math.inf:
        return found
    kind, characters = tokenizer.get("kind"), tokenizer.get("characters")
    return 1.0 if kind == "byte" or (kind == "char" and str(characters).isascii()) else None
