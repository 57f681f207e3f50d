"""The imports that pygpt's folders may have; `python -m tests.house` prints the imports it finds.

A folder may import itself and the folders and modules that its row lists. A module with its own row follows that row,
not its folder's. Imports inside functions count too.
"""

import ast
import collections
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

MAY_IMPORT = {
    "errors": "",
    "version": "",
    "micro": "",
    "utils": "errors",
    "devices.submissions": "",
    "devices.memory": "",
    "devices.base": "errors devices.memory devices.submissions",
    "tensor": "errors devices.base",
    "devices": "errors utils tensor.shader_sources",
    "ops": "errors tensor",
    "nn": "ops tensor",
    "models": "nn ops tensor",
    "optim": "nn ops tensor",
    "tokenizers": "errors utils",
    "data": "errors utils tensor ops nn tokenizers",
    "config": "errors utils nn models optim tokenizers data",
    "training.loss_curve": "errors",
    "training.ngram_baselines": "",
    "training.metrics": "errors tensor ops optim training.loss_curve",
    "training.trainer": "tensor ops nn models optim data training.metrics",
    "analysis.flops": "devices.base tensor models config",
    "analysis.plan": "devices tensor ops nn models data config training.trainer analysis.flops",
    "analysis.memory": "errors utils devices.base tensor models optim config analysis.plan",
    "runs": "errors utils version tensor models optim tokenizers data config training.loss_curve training.metrics",
    "training": "errors utils tensor ops nn models tokenizers data config analysis.memory runs",
    "inference": "errors utils devices tensor ops nn models tokenizers config analysis.memory runs",
    "analysis": "errors utils version devices tensor ops nn models data config training inference",
    "webpage": "errors version tensor ops nn models tokenizers config training.loss_curve runs",
    "huggingface": "errors utils version tensor tokenizers config runs",
    "nanogpt": "errors utils version tensor tokenizers data config runs huggingface",
    "language_model": "errors utils devices models data config training analysis runs inference",
    "session": "errors utils version models tokenizers data config training analysis runs inference webpage "
    "huggingface",
    "server": "errors utils version devices tokenizers data config training analysis runs inference session",
    "cli": "errors utils version devices tensor tokenizers data config training analysis runs inference huggingface "
    "nanogpt session server webpage",
    "__init__": "errors version config language_model",
    "__main__": "cli",
}
MOST_FILES = 9  # files directly in pygpt/, outside its folders


def modules() -> dict[str, Path]:
    """Map each module's dotted name, without "pygpt.", to its file."""
    paths = {}
    for path in sorted((ROOT / "pygpt").rglob("*.py")):
        parts = path.relative_to(ROOT / "pygpt").with_suffix("").parts
        paths[".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)] = path
    return paths


def imports(path: Path):
    """Yield (dotted name, place) for every import in a file, including imports inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            yield from ((alias.name, place) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place}: import by the full name"
            yield from ((f"{node.module}.{alias.name}", place) for alias in node.names)


def edges() -> dict[str, dict[str, str]]:
    """Map each module to the modules of the package that it imports, each with the place of the import."""
    paths = modules()
    targets = collections.defaultdict(dict)
    for name, path in paths.items():
        for imported, place in imports(path):
            if imported != "pygpt" and not imported.startswith("pygpt."):
                continue
            target = imported.removeprefix("pygpt").removeprefix(".") or "__init__"
            # `from pygpt.data import load_text` names a module and something in it.
            if target not in paths:
                target = target.rpartition(".")[0] or "__init__"
            if target != name:
                targets[name][target] = place
    return targets


def row_of(module: str) -> str:
    """The table row of a module: its own, else its folder's."""
    return module if module in MAY_IMPORT else module.split(".")[0]


def forbidden() -> list[str]:
    """List the imports that the table does not allow, one line each."""
    violations = []
    for name, targets in edges().items():
        row = row_of(name)
        allowed = set(MAY_IMPORT[row].split()) | {row}
        for target, place in targets.items():
            if not {target, row_of(target), target.split(".")[0]} & allowed:
                violations.append(f"{place}: {row} must not import {target}")
    return violations


def cycles() -> list[list[str]]:
    """List the import cycles, each as its modules: Tarjan's strongly connected components of more than one module."""
    graph = {name: set(targets) for name, targets in edges().items()}
    index, low, stack, components = {}, {}, [], []

    def visit(module):
        index[module] = low[module] = len(index)
        stack.append(module)
        for target in graph.get(module, ()):
            if target not in index:
                visit(target)
            if target in stack:
                low[module] = min(low[module], low[target])
        if low[module] == index[module]:
            component = []
            while not component or component[-1] != module:
                component.append(stack.pop())
            if len(component) > 1:
                components.append(sorted(component))

    sys.setrecursionlimit(10_000)
    for module in modules():
        if module not in index:
            visit(module)
    return components


def main() -> int:
    """Print the actual imports of each row, the forbidden imports, and the cycles."""
    used = collections.defaultdict(set)
    for name, targets in edges().items():
        used[row_of(name)] |= {row_of(target) for target in targets} - {row_of(name)}
    for row in MAY_IMPORT:
        print(f"{row:<26} {' '.join(sorted(used[row])) or '-'}")
    violations, found_cycles = forbidden(), cycles()
    print("\n".join(violations) or "the table allows every import")
    print("\n".join(f"cycle: {' <-> '.join(cycle)}" for cycle in found_cycles) or "no cycles, lazy imports included")
    return 1 if violations or found_cycles else 0


if __name__ == "__main__":
    sys.exit(main())
