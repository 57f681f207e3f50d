"""The README's example runs, and its tables are complete."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

import pygpt.tensor.wgsl
from pygpt.config.experiment import PRESETS
from pygpt.tensor.kernel import KERNELS

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
BLOCKS = re.findall(
    r"`([\w/]+\.(?:py|wgsl))`[^`]*?(?:`[^`]*`[^`]*?)*?```(?:python|wgsl)\n(.*?)```",
    README[README.index("## Add an op") :],
    re.DOTALL,
)


@pytest.fixture
def relu(tmp_path, monkeypatch):
    """The worked example, written to the files it names and imported."""
    for name, text in BLOCKS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(pygpt.tensor.wgsl, "_FOLDERS", (*pygpt.tensor.wgsl._FOLDERS, tmp_path / "shaders"))
    before = dict(KERNELS)
    yield load("relu_op", tmp_path / "pygpt/ops/relu.py"), load("relu_test", tmp_path / "tests/ops/test_relu.py")
    KERNELS.clear()
    KERNELS.update(before)


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_the_worked_example_is_complete():
    assert [name for name, _ in BLOCKS] == [
        "pygpt/ops/relu.py",
        "shaders/relu.wgsl",
        "shaders/relu_gradient.wgsl",
        "tests/ops/test_relu.py",
    ]


def test_the_worked_example_passes_its_own_tests(relu, gpu):
    _, tests = relu
    assert len(tests.CASES) == 6
    for case in tests.CASES:
        tests.test_shader(case, gpu)
    for case in tests.CASES[:3]:
        tests.test_gradient(case)


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
