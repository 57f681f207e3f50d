"""The recipes of docs/extending.md, each applied to a copy of the tree: help, flags, controls and plans follow."""

import json
import re

import pytest

from tests.recipes import ROOT, apply, copy_tree, run, sections

RECIPES = {
    title: text for title, text in sections((ROOT / "docs/extending.md").read_text()).items() if "Try it" in text
}
KINDS = ["activation", "norm", "position scheme", "model", "optimizer", "schedule", "tokenizer", "data set", "task"]
MOST_LINES = 16  # outside new files: one entry, with what it needs
TINY = (
    "--steps 3 --device numpy --model.n-embd 16 --model.n-head 2 --model.n-layer 1 --model.block-size 16 "
    "--train.batch-size 2 --train.eval-batches 1"
).split()


def test_there_is_a_recipe_for_each_kind():
    assert [title.split(" ", 1)[1] for title in RECIPES] == KINDS


@pytest.mark.slow
def test_all_recipes_together_pass_the_linter_and_the_type_checker(tmp_path):
    tree = copy_tree(tmp_path / "tree")
    for recipe in RECIPES.values():
        apply(recipe, tree)
    run(tree, "ruff", "check", "--fix")  # it sorts the imports
    run(tree, "mypy")


@pytest.mark.slow
@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_is_all_it_takes(title, tmp_path):
    tree = copy_tree(tmp_path / "tree")
    assert 0 < apply(RECIPES[title], tree) <= MOST_LINES
    preset, flag, name = re.search(r"Try it: `pygpt train (\w+) (\S+) (\S+)`", RECIPES[title]).groups()
    choice = name.removeprefix("task:")
    command = ["pygpt", "train", preset, flag, name, *TINY]

    run(tree, *command, "--out", str(tmp_path / "run"))
    run(tree, "pygpt", "eval", str(tmp_path / "run"), "--device", "numpy")
    run(tree, "pygpt", "sample", str(tmp_path / "run"), "--device", "numpy", "--max-new-tokens", "4")
    assert "GFLOP" in run(tree, "pygpt", "plan", preset, flag, name)
    if flag != "--data":
        assert choice in run(tree, "pygpt", "train", "--help")
    unknown = "task:no_such" if name.startswith("task:") else "no_such"
    assert choice in run(tree, "pygpt", "train", preset, flag, unknown, *TINY, fails=True)
    controls = json.loads(run(tree, "tests.recipes"))
    offered = controls["tasks"] if title == "A task" else controls["texts"] if flag == "--data" else controls[flag[2:]]
    assert choice in offered
    run(tree, "pytest", "-q", "tests/test_house.py", "tests/unit/config", "-p", "no:cacheprovider")
