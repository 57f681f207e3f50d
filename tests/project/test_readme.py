"""The README's example runs, and its tables are complete."""

import re
import shlex
from pathlib import Path

import pytest

from pygpt.config.experiment import PRESETS
from tests.recipes import OP_TESTS, QUICK_TESTS, copy_tree, run

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
BLOCKS = re.findall(
    r"`([\w/]+\.(?:py|wgsl))`[^`]*?(?:`[^`]*`[^`]*?)*?```(?:python|wgsl)\n(.*?)```",
    README[README.index("## Add an op") :],
    re.DOTALL,
)


def test_the_worked_example_is_complete():
    assert [name for name, _ in BLOCKS] == [
        "pygpt/ops/relu.py",
        "shaders/relu.wgsl",
        "shaders/relu_gradient.wgsl",
        "tests/ops/test_relu.py",
        "pygpt/ops/__init__.py",
    ]
    assert len(BLOCKS[-1][1].splitlines()) == 1


def test_the_quick_tests_are_those_of_make_check():
    makefile = (Path(__file__).resolve().parents[2] / "Makefile").read_text()
    recipe = re.search(r"^quick-tests:.*\n((?:\t.*\n)+)", makefile, re.M)[1].replace("\\\n", " ")
    assert shlex.split(recipe)[-len(QUICK_TESTS) :] == QUICK_TESTS


@pytest.mark.slow
def test_the_worked_example_passes_the_tests_of_ops(tmp_path, gpu):
    """The op is added to a copy of the tree: its own tests and those that know of an op pass there."""
    tree = copy_tree(tmp_path / "tree")
    for name, code in BLOCKS:
        with (tree / name).open("a") as file:
            file.write(code)
    run(tree, "ruff", "check", "--fix")
    run(tree, "mypy")
    assert "9 passed" in run(tree, "pytest", "-q", "tests/ops/test_relu.py")
    printed = run(tree, "pytest", "-q", *OP_TESTS, timeout=900)
    assert int(re.search(r"(\d+) passed", printed)[1]) > 500


def test_all_presets_and_data_sets_are_documented():
    from pygpt.data import DATASETS

    rows = set(re.findall(r"^\| (.*?) \|", README, re.MULTILINE))
    documented = {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}
    assert set(PRESETS) | set(DATASETS) <= documented


def test_every_row_of_the_parity_table_links_to_an_existing_test():
    """The README lists the systems this project reproduces, each with its test."""
    rows = re.findall(r"^\| (\w[\w -]*), .*\| \[`(test_\w+\.py)`\]\((.*?)\) \|$", README, re.MULTILINE)
    assert [name for name, *_ in rows] == ["microgpt", "jsGPT", "ChadGPT", "nanoGPT", "nanogpt-jax"]
    for _, file, link in rows:
        assert link == f"tests/parity/{file}" and (Path(__file__).parents[1] / "parity" / file).is_file()
