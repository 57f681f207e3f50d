"""Generated shaders are what their scripts write, and a function that several shaders share has one source."""

import re
import runpy
from pathlib import Path

import pytest

SHADERS = Path(__file__).resolve().parents[2] / "shaders"
SCRIPTS = sorted(SHADERS.glob("*.py"))
SHARED = runpy.run_path(str(SHADERS / "shared" / "__main__.py"))
FUNCTIONS = {
    name: path.stem
    for path in (SHADERS / "shared").glob("*.wgsl")
    for name in re.findall(r"^fn (\w+)\(", path.read_text(), re.M)
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_generated_shader_is_up_to_date(script):
    assert script.with_suffix(".wgsl").read_text() == runpy.run_path(str(script))["text"]()


@pytest.mark.parametrize("shader", sorted(SHADERS.glob("*.wgsl")), ids=lambda path: path.stem)
def test_shared_functions_are_up_to_date_and_defined_nowhere_else(shader):
    text = shader.read_text()
    assert SHARED["write"](text) == text, "run `python shaders/shared`"
    own = SHARED["MARKED"].sub("", text)
    assert not [name for name in FUNCTIONS if f"fn {name}(" in own]


def test_every_shared_function_is_used():
    marked = {found[1] for path in SHADERS.glob("*.wgsl") for found in SHARED["MARKED"].finditer(path.read_text())}
    assert marked == set(FUNCTIONS.values())
    assert len(marked) >= 5
