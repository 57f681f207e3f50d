"""Applies the recipes of README.md and docs/extending.md to a copy of the tree.

A recipe is a section of Markdown. A line above each block of code states where the code goes: "A new file `path`:", or
"In `path`, with the imports:", "in `NAME`:" (at the end of that dict) or "above `NAME`:".
"""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What `make check` runs.
QUICK_TESTS = ["tests/unit", "tests/ops", "tests/test_house.py", "tests/test_goldens.py", "tests/test_compatibility.py"]
QUICK_TESTS += ["-m", "not slow and not gpu"]
# Those of them that know of an op: it is built, planned, differentiated, and named in the house's lists.
OP_TESTS = [f"tests/unit/{folder}" for folder in ("ops", "tensor", "devices", "models", "optim", "analysis")]
OP_TESTS += ["tests/ops", "tests/test_house.py", "tests/test_goldens.py", *QUICK_TESTS[-2:]]
STEP = re.compile(
    r"^(A new file|In) `([\w/.]+)`(?:, (with the imports|in `\w+`|above `\w+`))?:\n\n```python\n(.*?)^```$", re.M | re.S
)


def copy_tree(target: Path) -> Path:
    """Copy what is needed to run the package and its quick tests, without build products."""
    left_out = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in ("pygpt", "shaders", "tests", "lab", "docs"):
        shutil.copytree(ROOT / name, target / name, ignore=left_out)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy2(path, target)
    return target


def sections(markdown: str) -> dict[str, str]:
    """Map the titles of the second level to the text below them."""
    parts = re.split(r"^## (.+)$", markdown, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def apply(recipe: str, tree: Path) -> int:
    """Apply a recipe to a tree. Returns the number of lines it adds outside new files."""
    added = 0
    for kind, name, where, code in STEP.findall(recipe):
        path = tree / name
        if kind == "A new file":
            path.write_text(code)
            continue
        lines = path.read_text().splitlines(keepends=True)
        at = _line(ast.parse("".join(lines)), where)
        path.write_text("".join([*lines[:at], code, "\n\n" * where.startswith("above"), *lines[at:]]))
        added += len(code.strip().splitlines())
    return added


def _line(module: ast.Module, where: str) -> int:
    """The number of lines above the place where code is inserted."""
    if where == "with the imports":
        return max(node.end_lineno for node in module.body if isinstance(node, ast.Import | ast.ImportFrom))
    target = where.split("`")[1]
    node = next(node for node in module.body if target in _names(node))
    if where.startswith("above"):
        return node.lineno - 1
    value = node.value.generators[0].iter if isinstance(node.value, ast.DictComp) else node.value
    # Code goes above the closing bracket, which must be on a line of its own.
    assert value.end_lineno > value.lineno, f"{target} is written on one line"
    return value.end_lineno - 1


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def run(tree: Path, *arguments: str, fails: bool = False, timeout: float = 300) -> str:
    """Run `python -m ...` in a tree and return its output. Fails if the command fails (or, with `fails`, succeeds)."""
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=tree, capture_output=True, text=True, timeout=timeout)
    printed = done.stdout + done.stderr if fails else done.stdout
    assert (done.returncode != 0) == fails, f"{' '.join(arguments)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return printed


def offered_choices() -> dict[str, list[str]]:
    """What the page of this tree would offer: the choices of each setting by its dotted name, texts and tasks."""
    from types import SimpleNamespace

    from pygpt.data import DATASETS
    from pygpt.session.capabilities import capabilities

    site = SimpleNamespace(contents={"version": "", "machine": False}, texts=[*DATASETS], numpy=True)
    ready = capabilities(site).to_dict()
    choices = {field["field"]: field["choices"] for field in ready["fields"]}
    return choices | {"texts": ready["texts"], "tasks": [task["name"] for task in ready["tasks"]]}


if __name__ == "__main__":
    print(json.dumps(offered_choices()))
