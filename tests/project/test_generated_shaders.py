"""The shaders that a script writes out are what it writes."""

import runpy
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).resolve().parents[2] / "shaders").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_written_shader_is_as_its_script_writes_it(script):
    assert script.with_suffix(".wgsl").read_text() == runpy.run_path(str(script))["text"]()
